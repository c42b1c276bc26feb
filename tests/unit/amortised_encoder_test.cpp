// SPDX-License-Identifier: MIT
// Amortised encoders: what they compute by their definitions, and their gradients.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/operator/signal_groups.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "laws/differentiable_encoder_laws.hpp"
#include "laws/encoder_laws.hpp"
#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/gradient_check.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::finite_differences;
using test::message_of;
using test::relative_error;
using Dense = DenseDictionary<double>;
using M = Matrix<double>;
using V = Vector<double>;

constexpr Index dim = 4, num_atoms = 7;

Dense dictionary(std::uint64_t seed = 2) {
  return Dense(gaussian_dictionary<double>(dim, num_atoms, seed));
}

bool same_bits(const M& a, const M& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

template <WeightOrder order>
M preactivation(const AffineMap<double, order>& map, const M& x) {
  M values;
  map.apply(x, values);
  return values;
}

/// As `distance_to_relu_kink`, and how far apart the k n-th and the next of the whole batch are.
double distance_to_batch_kink(const M& values, Index k) {
  double distance = test::distance_to_relu_kink(values);
  std::vector<double> sorted(values.data(), values.data() + values.size());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const auto last = static_cast<std::size_t>(k * values.cols());
  if (last < sorted.size()) distance = std::min(distance, 0.5 * (sorted[last - 1] - sorted[last]));
  return distance;
}

/// The layers of a LISTA encoder as its comment writes them, and how far v was from the kinks.
struct NaiveLista {
  M codes;
  double kink_distance = std::numeric_limits<double>::infinity();

  NaiveLista(const ListaEncoder<double>& e, const M& x) : codes(M::Zero(num_atoms, x.cols())) {
    M before = codes;
    for (Index l = 0; l < e.options().layers; ++l) {
      M v;
      if (l == 0) {
        v = e.analysis(0) * x;
      } else {
        const M y = codes + e.momentum(l) * (codes - before);
        v = y + e.analysis(l) * (x - e.synthesis(l) * y);
      }
      before = codes;
      const M above = v.colwise() - e.thresholds(l), below = (-v).colwise() - e.thresholds(l);
      codes = above.cwiseMax(0.0);
      kink_distance = std::min(kink_distance, above.cwiseAbs().minCoeff());
      if (e.options().nonnegative) continue;
      codes -= below.cwiseMax(0.0);
      kink_distance = std::min(kink_distance, below.cwiseAbs().minCoeff());
    }
  }
};

}  // namespace

// ---- gradients ----------------------------------------------------------------------------------

TEST_CASE("BatchTopKEncoder keeps the laws of differentiable encoders", "[batch_top_k][laws]") {
  const Dense d = dictionary();
  const bool bias = GENERATE(false, true);
  const Index k = GENERATE(1, 3, 7);
  CAPTURE(bias, k);
  const BatchTopKEncoder<double> encoder(
      RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = bias, .seed = 3}, k);
  test::check_differentiable_encoder(encoder, d, 11, [&](const M& x) {
    const M values = preactivation(encoder.affine(), x);
    return x.cols() == 1 ? test::distance_to_relu_kink(values) : distance_to_batch_kink(values, k);
  });
}

TEST_CASE("JumpReluEncoder keeps the laws of differentiable encoders", "[jump_relu][laws]") {
  const Dense d = dictionary();
  const bool bias = GENERATE(false, true);
  const JumpReluOptions options{.threshold = 0.3, .bandwidth = 1e-3};
  const JumpReluEncoder<double> encoder(
      RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = bias, .seed = 3}, options);
  // Outside of the windows the thresholds have no gradient, and finite differences see none.
  test::check_differentiable_encoder(encoder, d, 11, [&](const M& x) {
    return (preactivation(encoder.affine(), x).array() - 0.3).abs().minCoeff() -
           options.bandwidth / 2;
  });
}

TEST_CASE("GatedEncoder keeps the laws of differentiable encoders", "[gated][laws]") {
  const Dense d = dictionary();
  const GatedEncoder<double> encoder(M(0.5 * random_normal<double>(num_atoms, dim, 1)),
                                     V(0.3 * random_normal<double>(num_atoms, 1, 2)),
                                     V(0.5 * random_normal<double>(num_atoms, 1, 3)),
                                     V(0.3 * random_normal<double>(num_atoms, 1, 4)));
  // Gate and magnitude disagree somewhere, or the test would be of a ReLU.
  const M x = random_normal<double>(dim, 50, 5);
  const M product = encoder.affine().weights() * x;
  const M gate = product.colwise() + encoder.affine().bias();
  const V scale = encoder.log_scale().array().exp();
  const M magnitude = (scale.asDiagonal() * product).colwise() + encoder.magnitude_bias();
  REQUIRE((gate.array() * magnitude.array() < 0).count() > 10);
  const M expected = (gate.array() > 0).select(magnitude.cwiseMax(0.0), 0.0);
  CHECK((encoder.encode(d, x) - expected).cwiseAbs().maxCoeff() < 1e-14);

  // The gate's bias has no gradient: no finite difference sees one, away from the step.
  test::check_differentiable_encoder(encoder, d, 11, [&](const M& signals) {
    const M p = encoder.affine().weights() * signals;
    const M g = p.colwise() + encoder.affine().bias();
    const M m = (scale.asDiagonal() * p).colwise() + encoder.magnitude_bias();
    return std::min(test::distance_to_relu_kink(g), test::distance_to_relu_kink(m));
  });
}

TEST_CASE("MlpEncoder keeps the laws of differentiable encoders", "[mlp][laws]") {
  const Dense d = dictionary();
  const bool bias = GENERATE(false, true);
  const std::vector<Index> hidden =
      GENERATE(std::vector<Index>{}, std::vector<Index>{9}, std::vector<Index>{3, 12});
  CAPTURE(bias, hidden.size());
  const MlpEncoder<double> encoder(
      RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = bias, .seed = 5},
      {.hidden = hidden});
  test::check_differentiable_encoder(encoder, d, 11, [&](const M& x) {
    double distance = std::numeric_limits<double>::infinity();
    M activation = x;
    for (std::size_t l = 0; l < encoder.num_layers(); ++l) {
      M values = encoder.weights(l) * activation;
      if (bias) values.colwise() += encoder.bias(l);
      distance = std::min(distance, test::distance_to_relu_kink(values));
      activation = values.cwiseMax(0.0);
    }
    return distance;
  });
}

TEST_CASE("ListaEncoder keeps the laws of differentiable encoders", "[lista][laws]") {
  const Dense d = dictionary();
  const bool nonnegative = GENERATE(true, false), tied = GENERATE(true, false);
  const bool momentum = GENERATE(true, false);
  const Index layers = GENERATE(1, 2, 4);
  CAPTURE(nonnegative, tied, momentum, layers);
  ListaEncoder<double> encoder(d, {.layers = layers,
                                   .lambda = 0.2,
                                   .nonnegative = nonnegative,
                                   .tied = tied,
                                   .momentum = momentum});
  // Away from where it begins: momenta that are not 0, thresholds of either sign.
  encoder.parameters() +=
      0.25 * random_normal<double>(encoder.parameters().size(), 1, 7).reshaped();
  const M x = random_normal<double>(dim, 20, 8);
  CHECK((encoder.encode(d, x) - NaiveLista(encoder, x).codes).cwiseAbs().maxCoeff() < 1e-13);
  bool below = false;
  for (Index l = 0; l < layers; ++l) below = below || encoder.thresholds(l).minCoeff() < -0.01;
  REQUIRE(below);
  test::check_differentiable_encoder(
      encoder, d, 11, [&](const M& signals) { return NaiveLista(encoder, signals).kink_distance; });
}

TEST_CASE("Truncated keeps the laws of differentiable encoders, of dense and sparse codes",
          "[truncated][laws]") {
  const Dense d = dictionary();
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 5};
  const Index k = GENERATE(1, 3, 7);
  CAPTURE(k);
  const MlpEncoder<double> mlp(init, {.hidden = {9}});
  test::check_differentiable_encoder(Truncated(mlp, k), d, 11, [&](const M& x) {
    const M hidden = (mlp.weights(0) * x).colwise() + mlp.bias(0);
    const M last = (mlp.weights(1) * hidden.cwiseMax(0.0)).colwise() + mlp.bias(1);
    return std::min(test::distance_to_relu_kink(hidden), test::distance_to_top_k_kink(last, k));
  });
  // Codes of both signs: the largest in magnitude.
  const ListaEncoder<double> lista(d, {.layers = 2, .lambda = 0.2, .nonnegative = false});
  REQUIRE(Truncated(lista, k).encode(d, random_normal<double>(dim, 20, 8)).coeffs().minCoeff() < 0);
  test::check_differentiable_encoder(Truncated(lista, k), d, 11, [&](const M& x) {
    const NaiveLista naive(lista, x);
    double distance = naive.kink_distance;
    for (Index j = 0; j < x.cols() && k < num_atoms; ++j) {
      V sizes = naive.codes.col(j).cwiseAbs();
      std::sort(sizes.begin(), sizes.end(), std::greater<>());
      if (sizes[k - 1] > 0) distance = std::min(distance, 0.5 * (sizes[k - 1] - sizes[k]));
    }
    return distance;
  });
  const TopKEncoder<double> top(init, 5);
  test::check_differentiable_encoder(Truncated(top, k), d, 11, [&](const M& x) {
    const M values = preactivation(top.affine(), x);
    return std::min(test::distance_to_top_k_kink(values, k),
                    test::distance_to_top_k_kink(values, 5));
  });
}

TEST_CASE("Truncated has its encoder's flops, terms and statistics, and refuses other shapes",
          "[truncated][terms]") {
  const Dense d = dictionary();
  const GatedEncoder<double> gated(
      RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 5});
  const Truncated cut(gated, 2);
  CHECK(cut.forward_flops(d) == gated.forward_flops(d));
  CHECK(cut.backward_flops(d) == gated.backward_flops(d));
  const M x = random_normal<double>(dim, 6, 9);
  GatedEncoder<double>::Tape whole_tape;
  gated.forward(d, x, whole_tape);
  V expected = V::Zero(gated.parameters().size());
  const double value = gated.own_terms(d, x, whole_tape, 0.7, expected);
  Truncated<GatedEncoder<double>>::Tape tape;
  cut.forward(d, x, tape);
  V gradient = V::Zero(expected.size());
  CHECK(cut.own_terms(d, x, tape, 0.7, gradient) == value);
  CHECK(same_bits(gradient, expected));

  BatchTopKEncoder<double> batch(RandomWeights{.dim = dim, .num_atoms = num_atoms, .seed = 5}, 3);
  Truncated cut_batch(batch, 2);
  BatchTopKEncoder<double>::Tape batch_tape;
  Truncated<BatchTopKEncoder<double>>::Tape cut_tape;
  batch.forward(d, x, batch_tape);
  cut_batch.forward(d, x, cut_tape);
  const V nothing_seen = batch.statistics();
  batch.update_statistics(batch_tape);
  cut_batch.update_statistics(cut_tape);
  CHECK(cut_batch.statistics() == batch.statistics());
  CHECK(cut_batch.statistics() != nothing_seen);
  cut_batch.set_statistics(nothing_seen);
  CHECK(cut_batch.statistics() == nothing_seen);

  const SparseCodes<double> other(num_atoms, 5);
  CHECK(message_of([&] { cut.backward(d, x, tape, other, gradient); }) ==
        "Truncated::backward: codes are 7 x 6, code gradients are 7 x 5: expected one shape");
  CHECK(
      message_of([&] { (void)cut.signal_gradient(d, tape, other); }) ==
      "Truncated::signal_gradient: codes are 7 x 6, code gradients are 7 x 5: expected one shape");
  Truncated moved = cut;
  moved.set_k(3);
  CHECK(moved.k() == 3);
  CHECK(message_of([&] { moved.set_k(0); }) == "Truncated: k must be at least 1, is 0");
  CHECK(moved.k() == 3);
}

// Where E has no gradient, or no terms or statistics, there is none to cut.
static_assert(not DifferentiableEncoderFor<Truncated<Ista<L1>>, Dense>);
static_assert(EncoderFor<Truncated<Ista<L1>>, Dense>);
static_assert(not EncoderWithTerms<Truncated<MlpEncoder<double>>, Dense>);
static_assert(EncoderWithTerms<Truncated<GatedEncoder<double>>, Dense>);
static_assert(not EncoderWithStatistics<Truncated<MlpEncoder<double>>>);
static_assert(EncoderWithStatistics<Truncated<BatchTopKEncoder<double>>>);
static_assert(not EncoderFor<Truncated<MlpEncoder<float>>, Dense>);

// ---- terms of their own -------------------------------------------------------------------------

TEST_CASE("the gate's own terms are its l1 and its reconstruction, and their gradient theirs",
          "[gated][terms]") {
  const Dense d = dictionary();
  const double lambda = GENERATE(0.0, 0.7);
  const GatedEncoder<double> encoder(M(0.5 * random_normal<double>(num_atoms, dim, 1)),
                                     V(0.3 * random_normal<double>(num_atoms, 1, 2)),
                                     V(0.5 * random_normal<double>(num_atoms, 1, 3)),
                                     V(0.3 * random_normal<double>(num_atoms, 1, 4)));
  const M x = test::signals_clear_of_kinks(dim, 6, 9, 1e-2, [&](const M& signal) {
    return test::distance_to_relu_kink(preactivation(encoder.affine(), signal));
  });
  const auto value_of = [&](const V& parameters) {
    GatedEncoder<double> moved = encoder;
    moved.parameters() = parameters;
    const M gate = preactivation(moved.affine(), x).cwiseMax(0.0);
    return lambda * gate.mean() + (x - d.atoms() * gate).squaredNorm() / double(x.size());
  };
  const V gradient = test::check_own_terms(encoder, d, x, lambda);
  GatedEncoder<double>::Tape tape;
  encoder.forward(d, x, tape);
  V unused = V::Zero(gradient.size());
  CHECK(encoder.own_terms(d, x, tape, lambda, unused) ==
        Approx(value_of(encoder.parameters())).epsilon(1e-13));
  const V expected = finite_differences(value_of, encoder.parameters());
  REQUIRE(expected.norm() > 0.05);
  CHECK(relative_error(gradient, expected) < 1e-6);
  // A dictionary that hides its atoms gives the same.
  const test::MinimalDictionary<double> hidden(d.atoms());
  encoder.forward(hidden, x, tape);
  V by_hidden = V::Zero(gradient.size());
  encoder.own_terms(hidden, x, tape, lambda, by_hidden);
  CHECK(relative_error(by_hidden, gradient) < 1e-13);
}

namespace {

/// A JumpReLU encoder of wide windows, and signals of which no pre-activation is near a window's
/// edge or a jump, but many are inside.
struct WideWindows {
  Dense d = dictionary();
  JumpReluEncoder<double> encoder{M(0.7 * random_normal<double>(num_atoms, dim, 1)),
                                  V(0.3 * random_normal<double>(num_atoms, 1, 2)),
                                  V(V::LinSpaced(num_atoms, 0.3, 0.6)),
                                  {.bandwidth = 0.5}};
  M x, z, distance;  ///< distance = z - theta

  WideWindows() {
    const auto from_threshold = [&](const M& signals) {
      return M(preactivation(encoder.affine(), signals).colwise() - encoder.thresholds());
    };
    x = test::signals_clear_of_kinks(dim, 30, 21, 3e-3, [&](const M& signal) {
      const M u = from_threshold(signal);
      return std::min({u.cwiseAbs().minCoeff(), (u.array() - 0.25).abs().minCoeff(),
                       (u.array() + 0.25).abs().minCoeff()});
    });
    z = preactivation(encoder.affine(), x);
    distance = from_threshold(x);
  }

  /// Of theta alone, with z as it is: E over u uniform in +-epsilon/2 of f(z_i + u, theta_i), which
  /// is in closed form for the code and for the count.
  template <class F>
  double smoothed(const V& log_theta, const M& weights, F&& f) const {
    double sum = 0;
    for (Index j = 0; j < z.cols(); ++j)
      for (Index i = 0; i < num_atoms; ++i)
        sum += weights(i, j) * f(z(i, j), std::exp(log_theta[i]));
    return sum;
  }
};

}  // namespace

TEST_CASE("JumpReLU's thresholds descend the smoothed code and the smoothed count",
          "[jump_relu][terms]") {
  const WideWindows w;
  const double epsilon = 0.5, lambda = 0.7;
  const V log_theta = w.encoder.thresholds().array().log();
  const auto lower = (w.distance.array() < 0 && w.distance.array() > -0.25).count();
  const auto upper = (w.distance.array() > 0 && w.distance.array() < 0.25).count();
  REQUIRE(lower > 3);
  REQUIRE(upper > 3);

  JumpReluEncoder<double>::Tape tape;
  const SparseCodes<double> codes = w.encoder.forward(w.d, w.x, tape);
  const M expected = (w.distance.array() > 0).select(w.z, 0.0);
  CHECK(same_bits(codes, expected));
  CHECK(codes.nonZeros() == (expected.array() > 0).count() + lower);
  const SparseCodes<double> encoded = w.encoder.encode(w.d, w.x);
  CHECK(same_bits(encoded, expected));
  test::check_sparse_form(encoded);

  // The code: E of z + u where that is above theta.
  const M weights = random_normal<double>(num_atoms, w.x.cols(), 5);
  V gradient;
  w.encoder.backward(w.d, w.x, tape, test::detail::in_form_of(codes, weights), gradient);
  const V by_codes = finite_differences(
      [&](const V& moved) {
        return w.smoothed(moved, weights, [&](double z, double theta) {
          const double top = z + epsilon / 2, bottom = std::max(theta, z - epsilon / 2);
          return bottom < top ? (top * top - bottom * bottom) / (2 * epsilon) : 0.0;
        });
      },
      log_theta);
  REQUIRE(by_codes.norm() > 0.1);
  CHECK(relative_error(gradient.tail(num_atoms), by_codes) < 1e-6);

  // Weights, bias and signals by the codes themselves, inside the windows too.
  const V parameters = w.encoder.parameters();
  const Index affine = num_atoms * (dim + 1);
  const V by_affine = finite_differences(
      [&](const V& moved) {
        JumpReluEncoder<double> copy = w.encoder;
        copy.parameters().head(affine) = moved;
        return test::detail::inner(weights, copy.encode(w.d, w.x));
      },
      parameters.head(affine));
  CHECK(relative_error(gradient.head(affine), by_affine) < 1e-6);
  const V by_signals = finite_differences(
      [&](const V& moved) {
        return test::detail::inner(weights, w.encoder.encode(w.d, moved.reshaped(dim, w.x.cols())));
      },
      w.x.reshaped());
  CHECK(
      relative_error(
          w.encoder.signal_gradient(w.d, tape, test::detail::in_form_of(codes, weights)).reshaped(),
          by_signals) < 1e-6);

  // The count: P(z + u > theta), a mean over signals.
  const V terms = test::check_own_terms(w.encoder, w.d, w.x, lambda);
  const M each = M::Constant(num_atoms, w.x.cols(), lambda / double(w.x.cols()));
  const V by_count = finite_differences(
      [&](const V& moved) {
        return w.smoothed(moved, each, [&](double z, double theta) {
          return std::clamp((z - theta) / epsilon + 0.5, 0.0, 1.0);
        });
      },
      log_theta);
  REQUIRE(by_count.norm() > 0.1);
  CHECK(relative_error(terms.tail(num_atoms), by_count) < 1e-6);
  CHECK(terms.head(affine).isZero(0));
  V unused = V::Zero(parameters.size());
  CHECK(w.encoder.own_terms(w.d, w.x, tape, lambda, unused) ==
        Approx(lambda * double((expected.array() > 0).count()) / double(w.x.cols())));
}

// ---- what each is by definition -----------------------------------------------------------------

TEST_CASE("BatchTopKEncoder shares k n entries among the signals, and encodes by its threshold",
          "[batch_top_k]") {
  const Dense d(M::Identity(3, 3));
  M x(3, 2);
  x << 5, 1,  //
      4, -1,  //
      3, 2;
  BatchTopKEncoder<double> encoder(M(M::Identity(3, 3)), 2, {}, {.decay = 1});
  BatchTopKEncoder<double>::Tape tape;
  M kept(3, 2);
  kept << 5, 0,  //
      4, 0,      //
      3, 2;
  CHECK(same_bits(encoder.forward(d, x, tape), kept));
  CHECK(same_bits(encoder.encode(d, x), x.cwiseMax(0.0)));  // nothing learned: a ReLU
  encoder.update_statistics(tape);
  CHECK(encoder.threshold() == 2);
  encoder.forward(d, 2 * x, tape);
  encoder.update_statistics(tape);
  CHECK(encoder.threshold() == 3);  // the mean of 2 and 4
  encoder.forward(d, -x.leftCols(1), tape);
  encoder.update_statistics(tape);  // a batch of no entry says nothing
  CHECK(encoder.threshold() == 3);
  M above(3, 2);
  above << 5, 0,  //
      4, 0,       //
      0, 0;
  CHECK(same_bits(encoder.encode(d, x), above));  // above, so not 3 itself
  CHECK(same_bits(encoder.encode(d, x.col(1)), above.col(1)));

  BatchTopKEncoder<double> other(M(M::Identity(3, 3)), 2);
  other.set_statistics(encoder.statistics());
  CHECK(same_bits(other.encode(d, x), above));
  CHECK(other.statistics() == encoder.statistics());
  CHECK(message_of([&] { other.set_statistics(V::Ones(3)); }) ==
        "BatchTopKEncoder: statistics must be a threshold and a number of batches, finite and at "
        "least 0");

  // With decay 1/2 the weights are 1/2, 1/4, ..., over their sum.
  BatchTopKEncoder<double> forgetful(M(M::Identity(3, 3)), 2, {}, {.decay = 0.5});
  for (const double scale : {1.0, 2.0, 5.0}) {
    forgetful.forward(d, scale * x, tape);
    forgetful.update_statistics(tape);
  }
  CHECK(forgetful.threshold() == Approx((0.5 * 10 + 0.25 * 4 + 0.125 * 2) / 0.875).epsilon(1e-14));
}

TEST_CASE("a batch's largest entries agree with sorting", "[keep_largest]") {
  SelectLargest<float> select(0);
  SparseCodes<float> kept;
  for (const Index n : {1, 7, 40}) {
    // Coarse values, so that ties are many.
    const Matrix<float> values = (4 * random_normal<float>(30, n, 43)).array().round().matrix();
    for (const Index k : {0, 1, 4, 29, 30, 90}) {
      CAPTURE(n, k);
      std::vector<Index> order(static_cast<std::size_t>(values.size()));
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
      std::stable_sort(order.begin(), order.end(),
                       [&](Index a, Index b) { return values.data()[a] > values.data()[b]; });
      Matrix<float> expected = Matrix<float>::Zero(30, n);
      for (Index i = 0; i < std::min(k * n, values.size()); ++i) {
        const Index at = order[static_cast<std::size_t>(i)];
        expected.data()[at] = std::max(values.data()[at], 0.0F);
      }
      keep_largest_positive_of_batch(values, k, kept, select);
      CHECK((Matrix<float>(kept).array() == expected.array()).all());
      test::check_sparse_form(kept);
    }
  }
}

TEST_CASE("the largest of many agree with sorting, in chunks and without", "[select_largest]") {
  SelectLargest<float> select(0);
  for (const Index size : {40, 257, 1000, 4099}) {
    Vector<float> values = (20 * random_normal<float>(size, 1, 3)).array().round().matrix();
    values[size / 2] = std::numeric_limits<float>::quiet_NaN();  // is above nothing
    for (const bool positive : {true, false})
      for (const Index k : {1, 3, 20, 31, 300}) {
        CAPTURE(size, positive, k);
        std::vector<Index> order;
        for (Index i = 0; i < size; ++i)
          if ((positive ? values[i] : std::abs(values[i])) > 0) order.push_back(i);
        const auto score = [&](Index i) { return positive ? values[i] : std::abs(values[i]); };
        std::stable_sort(order.begin(), order.end(),
                         [&](Index a, Index b) { return score(a) > score(b); });
        order.resize(std::min(order.size(), static_cast<std::size_t>(k)));
        std::sort(order.begin(), order.end());
        CHECK(select(values, k, positive) == order);
      }
  }
}

TEST_CASE("keep_above keeps what is above the threshold of its row", "[keep_above]") {
  for (const Index rows : {5, 16, 67}) {
    Matrix<float> values = random_normal<float>(rows, 30, 1);
    values(rows - 1, 3) = std::numeric_limits<float>::quiet_NaN();
    const Vector<float> thresholds = Vector<float>::LinSpaced(rows, 0.2F, 2);
    SparseCodes<float> kept, again;
    keep_above(values, thresholds, kept);
    const Matrix<float> expected =
        ((values.colwise() - thresholds).array() > 0).select(values, Matrix<float>::Zero(rows, 30));
    CHECK((Matrix<float>(kept).array() == expected.array()).all());
    test::check_sparse_form(kept);
    keep_above(Matrix<float>(rows, 0), thresholds, kept);
    CHECK(kept.cols() == 0);
  }
}

TEST_CASE("the sparse outer product is the dense one", "[sparse_outer_product]") {
  const M x = random_normal<double>(21, 50, 1);
  M codes = random_normal<double>(150, 50, 2);
  codes = (codes.array() > 1).select(codes, 0.0);
  codes.row(149).setZero();
  const SparseCodes<double> sparse = codes.sparseView();
  SparseOuterProduct<double> product;
  for (const Index threads : {1, 2}) {
    M atoms = M::Constant(21, 150, 7);
    V sums = V::Constant(150, 7);
    product(x, sparse, atoms, threads);
    CHECK((atoms - x * codes.transpose()).cwiseAbs().maxCoeff() < 1e-13);
    product.row_sums(sums);
    CHECK((sums - codes.rowwise().sum()).cwiseAbs().maxCoeff() < 1e-13);
  }
}

TEST_CASE("an untrained GatedEncoder is a LinearReluEncoder", "[gated]") {
  const Dense d = dictionary();
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 3};
  const M x = random_normal<double>(dim, 20, 5);
  CHECK((GatedEncoder<double>(init).encode(d, x) - LinearReluEncoder<double>(init).encode(d, x))
            .cwiseAbs()
            .maxCoeff() < 1e-15);
  CHECK(
      GatedEncoder<double>(RandomWeights{.dim = dim, .num_atoms = num_atoms}).parameters().size() ==
      num_atoms * (dim + 3));
}

TEST_CASE("signals that go through MlpEncoder by groups are as if each group were alone", "[mlp]") {
  INFO("seeds 2 to 6");
  constexpr Index atoms = 8, n = 130, group = 48;  // more than stay in the cache at this width
  const Dense d(gaussian_dictionary<double>(dim, atoms, 2));
  const M x = random_normal<double>(dim, n, 5);
  const M code_gradient = random_normal<double>(atoms, n, 6);
  const MlpEncoder<double> mlp({.dim = dim, .num_atoms = atoms, .bias = true, .seed = 3},
                               {.hidden = {1024, 20}});
  const auto order = detail::SignalGroups::cached(n, 1024 + 20 + atoms, mlp.parameters().size());
  REQUIRE(order.group == group);
  MlpEncoder<double>::Tape tape, part_tape;
  V gradient, part_gradient, sum = V::Zero(mlp.parameters().size());
  const M codes = mlp.forward(d, x, tape);
  mlp.backward(d, x, tape, code_gradient, gradient);
  const M signal_gradient = mlp.signal_gradient(d, tape, code_gradient);
  for (Index begin = 0; begin < n; begin += group) {
    const Index count = std::min(group, n - begin);
    const M part = x.middleCols(begin, count), slope = code_gradient.middleCols(begin, count);
    CHECK(same_bits(mlp.forward(d, part, part_tape), codes.middleCols(begin, count)));
    CHECK(same_bits(mlp.encode(d, part), codes.middleCols(begin, count)));
    CHECK(same_bits(mlp.signal_gradient(d, part_tape, slope),
                    signal_gradient.middleCols(begin, count)));
    mlp.backward(d, part, part_tape, slope, part_gradient);
    sum += part_gradient;
  }
  CHECK(relative_error(gradient, sum) < 1e-14);
  CHECK(message_of([&] { mlp.backward(d, x.leftCols(3), tape, code_gradient, gradient); }) ==
        "MlpEncoder::backward: signals are 4 x 3, those of the tape 4 x 130");
}

TEST_CASE("signals that are worth several threads have one gradient a part", "[mlp]") {
  INFO("seeds 2 to 6");
  constexpr Index atoms = 8;
  const DenseDictionary<float> d(gaussian_dictionary<float>(dim, atoms, 2));
  // 2^29 products are a part: of this encoder's 213,000 parameters, those of 53 groups of 48.
  constexpr Index part = 53 * 48, n = part + 50;
  const Matrix<float> x = random_normal<float>(dim, n, 5);
  const Matrix<float> slope = random_normal<float>(atoms, n, 6);
  const auto encoder = [](Index threads) {
    return MlpEncoder<float>({.dim = dim, .num_atoms = atoms, .bias = true, .seed = 3},
                             {.hidden = {1024, 32, 1024, 32, 1024, 32, 1024}, .threads = threads});
  };
  const auto gradient_of = [&](Index threads, Index begin, Index count) {
    const auto mlp = encoder(threads);
    MlpEncoder<float>::Tape tape;
    Vector<float> gradient;
    const Matrix<float> signals = x.middleCols(begin, count);
    (void)mlp.forward(d, signals, tape);
    mlp.backward(d, signals, tape, slope.middleCols(begin, count), gradient);
    return gradient;
  };
  REQUIRE(encoder(1).parameters().size() == 213096);
  const Vector<float> sum = gradient_of(1, 0, part) + gradient_of(1, part, n - part);
  for (const Index threads : {1, 2, 3})
    CHECK((gradient_of(threads, 0, n).array() == sum.array()).all());
}

TEST_CASE("MlpEncoder is its layers, each begun as a linear layer", "[mlp]") {
  const Dense d = dictionary();
  const M x = random_normal<double>(dim, 20, 5);
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 3};
  const MlpEncoder<double> mlp(init, {.hidden = {400, 100}});
  REQUIRE(mlp.num_layers() == 3);
  const M first = ((mlp.weights(0) * x).colwise() + mlp.bias(0)).cwiseMax(0.0);
  const M second = ((mlp.weights(1) * first).colwise() + mlp.bias(1)).cwiseMax(0.0);
  const M codes = ((mlp.weights(2) * second).colwise() + mlp.bias(2)).cwiseMax(0.0);
  CHECK((mlp.encode(d, x) - codes).cwiseAbs().maxCoeff() < 1e-13);
  Index inputs = dim;
  for (std::size_t l = 0; l < 3; ++l) {
    const double bound = 1 / std::sqrt(double(inputs));
    CHECK(mlp.weights(l).cwiseAbs().maxCoeff() <= bound);
    CHECK(mlp.weights(l).cwiseAbs().maxCoeff() > 0.99 * bound);
    CHECK(std::abs(mlp.weights(l).mean()) <
          5 * bound / std::sqrt(3.0 * double(mlp.weights(l).size())));
    CHECK(mlp.bias(l).size() == mlp.weights(l).rows());
    CHECK(mlp.bias(l).cwiseAbs().maxCoeff() <= bound);
    inputs = mlp.weights(l).rows();
  }

  const M weights = random_normal<double>(num_atoms, dim, 1);
  CHECK(same_bits(MlpEncoder<double>(std::vector<M>{weights}).encode(d, x),
                  LinearReluEncoder<double>(weights).encode(d, x)));
  CHECK(MlpEncoder<double>(RandomWeights{.dim = dim, .num_atoms = num_atoms}, {.hidden = {5}})
            .parameters()
            .size() == 5 * dim + num_atoms * 5);
}

TEST_CASE("an untrained ListaEncoder takes the steps of ISTA", "[lista]") {
  const Dense d = dictionary();
  const M x = random_normal<double>(dim, 30, 5);
  for (const Index layers : {1, 2, 16})
    for (const bool tied : {true, false}) {
      CAPTURE(layers, tied);
      const ListaOptions options{.layers = layers, .lambda = 0.3, .tied = tied};
      CHECK((ListaEncoder<double>(d, options).encode(d, x) -
             Ista(NonnegativeL1(0.3)).with_steps(layers).encode(d, x))
                .cwiseAbs()
                .maxCoeff() < 1e-13);
      ListaOptions signs = options;
      signs.nonnegative = false;
      const M codes = ListaEncoder<double>(d, signs).encode(d, x);
      CHECK((codes - Ista(L1(0.3)).with_steps(layers).encode(d, x)).cwiseAbs().maxCoeff() < 1e-13);
      CHECK(codes.minCoeff() < -0.01);
    }
  const ListaEncoder<double> free(d, {.layers = 5}), tied(d, {.layers = 5, .tied = true}),
      one(d, {.layers = 1}), accelerated(d, {.layers = 5, .tied = true, .momentum = true});
  CHECK(free.parameters().size() == (5 + 4) * dim * num_atoms + 5 * num_atoms);
  CHECK(tied.parameters().size() == 2 * dim * num_atoms + num_atoms);
  CHECK(one.parameters().size() == dim * num_atoms + num_atoms);
  CHECK(accelerated.parameters().size() == tied.parameters().size() + 4);
  // It owns what it was made from, and takes a dictionary that hides its atoms.
  const test::MinimalDictionary<double> hidden(d.atoms());
  CHECK((ListaEncoder<double>(hidden, {.layers = 5}).encode(hidden, x) - free.encode(d, x))
            .cwiseAbs()
            .maxCoeff() < 1e-13);
}

TEST_CASE("with momentum it takes those of FISTA without restarts", "[lista]") {
  const Dense d = dictionary();
  const M x = random_normal<double>(dim, 30, 5);
  const double lipschitz = squared_spectral_norm(d), lambda = 0.3;
  M s = M::Zero(num_atoms, 30), y = s;
  double t = 1;
  for (int step = 0; step < 30; ++step) {
    const M v = y + d.atoms().transpose() * (x - d.atoms() * y) / lipschitz;
    const M next = (v.array() - lambda / lipschitz).max(0.0);
    const double t_next = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    y = next + (t - 1) / t_next * (next - s);
    s = next;
    t = t_next;
  }
  const ListaEncoder<double> encoder(d, {.layers = 30, .lambda = lambda, .momentum = true});
  CHECK((encoder.encode(d, x) - s).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(encoder.momentum(1) == 0);
  CHECK(encoder.momentum(29) > 0.8);
}

TEST_CASE("tied weights are the dictionary's transpose", "[affine_map]") {
  const Dense d = dictionary();
  CHECK(same_bits(tied_weights(d), d.atoms().transpose()));
  CHECK(same_bits(tied_weights(test::MinimalDictionary<double>(d.atoms())), d.atoms().transpose()));
}

// ---- threads ------------------------------------------------------------------------------------

namespace {

/// Forward and both ways back with the bits of one thread at two.
template <class E, class Make>
void check_threads(const std::string& name, Make&& make) {
  INFO(name);
  // More entries than one block takes, in codes and in weights.
  static const DenseDictionary<double> d(gaussian_dictionary<double>(40, 2500, 1));
  static const Matrix<double> x = random_normal<double>(40, 450, 2);
  const auto run = [&](Index threads) {
    const E encoder = make(d, threads);
    typename E::Tape tape;
    Vector<double> gradient;
    const auto codes = encoder.forward(d, x, tape);
    const auto code_gradient = codes;
    encoder.backward(d, x, tape, code_gradient, gradient);
    Matrix<double> back = encoder.signal_gradient(d, tape, code_gradient);
    if constexpr (EncoderWithTerms<E, DenseDictionary<double>>)
      encoder.own_terms(d, x, tape, 0.1, gradient);
    return std::tuple{Matrix<double>(codes), gradient, back};
  };
  const auto [codes, gradient, back] = run(1);
  const auto [codes2, gradient2, back2] = run(2);
  CHECK((codes.array() == codes2.array()).all());
  CHECK((gradient.array() == gradient2.array()).all());
  CHECK((back.array() == back2.array()).all());
  CHECK(gradient.norm() > 0);
}

}  // namespace

TEST_CASE("training has the same bits at any number of threads", "[threads]") {
  const RandomWeights init{.dim = 40, .num_atoms = 2500, .bias = true, .seed = 3};
  const auto amortised = [](Index threads) { return AmortisedOptions{.threads = threads}; };
  check_threads<LinearReluEncoder<double>>("linear", [&](const auto&, Index threads) {
    return LinearReluEncoder<double>(init, amortised(threads));
  });
  check_threads<TopKEncoder<double>>("top k", [&](const auto&, Index threads) {
    return TopKEncoder<double>(init, 10, amortised(threads));
  });
  check_threads<BatchTopKEncoder<double>>("batch top k", [&](const auto&, Index threads) {
    return BatchTopKEncoder<double>(init, 10, {.threads = threads});
  });
  check_threads<JumpReluEncoder<double>>("jump", [&](const auto&, Index threads) {
    return JumpReluEncoder<double>(init, {.threshold = 1, .bandwidth = 0.5, .threads = threads});
  });
  check_threads<GatedEncoder<double>>("gated", [&](const auto&, Index threads) {
    return GatedEncoder<double>(init, amortised(threads));
  });
  check_threads<MlpEncoder<double>>("mlp", [&](const auto&, Index threads) {
    return MlpEncoder<double>(init, {.hidden = {30}, .threads = threads});
  });
  check_threads<ListaEncoder<double>>("lista", [&](const auto& d, Index threads) {
    return ListaEncoder<double>(
        d, {.layers = 2, .nonnegative = false, .momentum = true, .threads = threads});
  });
}

// ---- refusals -----------------------------------------------------------------------------------

TEST_CASE("amortised encoders refuse what they cannot be", "[refusal]") {
  const M weights = random_normal<double>(num_atoms, dim, 1);
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms};
  using Jump = JumpReluEncoder<double>;
  using Batch = BatchTopKEncoder<double>;
  using Gated = GatedEncoder<double>;
  using Mlp = MlpEncoder<double>;
  using Lista = ListaEncoder<double>;
  CHECK(message_of([&] { Batch(init, 0); }) == "BatchTopKEncoder: k must be at least 1, is 0");
  CHECK(message_of([&] { Batch(init, 1, {.decay = 1.5}); }) ==
        "BatchTopKEncoder: decay must be in [0, 1], is 1.5");
  CHECK(message_of([&] { Jump(init, {.threshold = 0}); }) ==
        "JumpReluEncoder: threshold must be positive and finite, is 0");
  CHECK(message_of([&] { Jump(init, {.bandwidth = -1}); }) ==
        "JumpReluEncoder: bandwidth must be positive and finite, is -1");
  CHECK(message_of([&] { Jump(weights, V(), V(V::Ones(3))); }) ==
        "JumpReluEncoder: 3 thresholds for 7 atoms");
  CHECK(message_of([&] { Jump(weights, V(), V(V::Zero(7))); }) ==
        "JumpReluEncoder: thresholds must be positive and finite");
  CHECK(message_of([&] { Gated(weights, V::Zero(7), V::Zero(6), V::Zero(7)); }) ==
        "GatedEncoder: 6 log scales and 7 biases of the magnitude for 7 atoms");
  CHECK(message_of([&] {
          Mlp(init, {.hidden = {4, 0}});
        }) == "MlpEncoder: hidden widths must be at least 1, one is 0");
  CHECK(message_of([&] { Mlp(std::vector<M>{}); }) == "MlpEncoder: no layers");
  CHECK(message_of([&] {
          Mlp(std::vector<M>{weights, weights});
        }) == "MlpEncoder: layer 1 is 7 x 4, the one before 7 x 4");
  CHECK(message_of([&] { Mlp(std::vector<M>{weights}, std::vector<V>(2)); }) ==
        "MlpEncoder: 1 layers and 2 biases");
  CHECK(message_of([&] { Lista(dictionary(), {.layers = 0}); }) ==
        "ListaEncoder: layers must be at least 1, are 0");
  CHECK(message_of([&] { Lista(dictionary(), {.lambda = -1}); }) ==
        "ListaEncoder: lambda must be finite and at least 0, is -1");
  CHECK(message_of([&] { Lista(dictionary(), {.threads = -1}); }) ==
        "ListaEncoder: threads must be at least 0, is -1");

  // The gradient of JumpReLU has the pattern of its codes, which no shape says.
  const Dense d = dictionary();
  const Jump jump(M(M::Ones(num_atoms, dim)));
  Jump::Tape tape;
  V gradient;
  jump.forward(d, M(M::Ones(dim, 2)), tape);
  CHECK(message_of([&] {
          jump.backward(d, M(M::Ones(dim, 2)), tape, SparseCodes<double>(num_atoms, 2), gradient);
        }) ==
        "JumpReluEncoder::backward: codes have 14 entries, code gradients 0: expected one pattern");
}
