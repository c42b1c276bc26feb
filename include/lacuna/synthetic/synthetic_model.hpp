// SPDX-License-Identifier: MIT
#ifndef LACUNA_SYNTHETIC_SYNTHETIC_MODEL_HPP
#define LACUNA_SYNTHETIC_SYNTHETIC_MODEL_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lacuna/core/parallel.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/synthetic/gaussian_dictionary.hpp>
#include <lacuna/synthetic/random_support.hpp>
#include <lacuna/synthetic/weighted_support.hpp>

namespace lacuna {

struct SyntheticOptions {
  Index dim = 0;              ///< length of a signal; 0: that of the atoms given
  Index num_atoms = 0;        ///< length of a code; 0: the number of atoms given
  Index num_active = 1;       ///< active entries of every code, exactly
  bool signed_codes = false;  ///< normal amplitudes; false: half-normal, |N(0, 1)|
  double noise = 0;           ///< standard deviation of what is added to each coordinate
  /// a: atom i is active with weight 1 / (i + 1)^a, drawn one after the other without replacement.
  /// 0: every support is equally likely.
  double zipf_exponent = 0;
  /// Amplitudes times p_i + .1, p the weights over their sum: rare atoms are faint too.
  bool frequency_amplitudes = false;
};

/// Signals whose codes are known.
template <Real S>
struct LabelledSignals {
  Matrix<S> signals;     ///< dim x n
  SparseCodes<S> codes;  ///< num_atoms x n
};

/// The generative model of sparse inference: x = D s + noise e, where s has exactly num_active
/// entries at places chosen uniformly, half-normal or normal, and e is standard normal. With
/// zipf_exponent some places are chosen more often than others, as features of natural signals are
/// (the Zipf runs of O'Neill, Gumran & Klindt 2025: exponent 1 and frequency_amplitudes).
///
/// Signal j is a function of (seed, j) alone, so a range of signals is the same whether it is drawn
/// at once, piece by piece, or by several threads, and data that would not fit in memory can be
/// drawn again when needed. Draws are made in double: float codes are the double ones rounded.
///
/// @code
/// SyntheticModel<float> model({.dim = 8, .num_atoms = 16, .num_active = 3}, 7);
/// const auto train = model.sample(1024, 1);
/// const auto test = model.sample(1024, 1, 1024);  // the next 1024
/// @endcode
template <Real S>
class SyntheticModel {
 public:
  using Scalar = S;

  /// @param atoms  dim x num_atoms, of any norm; the options' shape must be 0 or agree.
  /// @throws std::invalid_argument if there are no atoms or they are not finite, shapes disagree,
  ///         num_active is not in [0, num_atoms], noise or zipf_exponent is negative or not finite,
  ///         or the exponent is so large that the last atom has no weight in double.
  SyntheticModel(Matrix<S> atoms, SyntheticOptions options)
      : atoms_(std::move(atoms)), options_(options) {
    const Index dim = options.dim == 0 ? atoms_.rows() : options.dim;
    const Index num_atoms = options.num_atoms == 0 ? atoms_.cols() : options.num_atoms;
    require(atoms_.rows() == dim && atoms_.cols() == num_atoms, "SyntheticModel",
            "atoms are " + shape_of(atoms_.rows(), atoms_.cols()) + ", the options ask for " +
                shape_of(dim, num_atoms));
    options_.dim = dim;
    options_.num_atoms = num_atoms;
    check(options_);
    check_finite<S>("SyntheticModel", "atoms", atoms_);
    frequencies_.resize(num_atoms);
    for (Index i = 0; i < num_atoms; ++i) frequencies_[i] = zipf_weight(options_, i);
    frequencies_ /= frequencies_.sum();
  }

  /// Draws the dictionary: gaussian_dictionary(dim, num_atoms, dictionary_seed).
  /// @throws std::invalid_argument as above.
  SyntheticModel(SyntheticOptions options, std::uint64_t dictionary_seed)
      : SyntheticModel(
            gaussian_dictionary<S>(checked(options).dim, options.num_atoms, dictionary_seed),
            options) {}

  [[nodiscard]] Index dim() const noexcept { return atoms_.rows(); }
  [[nodiscard]] Index num_atoms() const noexcept { return atoms_.cols(); }
  /// The true dictionary, dim x num_atoms.
  [[nodiscard]] const Matrix<S>& atoms() const noexcept { return atoms_; }
  [[nodiscard]] const SyntheticOptions& options() const noexcept { return options_; }

  /// Signals first, ..., first + n - 1 of the seed's endless sequence.
  /// Cost: 2 dim num_active flops and num_active (plus dim, with noise) normal draws a signal; of
  /// atoms that are not equally likely, num_active log2(num_atoms) steps more.
  /// @param threads  0 for all cores; the answer has the same bits at any number.
  /// @throws std::invalid_argument if n or first is negative, or n codes have 2^31 entries or more.
  [[nodiscard]] LabelledSignals<S> sample(Index n, std::uint64_t seed, Index first = 0,
                                          Index threads = 1) const {
    const Index k = options_.num_active;
    constexpr Index most = std::numeric_limits<StorageIndex>::max();
    require(n >= 0 && first >= 0, "SyntheticModel::sample",
            "expected n >= 0 and first >= 0, got " + std::to_string(n) + " and " +
                std::to_string(first));
    require(n < most && (k == 0 || n <= most / k), "SyntheticModel::sample",
            std::to_string(n) + " codes of " + std::to_string(k) +
                " entries are too many for one sparse matrix: sample in ranges");

    LabelledSignals<S> out{Matrix<S>(dim(), n), SparseCodes<S>(num_atoms(), n)};
    // Every column has k entries, so each knows its place and threads can write at once.
    out.codes.resizeNonZeros(n * k);
    for (Index j = 0; j <= n; ++j) out.codes.outerIndexPtr()[j] = static_cast<StorageIndex>(j * k);

    constexpr Index block_size = 256;
    const Index workers =
        std::min(resolve_threads(threads), std::max<Index>(1, num_blocks(n, block_size)));
    const auto draw_all = [&](const auto& support_of_one) {
      std::vector supports(static_cast<std::size_t>(workers), support_of_one);
      for_each_block(n, block_size, workers, [&](const Block& block, Index worker) {
        auto& support = supports[static_cast<std::size_t>(worker)];
        for (Index j = block.begin; j < block.begin + block.count; ++j) {
          RandomStream random(seed, static_cast<std::uint64_t>(first + j));
          support.choose(random, k, out.codes.innerIndexPtr() + j * k);
          draw(random, out.codes.innerIndexPtr() + j * k, out.codes.valuePtr() + j * k, out.signals,
               j);
        }
      });
    };
    if (options_.zipf_exponent > 0)
      draw_all(WeightedSupport(frequencies_));
    else
      draw_all(RandomSupport(num_atoms()));
    return out;
  }

 private:
  using StorageIndex = typename SparseCodes<S>::StorageIndex;

  static void check(const SyntheticOptions& options) {
    const auto text = [](Index number) { return std::to_string(number); };
    require(options.dim >= 1, "SyntheticModel", "dim must be at least 1, got " + text(options.dim));
    require(options.num_atoms >= 1 && options.num_atoms <= std::numeric_limits<StorageIndex>::max(),
            "SyntheticModel", "num_atoms must be in [1, 2^31), got " + text(options.num_atoms));
    require(options.num_active >= 0 && options.num_active <= options.num_atoms, "SyntheticModel",
            "num_active must be in [0, num_atoms], got " + text(options.num_active) + " of " +
                text(options.num_atoms));
    require(options.noise >= 0 && std::isfinite(options.noise), "SyntheticModel",
            "noise must be finite and at least 0, got " + text_of(options.noise));
    require(options.zipf_exponent >= 0 && std::isfinite(options.zipf_exponent), "SyntheticModel",
            "zipf_exponent must be finite and at least 0, got " + text_of(options.zipf_exponent));
    require(zipf_weight(options, options.num_atoms - 1) >= std::numeric_limits<double>::min(),
            "SyntheticModel",
            "zipf_exponent " + text_of(options.zipf_exponent) + " leaves atom " +
                text(options.num_atoms - 1) + " no weight");
  }

  [[nodiscard]] static double zipf_weight(const SyntheticOptions& options, Index atom) {
    return std::pow(static_cast<double>(atom + 1), -options.zipf_exponent);
  }

  static const SyntheticOptions& checked(const SyntheticOptions& options) {
    check(options);
    return options;
  }

  /// Amplitudes for a support, and the signal that they make.
  void draw(RandomStream& random, const StorageIndex* rows, S* values, Matrix<S>& signals,
            Index column) const {
    auto signal = signals.col(column);
    signal.setZero();
    for (Index a = 0; a < options_.num_active; ++a) {
      double amplitude = random.template normal<double>();
      if (options_.frequency_amplitudes) amplitude *= frequencies_[rows[a]] + 0.1;
      values[a] = static_cast<S>(options_.signed_codes ? amplitude : std::abs(amplitude));
      signal += values[a] * atoms_.col(rows[a]);
    }
    if (options_.noise == 0) return;
    for (Index i = 0; i < dim(); ++i)
      signal[i] += static_cast<S>(options_.noise * random.template normal<double>());
  }

  Matrix<S> atoms_;
  SyntheticOptions options_;
  Vector<double> frequencies_;  // p, which sum to 1
};

}  // namespace lacuna

#endif  // LACUNA_SYNTHETIC_SYNTHETIC_MODEL_HPP
