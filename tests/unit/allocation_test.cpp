// SPDX-License-Identifier: MIT
// What is allocated does not grow with the signals: a block of 32 costs an encoder as many
// allocations as a block of 8.

// What is counted is ours: OpenBLAS takes a buffer from the heap for a small product.
#undef EIGEN_USE_BLAS

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <lacuna/core/random.hpp>
#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/best_of.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/operator/prepared_dictionary.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>

#include "support/catch.hpp"

// Counting needs the C library's own allocator behind its back; a sanitizer has its own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
extern "C" void* __libc_malloc(std::size_t size);
namespace {
std::size_t allocations = 0;
}
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

namespace {

using namespace lacuna;
using Dense = DenseDictionary<double>;

/// Columns of 8 and of 32 signals that differ, made once; through a dictionary with many atoms and
/// one with few, which solvers take in different forms, plain and prepared.
struct Setting {
  Dense d;
  PreparedDictionary<Dense> prepared;
  Matrix<double> many, few;

  /// @param with_zeros  whether every other signal is 0.
  explicit Setting(Index num_atoms, bool with_zeros = false)
      : d(gaussian_dictionary<double>(10, num_atoms, 29)),
        prepared(d),
        many(random_normal<double>(10, 32, 30)) {
    if (with_zeros)
      for (Index j = 0; j < 32; j += 2) many.col(j).setZero();
    few = many.leftCols(8);
  }
};

template <class E, class D>
std::size_t count(const E& encoder, const D& d, const Matrix<double>& x) {
  const std::size_t before = allocations;
  (void)encoder.encode(d, x);
  return allocations - before;
}

/// Either nothing more, or what so many vectors take that grow by doubling where what they hold is
/// not known before: four times the entries is two doublings, and one more where a power of 2 lies
/// between.
template <class E>
void check(const std::string& name, const E& encoder, std::size_t doubling_vectors = 0) {
  for (const auto& [num_atoms, with_zeros] :
       {std::pair{Index{14}, false}, std::pair{Index{24}, false}, std::pair{Index{24}, true}}) {
    const Setting setting(num_atoms, with_zeros);
    INFO(name << ", " << num_atoms << " atoms" << (with_zeros ? ", signals of 0" : ""));
    (void)encoder.encode(setting.d, setting.few);  // what a thread keeps is there from now on
    const std::size_t few = count(encoder, setting.d, setting.few);
    CHECK(few > 0);
    CHECK(count(encoder, setting.d, setting.many) - few <= 3 * doubling_vectors);
    CHECK(count(encoder, setting.prepared, setting.many) -
              count(encoder, setting.prepared, setting.few) <=
          3 * doubling_vectors);
  }
}

}  // namespace

TEST_CASE("greedy encoders allocate nothing a signal", "[allocation]") {
  for (const bool nonnegative : {false, true}) {
    const std::string sign = nonnegative ? ", non-negative" : "";
    check("OrthogonalMatchingPursuit" + sign,
          OrthogonalMatchingPursuit({.k = 5, .nonnegative = nonnegative}));
    check("MatchingPursuit" + sign, MatchingPursuit({.k = 6, .nonnegative = nonnegative}));
    check("IterativeHardThresholding" + sign,
          IterativeHardThresholding({.k = 3, .nonnegative = nonnegative}));
    check("Cosamp" + sign, Cosamp({.k = 3, .nonnegative = nonnegative}));
    check("ExhaustiveSearch" + sign, ExhaustiveSearch({.k = 2, .nonnegative = nonnegative}), 1);
  }
  check("OrthogonalMatchingPursuit to a tolerance",
        OrthogonalMatchingPursuit({.k = 8, .tolerance = 0.1}));
  check("OrthogonalLeastSquares", OrthogonalLeastSquares({.k = 5}));
  check("OrthogonalLeastSquares, non-negative",
        OrthogonalLeastSquares({.k = 5, .nonnegative = true}));
  check("MarginalThreshold", MarginalThreshold({.k = 3}));
  check("MarginalThreshold, all", MarginalThreshold({.threshold = 0.1}));
}

TEST_CASE("selection in residual form allocates nothing a signal", "[allocation]") {
  // 200 atoms do not pay for a Gram matrix here.
  const Setting setting(200);
  const auto residual_form = [&](const std::string& name, const auto& encoder,
                                 std::size_t doubling_vectors = 0) {
    INFO(name);
    CHECK(count(encoder, setting.d, setting.many) <=
          count(encoder, setting.d, setting.few) + 3 * doubling_vectors);
  };
  for (const bool nonnegative : {false, true}) {
    residual_form("OMP", OrthogonalMatchingPursuit({.k = 5, .nonnegative = nonnegative}));
    residual_form("OLS", OrthogonalLeastSquares({.k = 5, .nonnegative = nonnegative}));
  }
  residual_form("ActiveSet, L1", ActiveSet(L1(0.05)), 2);
  residual_form("ActiveSet, NonnegativeL1", ActiveSet(NonnegativeL1(0.05)), 2);
}

TEST_CASE("convex solvers allocate nothing a signal", "[allocation]") {
  check("ActiveSet, L1", ActiveSet(L1(0.05)), 2);
  check("ActiveSet, NonnegativeL1", ActiveSet(NonnegativeL1(0.05)), 2);
  check("CoordinateDescent, L1", CoordinateDescent(L1(0.05)), 2);
  check("CoordinateDescent, NonnegativeL1", CoordinateDescent(NonnegativeL1(0.05)), 2);
  check("Ista", Ista(L1(0.05)).with_steps(20));
  check("Fista", Fista(L1(0.05)).with_steps(20));
  // Signals that are done leave one by one, and what is left works in the room of all.
  check("Fista to a tolerance", Fista(L1(0.05), {.tolerance = 1e-3}));
  check("LocallyCompetitive", LocallyCompetitive(L1(0.05)).with_steps(20));
  check("LocallyCompetitive to a tolerance", LocallyCompetitive(L1(0.05), {.tolerance = 1e-3}));
  check("LocallyCompetitive, hard", LocallyCompetitive(HardThreshold{0.1}));
  check("AdamInference", AdamInference(NonnegativeL1(0.05), {.steps = 20}));
}

TEST_CASE("amortised encoders and combinators allocate nothing a signal", "[allocation]") {
  for (const Index num_atoms : {14, 24}) {
    const RandomWeights weights{.dim = 10, .num_atoms = num_atoms, .seed = 1};
    const Setting setting(num_atoms);
    const auto same = [&](const char* name, const auto& encoder) {
      INFO(name);
      // Small products keep what they packed last, a thread: the first of its size makes room.
      (void)encoder.encode(setting.d, setting.few);
      CHECK(count(encoder, setting.d, setting.few) == count(encoder, setting.d, setting.many));
    };
    same("LinearReluEncoder", LinearReluEncoder<double>(weights));
    same("TopKEncoder", TopKEncoder<double>(weights, 3));
    same("Truncated<TopKEncoder>", Truncated(TopKEncoder<double>(weights, 5), 3));
  }
  const Fista fista = Fista(L1(0.05)).with_steps(10);
  check("Truncated", Truncated(fista, 3));
  check("Debiased", Debiased(Truncated(fista, 3)));
  check("Debiased, non-negative", Debiased(Truncated(fista, 6), {.nonnegative = true}));
  check("BestOf", BestOf(MarginalThreshold({.k = 3}), Truncated(fista, 3)));
  check("Refined", Refined(OrthogonalMatchingPursuit({.k = 3}), fista, 5));
}
#endif
