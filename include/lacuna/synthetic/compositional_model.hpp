// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_COMPOSITIONAL_MODEL_HPP
#define LACUNA_SYNTHETIC_COMPOSITIONAL_MODEL_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/random_support.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>

namespace lacuna {

struct CompositionalOptions {
  Index num_atoms = 1000;  ///< d_z, length of a code
  Index num_active = 10;   ///< k, active entries of every code, exactly
  Index dim = 0;           ///< d_x, length of a signal; 0: compositional_dim(num_atoms, num_active)
  std::uint64_t seed = 0;  ///< of the dictionary and of every split
};

/// Latents begin, ..., begin + count - 1.
struct LatentRange {
  Index begin = 0;
  Index count = 0;
};

/// Signals whose codes are known, and which of them show the concept.
template <Real S>
struct CompositionalSignals : LabelledSignals<S> {
  std::vector<bool> labels;  ///< n: whether the concept's code is above 1/2
};

/// The length of a signal from which num_active of num_atoms can be told:
/// max(k + 1, ceil(2 k ln(d_z / k))). @throws std::invalid_argument unless 1 <= k <= d_z.
[[nodiscard]] inline Index compositional_dim(Index num_atoms, Index num_active) {
  require(num_active >= 1 && num_active <= num_atoms, "compositional_dim",
          "num_active must be in [1, num_atoms], got " + std::to_string(num_active) + " of " +
              std::to_string(num_atoms));
  const auto k = static_cast<double>(num_active);
  const double rule = std::ceil(2 * k * std::log(static_cast<double>(num_atoms) / k));
  return std::max(num_active + 1, static_cast<Index>(rule));
}

/// The benchmark of compositional generalisation: what was learnt where a concept meets some
/// latents is asked for where it meets others.
///
/// x = D z without noise, D Gaussian with unit atoms, z with exactly num_active entries, uniform on
/// (0, 1]. Latent 0 is the concept and z_0 > 1/2 the label; the other latents are cut in two: the
/// last floor(num_atoms / 2) are the OOD pool, the rest the ID pool.
///
/// | split               | of each signal                                                       |
/// |---------------------|----------------------------------------------------------------------|
/// | train, validation   | a fair coin: A, the concept and k - 1 of the ID pool, or             |
/// |                     | B, no concept and k of both pools                                    |
/// | test (OOD)          | C, the concept and k - 1 of the OOD pool                             |
///
/// So every atom is seen in training, and what is withheld is the concept together with the OOD
/// pool, whose atoms are also rarer (`ood_pool_firings`). The label holds for a quarter of the
/// signals in training and for half of the test.
///
/// Signal j of a split is a function of (seed, split, j) alone: the first n are the same whatever n
/// is, at any number of threads. Draws are made in double: float codes are the double ones rounded.
///
/// Source: "Stop Probing, Start Coding: Why Linear Probes and Sparse Autoencoders Fail at
/// Compositional Generalisation", UAI 2026 (arXiv 2603.28744), and its code, where B is drawn from
/// both pools. There, train and validation are n_samples / 2 signals each, and so is the test.
///
/// @code
/// const CompositionalModel<float> model({.num_atoms = 100, .num_active = 10, .seed = 3});
/// const CompositionalSignals<float> train = model.train(2500), test = model.test(2500);
/// const LogisticRegression probe(train.codes, train.labels);
/// const double accuracy = probe.accuracy(test.codes, test.labels);
/// @endcode
template <Real S>
class CompositionalModel {
 public:
  using Scalar = S;

  /// @throws std::invalid_argument if there are fewer than 3 atoms, num_active is less than 1 or
  ///         more than the concept and the ID pool have, or dim is negative.
  explicit CompositionalModel(CompositionalOptions options)
      : options_(checked(options)),
        atoms_(gaussian_dictionary<S>(options_.dim, options_.num_atoms, options_.seed)) {}

  [[nodiscard]] Index dim() const noexcept { return atoms_.rows(); }
  [[nodiscard]] Index num_atoms() const noexcept { return atoms_.cols(); }
  [[nodiscard]] Index num_active() const noexcept { return options_.num_active; }
  /// The true dictionary, dim x num_atoms.
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  /// As given, `dim` filled in.
  [[nodiscard]] const CompositionalOptions& options() const noexcept { return options_; }

  /// The latents that meet the concept in training.
  [[nodiscard]] LatentRange id_pool() const noexcept {
    return {1, num_atoms() - num_atoms() / 2 - 1};
  }
  /// The latents that meet it in the test alone.
  [[nodiscard]] LatentRange ood_pool() const noexcept {
    return {num_atoms() - num_atoms() / 2, num_atoms() / 2};
  }

  /// The first n training signals, settings A and B.
  /// Cost: 2 dim num_active flops and some 2 num_active draws a signal.
  /// @param threads  0 for all cores; the answer has the same bits at any number.
  /// @throws std::invalid_argument if n is negative, or n codes have 2^31 entries or more.
  [[nodiscard]] CompositionalSignals<S> train(Index n, Index threads = 1) const {
    return sample("CompositionalModel::train", n, 0x7A11, false, threads);
  }
  /// n others of the same distribution.
  [[nodiscard]] CompositionalSignals<S> validation(Index n, Index threads = 1) const {
    return sample("CompositionalModel::validation", n, 0x7A12, false, threads);
  }
  /// n signals of setting C: out of distribution.
  [[nodiscard]] CompositionalSignals<S> test(Index n, Index threads = 1) const {
    return sample("CompositionalModel::test", n, 0x7A13, true, threads);
  }

  /// How often an atom of the ID pool is expected to be active in n training signals.
  [[nodiscard]] double id_pool_firings(Index n) const noexcept {
    const auto others = static_cast<double>(num_active() - 1);
    return ood_pool_firings(n) +
           0.5 * static_cast<double>(n) * others / static_cast<double>(id_pool().count);
  }
  /// The same of the OOD pool: nearly 3 times less.
  [[nodiscard]] double ood_pool_firings(Index n) const noexcept {
    return 0.5 * static_cast<double>(n) * static_cast<double>(num_active()) /
           static_cast<double>(num_atoms() - 1);
  }
  /// Equations over unknowns of learning from n signals, the supports being known:
  /// n dim / (dim num_atoms + n num_active). Below 1 the dictionary is not determined.
  [[nodiscard]] double counting_ratio(Index n) const noexcept {
    const auto rows = static_cast<double>(n), length = static_cast<double>(dim());
    return rows * length /
           (length * static_cast<double>(num_atoms()) + rows * static_cast<double>(num_active()));
  }

 private:
  using StorageIndex = typename SparseCodes<S>::StorageIndex;

  static CompositionalOptions checked(CompositionalOptions options) {
    const std::string_view where = "CompositionalModel";
    const Index num_atoms = options.num_atoms;
    require(num_atoms >= 3 && num_atoms <= std::numeric_limits<StorageIndex>::max(), where,
            "num_atoms must be in [3, 2^31), got " + std::to_string(num_atoms));
    // The concept and the smaller pool.
    const Index most = num_atoms - num_atoms / 2;
    require(options.num_active >= 1 && options.num_active <= most, where,
            "num_active must be in [1, " + std::to_string(most) + "] for " +
                std::to_string(num_atoms) + " atoms, got " + std::to_string(options.num_active));
    require(options.dim >= 0, where, "dim must be at least 0, got " + std::to_string(options.dim));
    if (options.dim == 0) options.dim = compositional_dim(num_atoms, options.num_active);
    return options;
  }

  [[nodiscard]] CompositionalSignals<S> sample(std::string_view where, Index n,
                                               std::uint64_t purpose, bool ood,
                                               Index threads) const {
    const Index k = num_active();
    require(n >= 0, where, "n must be at least 0, got " + std::to_string(n));
    require(n < std::numeric_limits<StorageIndex>::max() / k, where,
            std::to_string(n) + " codes of " + std::to_string(k) +
                " entries are too many for one sparse matrix");
    CompositionalSignals<S> out{{Matrix<S>(dim(), n), SparseCodes<S>(num_atoms(), n)}, {}};
    // Every column has k entries, so each knows its place and threads can write at once.
    out.codes.resizeNonZeros(n * k);
    for (Index j = 0; j <= n; ++j) out.codes.outerIndexPtr()[j] = static_cast<StorageIndex>(j * k);

    constexpr Index block_size = 256;
    const Index workers =
        std::min(resolve_threads(threads), std::max<Index>(1, num_blocks(n, block_size)));
    std::vector<RandomSupport> supports(static_cast<std::size_t>(workers),
                                        RandomSupport(num_atoms()));
    const std::uint64_t seed = derive_seed(options_.seed, purpose);
    for_each_block(n, block_size, workers, [&](const Block& block, Index worker) {
      RandomSupport& support = supports[static_cast<std::size_t>(worker)];
      for (Index j = block.begin; j < block.begin + block.count; ++j) {
        RandomStream random(seed, static_cast<std::uint64_t>(j));
        StorageIndex* rows = out.codes.innerIndexPtr() + j * k;
        S* values = out.codes.valuePtr() + j * k;
        choose_support(random, support, ood, rows);
        auto signal = out.signals.col(j);
        signal.setZero();
        for (Index a = 0; a < k; ++a) {
          // On (0, 1]: an active entry is not 0.
          values[a] = static_cast<S>(1 - random.template uniform<double>());
          signal += values[a] * atoms_.col(rows[a]);
        }
      }
    });
    // Not by the threads: bits share their bytes.
    out.labels.resize(static_cast<std::size_t>(n));
    for (Index j = 0; j < n; ++j)
      out.labels[static_cast<std::size_t>(j)] =
          out.codes.innerIndexPtr()[j * k] == 0 && out.codes.valuePtr()[j * k] > S(0.5);
    return out;
  }

  void choose_support(RandomStream& random, RandomSupport& support, bool ood,
                      StorageIndex* rows) const {
    const bool concept_active = ood || (random.word() >> 31) != 0;
    if (!concept_active) {
      support.choose(random, 1, num_atoms() - 1, num_active(), rows);
      return;
    }
    const LatentRange pool = ood ? ood_pool() : id_pool();
    rows[0] = 0;
    support.choose(random, pool.begin, pool.count, num_active() - 1, rows + 1);
  }

  CompositionalOptions options_;
  Matrix<S> atoms_;
};

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_COMPOSITIONAL_MODEL_HPP
