// SPDX-License-Identifier: MIT
#ifndef LACUNA_ENCODER_LISTA_HPP
#define LACUNA_ENCODER_LISTA_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/encoder/affine_map.hpp>
#include <lacuna/encoder/learned_shrink.hpp>
#include <lacuna/operator/spectral_norm.hpp>

namespace lacuna {

/// Options of `ListaEncoder`.
struct ListaOptions {
  Index layers = 16;    ///< steps of the iteration, at least 1
  double lambda = 0.1;  ///< of the objective 1/2 ||x - D s||^2 + lambda ||s||_1 that it begins with
  bool nonnegative = true;  ///< codes of at least 0; otherwise of either sign
  bool tied = false;        ///< one set of weights and thresholds for all layers, not one a layer
  bool momentum = false;    ///< layers begin beyond the last code: FISTA's step, not ISTA's
  Index threads = 1;        ///< 0 for all cores; the answer has the same bits at any number
};

namespace detail {
/// A dictionary that an encoder E of elements S can be made from. Not E itself, and this first:
/// whether an encoder is a dictionary would ask whether it can be copied, which is what is asked.
template <class D, class E, class S>
concept DictionaryFor = !std::same_as<D, E> && Dictionary<D> && std::same_as<ScalarOf<D>, S>;
}  // namespace detail

/// Learned ISTA: a stated number of steps of iterative soft thresholding, whose matrices and
/// thresholds are learned. Dense codes. Models `DifferentiableEncoderFor` every dictionary of its
/// element type and shape.
///
///   s_0 = 0;  y = s_l + m_l (s_l - s_(l-1));  s_(l+1) = shrink(y + B_l (x - A_l y), theta_l)
///
/// with A_l dim x num_atoms, B_l num_atoms x dim, a threshold an atom, and a momentum m_l a layer
/// (0 without the option). shrink(v, theta) = max(v - theta, 0), for codes of either sign less
/// max(-v - theta, 0), which is the soft threshold for theta >= 0 and stays continuous where
/// training takes theta below.
///
/// Made from a dictionary it has A = D, B = D^T / L, theta = lambda / L with L >= ||D||_2^2, and
/// FISTA's momentum: untrained it is `Ista` of this many steps, or `Fista` without restarts. From
/// there it owns its weights. Gregor & LeCun write a step as shrink(B x + C s); with more atoms
/// than dimensions the residual form above has fewer weights, 2 dim num_atoms a layer and not (dim
/// + num_atoms) num_atoms, and from num_atoms = 2 dim on fewer flops. The first layer has no A,
/// since s_0 is 0.
///
/// Cost: 4 dim num_atoms flops a signal and layer forward (2 in the first), twice that backward.
///
/// Source: Gregor & LeCun, "Learning fast approximations of sparse coding", 2010; the residual
/// form, with A fixed: Chen, Liu, Wang & Yin, "Theoretical linear convergence of unfolded ISTA and
/// its practical weights and thresholds", 2018.
///
/// @code
/// ListaEncoder<float> encoder(dictionary, {.layers = 8, .lambda = 0.05});
/// Model model{Identity{}, dictionary, encoder};                  // the codes of 8 steps of ISTA
/// JointTrainer({.learn_dictionary = false}).fit(model, source);  // better ones
/// @endcode
template <Real S>
class ListaEncoder {
 public:
  using Scalar = S;
  using Options = ListaOptions;

  /// What `forward` leaves for `backward`.
  struct Tape {
    std::vector<Matrix<S>> codes;      ///< s_(l+1) of layer l, num_atoms x n
    std::vector<Matrix<S>> residuals;  ///< x - A_l y of layer l, dim x n; empty for the first
    Matrix<S> gradient, carried, point, residual_gradient;  ///< work space of `backward`
  };

  /// The steps of ISTA or FISTA on d. Looks at d now and never again.
  /// @throws std::invalid_argument: a dictionary that is not finite, an option out of range.
  template <detail::DictionaryFor<ListaEncoder, S> D>
  explicit ListaEncoder(const D& d, ListaOptions options = {})
      : dim_(d.dim()), num_atoms_(d.num_atoms()), options_(checked(options)) {
    const Matrix<S> transposed = tied_weights(d);
    check_finite<S>("ListaEncoder", "atoms", transposed.transpose());
    const double lipschitz = squared_spectral_norm(d);
    const double step = lipschitz > 0 ? 1 / lipschitz : 1.0;
    parameters_.resize(momenta_begin() + num_momenta());
    for (Index l = 0; l < num_thresholds(); ++l) {
      at(parameters_, analysis_begin(l), num_atoms_, dim_) = static_cast<S>(step) * transposed;
      parameters_.segment(thresholds_begin(l), num_atoms_)
          .setConstant(static_cast<S>(step * options.lambda));
    }
    for (Index l = 1; l <= num_synthesis(); ++l)
      at(parameters_, synthesis_begin(l), dim_, num_atoms_) = transposed.transpose();
    double t = 1;
    for (Index l = 0; l < num_momenta(); ++l) {
      const double next = 0.5 * (1 + std::sqrt(1 + 4 * t * t));
      parameters_[momenta_begin() + l] = static_cast<S>((t - 1) / next);
      t = next;
    }
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }

  /// B_l, num_atoms x dim, of layer l; one for all where tied.
  [[nodiscard]] Eigen::Map<const Matrix<S>> analysis(Index l) const {
    return {parameters_.data() + analysis_begin(l), num_atoms_, dim_};
  }
  /// A_l, dim x num_atoms, of layer l from 1.
  [[nodiscard]] Eigen::Map<const Matrix<S>> synthesis(Index l) const {
    return {parameters_.data() + synthesis_begin(l), dim_, num_atoms_};
  }
  /// theta_l, num_atoms.
  [[nodiscard]] ConstParameterView<S> thresholds(Index l) const {
    return {parameters_.data() + thresholds_begin(l), num_atoms_};
  }
  /// m_l of layer l from 1: 0 without the option.
  [[nodiscard]] S momentum(Index l) const {
    return options_.momentum ? parameters_[momenta_begin() + l - 1] : S(0);
  }
  /// All B, all A, all thresholds, all momenta, each in the order of the layers.
  [[nodiscard]] ParameterView<S> parameters() { return {parameters_.data(), parameters_.size()}; }
  [[nodiscard]] ConstParameterView<S> parameters() const {
    return {parameters_.data(), parameters_.size()};
  }

  /// Codes, num_atoms x n. @throws std::invalid_argument: shape, NaN.
  template <Dictionary D>
  [[nodiscard]] Matrix<S> encode(const D& d, const MatrixArg<S>& signals) const {
    check("ListaEncoder::encode", d, signals);
    Matrix<S> codes(num_atoms_, signals.cols());
    // A block of signals goes through all layers while it is in the cache.
    const Index block_size = std::clamp<Index>((Index{1} << 18) / num_atoms_, 64, 1024);
    for_each_block(signals.cols(), block_size, options_.threads, [&](Block block, Index) {
      const auto x = signals.middleCols(block.begin, block.count);
      Matrix<S> before, now, next, residual;
      for (Index l = 0; l < options_.layers; ++l) {
        apply_layer(l, x, before, now, residual, next, 1);
        before.swap(now);
        now.swap(next);
      }
      codes.middleCols(block.begin, block.count) = now;
    });
    return codes;
  }

  template <Dictionary D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    check("ListaEncoder::forward", d, signals);
    const auto layers = static_cast<std::size_t>(options_.layers);
    tape.codes.resize(layers);
    tape.residuals.resize(layers);
    const Matrix<S> none;
    for (std::size_t l = 0; l < layers; ++l)
      apply_layer(static_cast<Index>(l), signals, l > 1 ? tape.codes[l - 2] : none,
                  l > 0 ? tape.codes[l - 1] : none, tape.residuals[l], tape.codes[l],
                  options_.threads);
    return tape.codes.back();
  }

  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>& signals, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    check_same_shape("ListaEncoder::backward", "codes", tape.codes.back(), "code gradients",
                     code_gradient);
    const Index threads = options_.threads;
    gradient.setZero(parameters_.size());
    go_back(
        tape, code_gradient, tape,
        [&](Index l, const Matrix<S>& g, const Matrix<S>& residual_gradient) {
          auto by_analysis = at(gradient, analysis_begin(l), num_atoms_, dim_);
          if (l == 0) {
            add_blocked_product(S(1), g, signals.transpose(), by_analysis, threads);
            return;
          }
          const auto here = static_cast<std::size_t>(l);
          add_blocked_product(S(1), g, tape.residuals[here].transpose(), by_analysis, threads);
          const Matrix<S>* point = &tape.codes[here - 1];
          if (options_.momentum) {
            set_point(l, l > 1 ? tape.codes[here - 2] : Matrix<S>(), tape.codes[here - 1],
                      tape.point);
            point = &tape.point;
          }
          auto by_synthesis = at(gradient, synthesis_begin(l), dim_, num_atoms_);
          add_blocked_product(S(-1), residual_gradient, point->transpose(), by_synthesis, threads);
        },
        &gradient);
  }

  template <Dictionary D>
  [[nodiscard]] Matrix<S> signal_gradient(const D&, const Tape& tape,
                                          const Matrix<S>& code_gradient) const {
    check_same_shape("ListaEncoder::signal_gradient", "codes", tape.codes.back(), "code gradients",
                     code_gradient);
    Tape work;
    Matrix<S> result = Matrix<S>::Zero(dim_, code_gradient.cols());
    go_back(
        tape, code_gradient, work,
        [&](Index l, const Matrix<S>& g, const Matrix<S>& residual_gradient) {
          if (l > 0)
            result += residual_gradient;
          else
            add_blocked_product(S(1), analysis(0).transpose(), g, result, options_.threads);
        },
        nullptr);
    return result;
  }

  template <Dictionary D>
  [[nodiscard]] std::int64_t forward_flops(const D&) const {
    const std::int64_t products = 2 * std::int64_t{dim_} * num_atoms_;
    const std::int64_t shrink = (options_.nonnegative ? 1 : 3) * num_atoms_;
    const std::int64_t momentum = options_.momentum ? 3 * num_atoms_ : 0;
    return products + shrink +
           (options_.layers - 1) * (2 * products + dim_ + num_atoms_ + shrink + momentum);
  }
  template <Dictionary D>
  [[nodiscard]] std::int64_t backward_flops(const D&) const {
    const std::int64_t products = 2 * std::int64_t{dim_} * num_atoms_;
    const std::int64_t shrink = (options_.nonnegative ? 1 : 3) * num_atoms_;
    const std::int64_t momentum = options_.momentum ? 10 * num_atoms_ : 0;
    return products + shrink + (options_.layers - 1) * (4 * products + shrink + momentum);
  }

 private:
  [[nodiscard]] static ListaOptions checked(ListaOptions options) {
    require(options.layers >= 1, "ListaEncoder",
            "layers must be at least 1, are " + std::to_string(options.layers));
    require(options.lambda >= 0 && std::isfinite(options.lambda), "ListaEncoder",
            "lambda must be finite and at least 0, is " + text_of(options.lambda));
    detail::check_threads("ListaEncoder", options.threads);
    return options;
  }

  template <class D>
  void check(const char* where, const D& d, const MatrixArg<S>& signals) const {
    detail::check_amortised<S>(where, dim_, num_atoms_, d, signals);
  }

  // ---- where the parameters are
  // --------------------------------------------------------------------

  [[nodiscard]] Index num_thresholds() const { return options_.tied ? 1 : options_.layers; }
  [[nodiscard]] Index num_synthesis() const {
    return options_.tied ? std::min<Index>(1, options_.layers - 1) : options_.layers - 1;
  }
  [[nodiscard]] Index num_momenta() const { return options_.momentum ? options_.layers - 1 : 0; }
  [[nodiscard]] Index analysis_begin(Index l) const {
    return (options_.tied ? 0 : l) * num_atoms_ * dim_;
  }
  [[nodiscard]] Index synthesis_begin(Index l) const {
    return (num_thresholds() + (options_.tied ? 0 : l - 1)) * num_atoms_ * dim_;
  }
  [[nodiscard]] Index thresholds_begin(Index l) const {
    return (num_thresholds() + num_synthesis()) * num_atoms_ * dim_ +
           (options_.tied ? 0 : l) * num_atoms_;
  }
  [[nodiscard]] Index momenta_begin() const {
    return (num_thresholds() + num_synthesis()) * num_atoms_ * dim_ + num_thresholds() * num_atoms_;
  }
  [[nodiscard]] static Eigen::Map<Matrix<S>> at(Vector<S>& values, Index begin, Index rows,
                                                Index cols) {
    return {values.data() + begin, rows, cols};
  }

  // ---- a layer, there and back ----

  /// y of layer l from 1; `before` is empty for s_0.
  void set_point(Index l, const Matrix<S>& before, const Matrix<S>& now, Matrix<S>& point) const {
    const S m = momentum(l);
    if (m == S(0))
      point = now;
    else if (before.size() == 0)
      point = (1 + m) * now;
    else
      point = (1 + m) * now - m * before;
  }

  void apply_layer(Index l, const MatrixArg<S>& x, const Matrix<S>& before, const Matrix<S>& now,
                   Matrix<S>& residual, Matrix<S>& next, Index threads) const {
    if (l == 0) {
      next.setZero(num_atoms_, x.cols());
      add_blocked_product(S(1), analysis(0), x, next, threads);
    } else {
      set_point(l, before, now, next);
      residual = x;
      add_blocked_product(S(-1), synthesis(l), next, residual, threads);
      add_blocked_product(S(1), analysis(l), residual, next, threads);
    }
    shrink(l).apply(next, threads);
  }

  /// Of layer l.
  [[nodiscard]] detail::LearnedShrink<S> shrink(Index l) const {
    return {thresholds(l), options_.nonnegative};
  }

  /// Goes from the last layer to the first and calls `visit(l, dL/dv, dL/dresidual)` at each; the
  /// second is of no use at the first layer. Thresholds and momenta get their gradients here, where
  /// they are wanted.
  template <class Visit>
  void go_back(const Tape& tape, const Matrix<S>& code_gradient, Tape& work, Visit&& visit,
               Vector<S>* gradient) const {
    const Index threads = options_.threads;
    Matrix<S>& g = work.gradient;
    g = code_gradient;
    // What the code before a layer's input is owed by the momentum of the layers after it.
    if (options_.momentum) work.carried.setZero(num_atoms_, g.cols());
    work.residual_gradient.resize(dim_, g.cols());
    for (Index l = options_.layers - 1; l >= 0; --l) {
      const auto here = static_cast<std::size_t>(l);
      shrink(l).backward(tape.codes[here], g,
                         gradient ? gradient->data() + thresholds_begin(l) : nullptr, threads);
      if (l > 0) blocked_product(analysis(l).transpose(), g, work.residual_gradient, threads);
      visit(l, std::as_const(g), std::as_const(work.residual_gradient));
      if (l == 0) break;
      add_blocked_product(S(-1), synthesis(l).transpose(), work.residual_gradient, g, threads);
      if (!options_.momentum) continue;
      const Matrix<S>& now = tape.codes[here - 1];
      const S m = momentum(l);
      if (gradient) {
        S& by_momentum = (*gradient)[momenta_begin() + l - 1];
        by_momentum = g.cwiseProduct(now).sum();
        if (l > 1) by_momentum -= g.cwiseProduct(tape.codes[here - 2]).sum();
      }
      // dL/ds_l from y and from the layer after; and what s_(l-1) will be owed.
      work.point = g;
      g = (1 + m) * work.point + work.carried;
      work.carried = -m * work.point;
    }
  }

  Index dim_;
  Index num_atoms_;
  ListaOptions options_;
  Vector<S> parameters_;
};

}  // namespace lacuna

#endif  // LACUNA_ENCODER_LISTA_HPP
