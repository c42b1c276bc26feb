// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_REPLACE_ATOMS_HPP
#define LACUNA_TRAINER_REPLACE_ATOMS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <lacuna/concepts/atom_revival.hpp>
#include <lacuna/core/check.hpp>
#include <lacuna/operator/gram_matrix.hpp>

namespace lacuna {

/// Options of `ReplaceAtoms`.
struct ReplaceAtomsOptions {
  Index every = 1;        ///< rounds between two looks
  double until = 0.85;    ///< share of the rounds after which none is replaced, so that all settle
  double min_use = 1e-3;  ///< an atom of less of the mean use is dead; 0: only one of no use at all
  double max_cosine = 0.6;  ///< an atom nearer to a more used one is a duplicate of it; 1: none is
  bool signed_codes = false;  ///< the opposite of an atom is a duplicate of it too
  Index window = 0;           ///< signals over which use is counted; 0: as many as there are atoms
};

/// Replaces dead atoms, those of low use, and duplicates by what is reconstructed worst. Models
/// `AtomRevivalFor` every learnable dictionary.
///
/// Atoms are looked at from the most used to the least: one of less than `min_use` of the mean use,
/// or whose cosine with one before it that stays is above `max_cosine`, goes. The i-th of those
/// that go becomes the direction of the i-th largest residual of the batch; exact signals replace
/// none.
///
/// Cost of a look: dim num_atoms^2 flops and a sort of the residuals.
///
/// Source: Aharon, Elad & Bruckstein, "K-SVD", 2006, section IV (pruning); Mairal et al. 2010,
/// section 3.4.5.
///
/// @code
/// AlternatingTrainer(options, BlockCoordinateUpdate({.memory = 5000}), ReplaceAtoms({.every =
/// 5}));
/// @endcode
class ReplaceAtoms {
 public:
  using Options = ReplaceAtomsOptions;

  /// @throws std::invalid_argument naming the option that is out of range.
  explicit ReplaceAtoms(ReplaceAtomsOptions options = {}) : options_(options) {
    const auto check = [](bool holds, const char* what, double value) {
      require(holds, "ReplaceAtoms", what + (", is " + text_of(value)));
    };
    check(options.every >= 1, "every must be at least 1", static_cast<double>(options.every));
    check(options.until >= 0 && options.until <= 1, "until must be in [0, 1]", options.until);
    check(options.min_use >= 0 && options.min_use < 1, "min_use must be in [0, 1)",
          options.min_use);
    check(options.max_cosine > 0 && options.max_cosine <= 1, "max_cosine must be in (0, 1]",
          options.max_cosine);
    check(options.window >= 0, "window must be at least 0", static_cast<double>(options.window));
  }

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] Index window(Index num_atoms) const noexcept {
    return options_.window > 0 ? options_.window : num_atoms;
  }

  template <LearnableDictionary D>
  [[nodiscard]] std::vector<Index> revive(D& d, const TrainingRound<ScalarOf<D>>& round) const {
    using S = ScalarOf<D>;
    const double share = static_cast<double>(round.step) /
                         static_cast<double>(std::max<Index>(1, round.total_steps));
    if ((round.step + 1) % options_.every != 0 || share >= options_.until) return {};
    std::vector<Index> gone = without_use(d.atoms(), round.use);
    if (gone.empty()) return gone;

    const Vector<S> lengths = round.residual.colwise().norm().transpose();
    const std::vector<Index> worst = falling(lengths);
    std::size_t filled = 0;
    while (filled < std::min(gone.size(), worst.size()) && lengths[worst[filled]] > S(0)) ++filled;
    gone.resize(filled);
    if (gone.empty()) return gone;
    d.update_atoms([&](Matrix<S>& atoms) {
      for (std::size_t i = 0; i < filled; ++i)
        atoms.col(gone[i]) = round.residual.col(worst[i]) / lengths[worst[i]];
    });
    return gone;
  }

 private:
  template <class V>
  static std::vector<Index> falling(const V& values) {
    std::vector<Index> order(static_cast<std::size_t>(values.size()));
    std::iota(order.begin(), order.end(), Index(0));
    std::stable_sort(order.begin(), order.end(),
                     [&](Index i, Index j) { return values[i] > values[j]; });
    return order;
  }

  /// The atoms that go, in rising order.
  template <class S>
  [[nodiscard]] std::vector<Index> without_use(const Matrix<S>& atoms,
                                               const Vector<double>& use) const {
    const Index num_atoms = atoms.cols();
    const double least = options_.min_use * use.sum() / static_cast<double>(num_atoms);
    Matrix<S> cosines;
    if (options_.max_cosine < 1) {
      const Vector<S> inverse = atoms.colwise().norm().cwiseInverse().transpose();
      cosines = gram_matrix(atoms);
      cosines.array().colwise() *= inverse.array();
      cosines.array().rowwise() *= inverse.transpose().array();
    }
    std::vector<Index> gone, stay;
    for (const Index i : falling(use)) {
      const auto is_near = [&](Index other) {
        const S cosine = cosines(other, i);
        return (options_.signed_codes ? std::abs(cosine) : cosine) >
               static_cast<S>(options_.max_cosine);
      };
      if (!(use[i] > 0 && use[i] >= least) ||
          (options_.max_cosine < 1 && std::any_of(stay.begin(), stay.end(), is_near)))
        gone.push_back(i);
      else
        stay.push_back(i);
    }
    std::sort(gone.begin(), gone.end());
    return gone;
  }

  Options options_;
};

}  // namespace lacuna

#endif  // LACUNA_TRAINER_REPLACE_ATOMS_HPP
