// SPDX-License-Identifier: MIT
#include "reproduce/paper_data.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "reproduce/paper_random.hpp"

namespace lacuna::examples {

namespace {

using S = float;
using UnitNorm = UnitNormDictionary<S>;

/// Its constructors call `torch.manual_seed` with this much more than the run's seed.
constexpr std::uint32_t start_shift = 42;

}  // namespace

PaperData paper_data(const SyntheticOptions& options, std::uint32_t seed, Index n) {
  const Index num_atoms = options.num_atoms, k = options.num_active;
  require(!options.signed_codes && options.noise == 0, "paper_data",
          "the paper's codes are not signed, and its signals have no noise");
  const bool zipf = options.zipf_exponent > 0;
  Vector<double> frequencies(num_atoms);
  for (Index i = 0; i < num_atoms; ++i)
    frequencies[i] = std::pow(static_cast<double>(i + 1), -options.zipf_exponent);
  frequencies /= frequencies.sum();

  NumpyRandom numpy(seed);
  SparseCodes<S> codes(num_atoms, n);
  codes.reserve(Eigen::VectorXi::Constant(n, static_cast<int>(k)));
  Vector<double> amplitudes(num_atoms);
  for (Index j = 0; j < n; ++j) {
    for (double& amplitude : amplitudes) amplitude = std::abs(numpy.normal());
    auto active = zipf ? numpy.choice(frequencies, k) : numpy.choice(num_atoms, k);
    std::sort(active.begin(), active.end());
    for (const Index i : active)
      codes.insert(i, j) = static_cast<S>(
          options.frequency_amplitudes ? amplitudes[i] * (frequencies[i] + 0.1) : amplitudes[i]);
  }
  codes.makeCompressed();

  // Its dictionary has an atom a row.
  const Matrix<S> rows = TorchRandom(seed).normal(num_atoms, options.dim);
  Matrix<S> atoms = rows.transpose();
  atoms.colwise().normalize();
  Matrix<S> signals = atoms * codes;
  return {std::move(atoms), {std::move(signals), std::move(codes)}};
}

Start paper_start(const Architecture& architecture, Index dim, Index num_atoms, std::uint32_t seed) {
  TorchRandom torch(seed + start_shift);
  std::vector<Index> widths;
  if (architecture.hidden > 0) widths.push_back(architecture.hidden);
  widths.push_back(num_atoms);
  std::vector<Matrix<S>> weights;
  std::vector<Vector<S>> biases;
  Index inputs = dim;
  for (const Index width : widths) {
    weights.push_back(torch.linear(width, inputs, inputs));
    if (architecture.bias) biases.push_back(torch.linear(width, 1, inputs));
    inputs = width;
  }
  (void)torch.linear(dim, num_atoms, num_atoms);
  Vector<S> decoder_bias;
  if (architecture.bias) decoder_bias = torch.linear(dim, 1, num_atoms);
  return {UnitNorm(torch.normal(dim, num_atoms)), std::move(weights), std::move(biases),
          std::move(decoder_bias)};
}

UnitNorm paper_start(Index dim, Index num_atoms, std::uint32_t seed) {
  return UnitNorm(TorchRandom(seed + start_shift).normal(dim, num_atoms));
}

}  // namespace lacuna::examples
