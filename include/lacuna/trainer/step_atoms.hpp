// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_STEP_ATOMS_HPP
#define LACUNA_TRAINER_STEP_ATOMS_HPP

#include <algorithm>

#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/core/parallel.hpp>
#include <lacuna/operator/sparse_outer_product.hpp>

/// How a trainer moves the atoms of a dictionary: at once, or by blocks that stay in the cache.
namespace lacuna::detail {

/// Of the gradient of some atoms, dim x count, what is at a right angle to each.
template <class Atoms, class Gradient>
void remove_parallel_of(const Atoms& atoms, Gradient&& gradient) {
  for (Index i = 0; i < atoms.cols(); ++i)
    gradient.col(i) -= gradient.col(i).dot(atoms.col(i)) * atoms.col(i);
}

/// The same for all atoms. @param gradient  dim num_atoms, column by column; @param threads  0 for
/// all cores.
template <Real S>
void remove_parallel(const Matrix<S>& atoms, Vector<S>& gradient, Index threads) {
  Eigen::Map<Matrix<S>> columns(gradient.data(), atoms.rows(), atoms.cols());
  const Index block_size = std::max<Index>(1, (Index{1} << 19) / atoms.rows());
  for_each_block(atoms.cols(), block_size, threads, [&](Block block, Index) {
    remove_parallel_of(atoms.middleCols(block.begin, block.count),
                       columns.middleCols(block.begin, block.count));
  });
}

/// `d.update_atoms(change)`, by these threads where the dictionary takes them.
template <LearnableDictionary D, class Change>
void update_atoms(D& d, const Change& change, Index threads) {
  if constexpr (requires { d.update_atoms(change, threads); })
    d.update_atoms(change, threads);
  else
    d.update_atoms(change);
}

/// The step of the atoms, and what goes before and after it, while some of them are in the cache.
/// @param step  what an `OptimizerByParts` began for all of them; @param gradient_of  of a block
/// and a worker, dim x block.count, as a map that may be written to; @param tangent  whether atoms
/// of unit norm are only turned.
template <UpdatesAtomsByBlocks D, class Step, class GradientOf>
void step_atoms_by_blocks(D& d, const Step& step, const GradientOf& gradient_of, bool tangent,
                          Index threads) {
  using S = typename D::Scalar;
  const Index dim = d.dim();
  d.update_atoms_by_blocks(
      atoms_in_cache(dim), threads, [&](Block block, Index worker, Eigen::Ref<Matrix<S>> atoms) {
        Eigen::Map<Matrix<S>> gradient = gradient_of(block, worker);
        if constexpr (HasUnitNorm<D>)
          if (tangent) remove_parallel_of(atoms, gradient);
        step(block.begin * dim, Eigen::Map<Vector<S>>(atoms.data(), atoms.size()),
             gradient.reshaped());
      });
}

}  // namespace lacuna::detail

#endif  // LACUNA_TRAINER_STEP_ATOMS_HPP
