// SPDX-License-Identifier: MIT
#ifndef LACUNA_TESTS_SUPPORT_ARCHETYPES_HPP
#define LACUNA_TESTS_SUPPORT_ARCHETYPES_HPP

/// @file
/// The poorest model of each concept: what the concept asks for and nothing else. An algorithm that
/// compiles with these uses no more than its concepts promise. They keep the laws too, so they also
/// run.

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/concepts/encoder.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/core/outcome.hpp>
#include <lacuna/core/solution.hpp>

namespace lacuna::test {

// ---- dictionaries
// --------------------------------------------------------------------------------

/// A `Dictionary` alone: its matrix is its own affair.
template <Real S>
class MinimalDictionary {
 public:
  using Scalar = S;

  explicit MinimalDictionary(Matrix<S> atoms) : hidden_(std::move(atoms)) {}

  Index dim() const { return hidden_.rows(); }
  Index num_atoms() const { return hidden_.cols(); }

  Matrix<S> decode(const MatrixArg<S>& codes) const {
    check_codes("MinimalDictionary::decode", *this, codes);
    return hidden_ * codes;
  }
  Matrix<S> decode(const SparseCodes<S>& codes) const {
    check_codes("MinimalDictionary::decode", *this, codes);
    return hidden_ * codes;
  }
  Matrix<S> correlate(const MatrixArg<S>& signals) const {
    check_signals("MinimalDictionary::correlate", *this, signals);
    return hidden_.transpose() * signals;
  }

 protected:
  Matrix<S> hidden_;
};

/// `ExplicitDictionary` and no more.
template <Real S>
struct MinimalExplicitDictionary : MinimalDictionary<S> {
  using MinimalDictionary<S>::MinimalDictionary;
  const Matrix<S>& atoms() const { return this->hidden_; }
};

/// `LearnableDictionary` and no more.
template <Real S>
struct MinimalLearnableDictionary : MinimalExplicitDictionary<S> {
  using MinimalExplicitDictionary<S>::MinimalExplicitDictionary;

  template <class Change>
  void update_atoms(Change&& change) {
    const Index rows = this->dim(), cols = this->num_atoms();
    change(this->hidden_);
    require(this->dim() == rows && this->num_atoms() == cols, "MinimalLearnableDictionary",
            "atoms were " + shape_of(rows, cols) + " and became " +
                shape_of(this->dim(), this->num_atoms()));
    check_finite<S>("MinimalLearnableDictionary", "atoms", this->hidden_);
  }
};

/// `GramDictionary` and no more: in particular no atoms.
template <Real S>
class MinimalGramDictionary : public MinimalDictionary<S> {
 public:
  explicit MinimalGramDictionary(Matrix<S> atoms)
      : MinimalDictionary<S>(std::move(atoms)),
        gram_(this->hidden_.transpose() * this->hidden_),
        // The Frobenius norm is the spectral one where the rank is 1, which is as good a bound as
        // the law allows; tests give it such atoms where they hold it to the law.
        bound_(static_cast<double>(this->hidden_.squaredNorm()) * 1.0001) {}

  bool has_gram() const { return true; }
  const Matrix<S>& gram() const { return gram_; }
  double squared_spectral_norm() const { return bound_; }

 private:
  Matrix<S> gram_;
  double bound_;
};

// ---- encoders
// ------------------------------------------------------------------------------------

/// `EncoderFor` every dictionary: all codes are zero.
struct ZeroEncoder {
  template <Dictionary D>
  Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    check_signals("ZeroEncoder", d, signals);
    check_finite<ScalarOf<D>>("ZeroEncoder", "signals", signals);
    return Matrix<ScalarOf<D>>::Zero(d.num_atoms(), signals.cols());
  }
};

/// The same in sparse codes.
struct SparseZeroEncoder {
  template <Dictionary D>
  SparseCodes<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    check_signals("SparseZeroEncoder", d, signals);
    check_finite<ScalarOf<D>>("SparseZeroEncoder", "signals", signals);
    return SparseCodes<ScalarOf<D>>(d.num_atoms(), signals.cols());
  }
};

/// `WarmStartableFor` every dictionary, and not `SolverFor` any: it never leaves where it begins.
struct IdleEncoder : ZeroEncoder {
  using ZeroEncoder::encode;

  template <Dictionary D>
  Matrix<ScalarOf<D>> encode(const D& d, const MatrixArg<ScalarOf<D>>& signals,
                             const MatrixArg<ScalarOf<D>>& initial_codes) const {
    check_signals("IdleEncoder", d, signals);
    check_codes("IdleEncoder", d, initial_codes);
    return initial_codes;
  }
  IdleEncoder with_steps(Index) const { return *this; }
};

/// `SolverFor` every dictionary, and not `WarmStartableFor` any: zero codes, their objective
/// without a penalty, and no certificate.
struct MinimalSolver : ZeroEncoder {
  template <Dictionary D>
  Solution<Matrix<ScalarOf<D>>> solve(const D& d, const MatrixArg<ScalarOf<D>>& signals) const {
    Solution<Matrix<ScalarOf<D>>> solution(d.num_atoms(), signals.cols());
    solution.codes = encode(d, signals);
    solution.objective = 0.5 * signals.template cast<double>().colwise().squaredNorm().transpose();
    solution.gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    solution.relative_gap.setConstant(std::numeric_limits<double>::quiet_NaN());
    return solution;
  }
};

/// `DifferentiableEncoderFor` every dictionary of its element type: s_ij = p_i x_kj, k = i mod dim.
template <Real S>
class MinimalDifferentiableEncoder {
 public:
  struct Tape {
    Matrix<S> spread;  ///< x_kj where p_i meets it
    Matrix<S> codes;
  };

  explicit MinimalDifferentiableEncoder(Vector<S> parameters)
      : parameters_(std::move(parameters)) {}

  ParameterView<S> parameters() { return {parameters_.data(), parameters_.size()}; }
  ConstParameterView<S> parameters() const { return {parameters_.data(), parameters_.size()}; }

  template <Dictionary D>
  Matrix<S> encode(const D& d,
                   const MatrixArg<S>& signals) const requires std::is_same_v<S, ScalarOf<D>> {
    Tape tape;
    return forward(d, signals, tape);
  }

  template <Dictionary D>
  const Matrix<S>& forward(const D& d, const MatrixArg<S>& signals, Tape& tape) const {
    check_signals("MinimalDifferentiableEncoder", d, signals);
    check_finite<S>("MinimalDifferentiableEncoder", "signals", signals);
    tape.spread.resize(d.num_atoms(), signals.cols());
    for (Index i = 0; i < d.num_atoms(); ++i) tape.spread.row(i) = signals.row(i % d.dim());
    tape.codes = parameters_.asDiagonal() * tape.spread;
    return tape.codes;
  }

  template <Dictionary D>
  void backward(const D&, const MatrixArg<S>&, Tape& tape, const Matrix<S>& code_gradient,
                Vector<S>& gradient) const {
    gradient = code_gradient.cwiseProduct(tape.spread).rowwise().sum();
  }

  template <Dictionary D>
  Matrix<S> signal_gradient(const D& d, const Tape&, const Matrix<S>& code_gradient) const {
    Matrix<S> result = Matrix<S>::Zero(d.dim(), code_gradient.cols());
    for (Index i = 0; i < d.num_atoms(); ++i)
      result.row(i % d.dim()) += parameters_[i] * code_gradient.row(i);
    return result;
  }

  template <Dictionary D>
  std::int64_t forward_flops(const D& d) const {
    return d.num_atoms();
  }
  template <Dictionary D>
  std::int64_t backward_flops(const D& d) const {
    return 2 * d.num_atoms();
  }

 private:
  Vector<S> parameters_;
};

// ---- the small parts
// -----------------------------------------------------------------------------

/// `Penalty` and no more: lambda ||s||_1 without a template in its interface.
class MinimalPenalty {
 public:
  explicit MinimalPenalty(double lambda) : lambda_(lambda) {}

  double lambda() const { return lambda_; }
  double value(const Vector<double>& code) const { return lambda_ * code.lpNorm<1>(); }
  void prox(Eigen::Ref<Matrix<float>, 0, Eigen::OuterStride<>> values, double step) const {
    shrink(values, static_cast<float>(step * lambda_));
  }
  void prox(Eigen::Ref<Matrix<double>, 0, Eigen::OuterStride<>> values, double step) const {
    shrink(values, step * lambda_);
  }
  double dual_scale(const Vector<double>& correlations) const {
    const double largest = correlations.lpNorm<Eigen::Infinity>();
    return largest > 0 ? lambda_ / largest : std::numeric_limits<double>::infinity();
  }

 private:
  template <class Values, class S>
  static void shrink(Values& values, S threshold) {
    for (Index j = 0; j < values.cols(); ++j)
      for (Index i = 0; i < values.rows(); ++i) {
        S& v = values(i, j);
        v = v > threshold ? v - threshold : v < -threshold ? v + threshold : S(0);
      }
  }

  double lambda_;
};

/// `Transform` and no more: its own inverse.
template <Real S>
struct MinimalTransform {
  Matrix<S> apply(const MatrixArg<S>& signals) const { return -signals; }
  Matrix<S> invert(const MatrixArg<S>& signals) const { return -signals; }
};

/// `LearnableTransform` and no more: one number, added and taken away.
template <Real S>
class MinimalLearnableTransform {
 public:
  explicit MinimalLearnableTransform(S offset) : offset_(offset) {}

  Matrix<S> apply(const MatrixArg<S>& signals) const { return signals.array() - offset_; }
  Matrix<S> invert(const MatrixArg<S>& signals) const { return signals.array() + offset_; }
  ParameterView<S> parameters() { return {&offset_, 1}; }
  ConstParameterView<S> parameters() const { return {&offset_, 1}; }
  void backward(const MatrixArg<S>&, const MatrixArg<S>& applied_gradient,
                Vector<S>& gradient) const {
    gradient.setConstant(1, -applied_gradient.sum());
  }

 private:
  S offset_;
};

/// `Optimizer` and no more: gradient descent, which remembers nothing.
struct MinimalOptimizer {
  template <Real S>
  struct State {
    template <class Self, class Visit>
    static void fields(Self&, Visit&&) {}
  };

  template <Real S>
  State<S> start(Index) const {
    return {};
  }
  template <Real S>
  void step(State<S>&, std::type_identity_t<Eigen::Ref<Vector<S>>> parameters,
            const std::type_identity_t<Eigen::Ref<const Vector<S>>>& gradient,
            double rate_factor = 1) const {
    parameters -= static_cast<S>(0.05 * rate_factor) * gradient;
  }
  template <Real S>
  void reset(State<S>&, Index, Index, Index = 1) const {}
  std::int64_t step_flops(Index size) const { return 2 * size; }
};

/// `SignalSource` and no more: the same signals every time.
template <Real S>
class MinimalSource {
 public:
  using Scalar = S;

  explicit MinimalSource(Matrix<S> signals) : signals_(std::move(signals)) {}

  Index dim() const { return signals_.rows(); }
  MatrixArg<S> batch(Index) { return signals_; }

 private:
  Matrix<S> signals_;
};

/// `LabelledSource` and no more.
template <Real S>
class MinimalLabelledSource : public MinimalSource<S> {
 public:
  MinimalLabelledSource(Matrix<S> signals, SparseCodes<S> codes)
      : MinimalSource<S>(std::move(signals)), codes_(std::move(codes)) {}

  Index num_atoms() const { return codes_.rows(); }
  const SparseCodes<S>& batch_codes(Index) { return codes_; }

 private:
  SparseCodes<S> codes_;
};

/// `UpdateFor` every learnable dictionary: the atoms stay.
struct MinimalUpdate {
  template <class D>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>&, const Matrix<ScalarOf<D>>&) const {
    d.update_atoms([](Matrix<ScalarOf<D>>&) {});
    return 0;
  }
  template <class D>
  std::int64_t update(D& d, const MatrixArg<ScalarOf<D>>&, const SparseCodes<ScalarOf<D>>&) const {
    d.update_atoms([](Matrix<ScalarOf<D>>&) {});
    return 0;
  }
};

/// `RememberingUpdateFor` every learnable dictionary: it counts its batches.
struct MinimalRememberingUpdate : MinimalUpdate {
  template <Real S>
  struct State {
    std::int64_t batches = 0;

    template <class Self, class Visit>
    static void fields(Self& self, Visit&& visit) {
      visit("batches", self.batches);
    }
  };

  using MinimalUpdate::update;
  template <class D>
  State<ScalarOf<D>> start(const D&) const {
    return {};
  }
  template <class D, class Codes>
  std::int64_t update(D& d, State<ScalarOf<D>>& state, const MatrixArg<ScalarOf<D>>& signals,
                      const Codes& codes, Index, Index) const {
    ++state.batches;
    return update(d, signals, codes);
  }
  template <Real S>
  void forget(State<S>&, Index) const {}
};

/// `AtomRevivalFor` every learnable dictionary: it looks, and all are well.
struct MinimalAtomRevival {
  int window(Index) const { return 1; }
  template <class D, class Round>
  std::vector<Index> revive(D&, const Round&) const {
    return {};
  }
};

/// `Observer` and no more: it counts, so it is neither const nor copyable.
struct MinimalObserver {
  Index seen = 0;

  MinimalObserver() = default;
  MinimalObserver(const MinimalObserver&) = delete;
  MinimalObserver& operator=(const MinimalObserver&) = delete;
  bool operator()(const Progress&) {
    ++seen;
    return true;
  }
};

/// `TrainerFor` every model and source: it is content at once.
struct MinimalTrainer {
  template <class Model, class Source>
  Outcome fit(Model&, Source&) const {
    return {};
  }
  template <class Model, class Source, class Watch>
  Outcome fit(Model&, Source&, Watch&&) const {
    return {};
  }
};

}  // namespace lacuna::test

#endif  // LACUNA_TESTS_SUPPORT_ARCHETYPES_HPP
