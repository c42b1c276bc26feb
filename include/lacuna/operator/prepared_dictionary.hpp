// SPDX-License-Identifier: MIT
#ifndef LACUNA_OPERATOR_PREPARED_DICTIONARY_HPP
#define LACUNA_OPERATOR_PREPARED_DICTIONARY_HPP

#include <cstdint>
#include <stdexcept>
#include <utility>

#include <lacuna/concepts/explicit_dictionary.hpp>
#include <lacuna/concepts/gram_dictionary.hpp>
#include <lacuna/operator/coherence.hpp>
#include <lacuna/operator/gram_matrix.hpp>
#include <lacuna/operator/spectral_norm.hpp>

namespace lacuna {

/// A dictionary together with what solvers derive from it. Models `Dictionary`, `GramDictionary` and,
/// where D does, `ExplicitDictionary`.
///
/// Owns its copy, so it cannot go stale. Holds an upper bound on the squared spectral norm and, for up
/// to `max_gram_atoms` atoms, the Gram matrix D^T D and the coherence. Every encoder takes the plain
/// dictionary too and then derives what it needs on each call.
///
/// @code
/// const PreparedDictionary prepared(UnitNormDictionary<float>(atoms));
/// const auto codes = Fista(NonnegativeL1(0.05)).encode(prepared, signals);
/// @endcode
template <Dictionary D>
class PreparedDictionary {
 public:
  using Scalar = ScalarOf<D>;

  /// The Gram matrix of this many float atoms takes 256 MiB.
  static constexpr Index default_max_gram_atoms = 8192;

  /// Cost: 2 dim num_atoms^2 flops for the Gram matrix, and `squared_spectral_norm`.
  explicit PreparedDictionary(D dictionary, Index max_gram_atoms = default_max_gram_atoms)
      : dictionary_(std::move(dictionary)),
        squared_spectral_norm_(lacuna::squared_spectral_norm(dictionary_)) {
    const std::int64_t m = dim(), n = num_atoms(), least = m < n ? m : n;
    setup_flops_ = 4 * m * n * least + 8 * 2 * least * least * least;
    if (num_atoms() > max_gram_atoms) return;
    if constexpr (ExplicitDictionary<D>)
      gram_ = gram_matrix(dictionary_.atoms());
    else
      gram_ = dictionary_.correlate(dictionary_.decode(Matrix<Scalar>::Identity(n, n)));
    setup_flops_ += 2 * m * n * n;
    coherence_ = mutual_coherence(gram_);
  }

  [[nodiscard]] Index dim() const { return dictionary_.dim(); }
  [[nodiscard]] Index num_atoms() const { return dictionary_.num_atoms(); }

  [[nodiscard]] Matrix<Scalar> decode(const MatrixArg<Scalar>& codes) const {
    return dictionary_.decode(codes);
  }
  [[nodiscard]] Matrix<Scalar> decode(const SparseCodes<Scalar>& codes) const {
    return dictionary_.decode(codes);
  }
  [[nodiscard]] Matrix<Scalar> correlate(const MatrixArg<Scalar>& signals) const {
    return dictionary_.correlate(signals);
  }

  [[nodiscard]] const Matrix<Scalar>& atoms() const
    requires ExplicitDictionary<D>
  {
    return dictionary_.atoms();
  }

  [[nodiscard]] const D& dictionary() const noexcept { return dictionary_; }

  /// At least ||D||_2^2; see `lacuna::squared_spectral_norm`.
  [[nodiscard]] double squared_spectral_norm() const noexcept { return squared_spectral_norm_; }

  /// Whether the Gram matrix, and with it the coherence, is kept.
  [[nodiscard]] bool has_gram() const noexcept { return gram_.size() > 0; }

  /// D^T D, num_atoms x num_atoms. @throws std::logic_error where it is not kept.
  [[nodiscard]] const Matrix<Scalar>& gram() const {
    require_gram("gram");
    return gram_;
  }

  /// Mutual coherence. @throws std::logic_error where the Gram matrix is not kept.
  [[nodiscard]] double coherence() const {
    require_gram("coherence");
    return coherence_;
  }

  /// Audited flops of the construction.
  [[nodiscard]] std::int64_t setup_flops() const noexcept { return setup_flops_; }

 private:
  void require_gram(const char* what) const {
    if (!has_gram())
      throw std::logic_error(std::string("PreparedDictionary::") + what + ": not kept for " +
                             std::to_string(num_atoms()) + " atoms; raise max_gram_atoms");
  }

  D dictionary_;
  double squared_spectral_norm_;
  Matrix<Scalar> gram_;
  double coherence_ = 0;
  std::int64_t setup_flops_ = 0;
};

namespace detail {

/// Calls `use(prepared, setup_flops)` with d itself where it is prepared already, at no cost, and with
/// a prepared copy otherwise. The copy forgoes the Gram matrix above `max_gram_atoms`.
template <class D, class Use>
decltype(auto) with_prepared(const D& d, Index max_gram_atoms, Use&& use) {
  if constexpr (GramDictionary<D>) {
    return use(d, std::int64_t{0});
  } else {
    const PreparedDictionary<D> prepared(d, max_gram_atoms);
    return use(prepared, prepared.setup_flops());
  }
}

}  // namespace detail

}  // namespace lacuna

#endif  // LACUNA_OPERATOR_PREPARED_DICTIONARY_HPP
