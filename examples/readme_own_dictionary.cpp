// SPDX-License-Identifier: MIT
#include <iostream>

#include <lacuna/lacuna.hpp>
using namespace lacuna;

/// Spikes and steps: signals of length n that are a few single points plus a few jumps. Atom i is 1 at
/// i; atom n + i is 1 from i on, over sqrt(n). There is no matrix: both maps are running sums.
class SpikesAndSteps {
 public:
  using Scalar = double;

  explicit SpikesAndSteps(Index n) : n_(n), scale_(1 / std::sqrt(double(n))) {}
  Index dim() const { return n_; }
  Index num_atoms() const { return 2 * n_; }

  Matrix<double> decode(const MatrixArg<double>& codes) const {
    check_codes("SpikesAndSteps", *this, codes);
    return assemble(codes.topRows(n_), scale_ * codes.bottomRows(n_));
  }
  Matrix<double> decode(const SparseCodes<double>& codes) const {
    check_codes("SpikesAndSteps", *this, codes);
    Matrix<double> spikes = Matrix<double>::Zero(n_, codes.cols()), jumps = spikes;
    for (Index j = 0; j < codes.cols(); ++j)
      for (SparseCodes<double>::InnerIterator entry(codes, j); entry; ++entry)
        if (entry.row() < n_)
          spikes(entry.row(), j) = entry.value();
        else
          jumps(entry.row() - n_, j) = scale_ * entry.value();
    return assemble(spikes, jumps);
  }
  Matrix<double> correlate(const MatrixArg<double>& signals) const {
    check_signals("SpikesAndSteps", *this, signals);
    Matrix<double> codes(2 * n_, signals.cols());
    codes << signals, scale_ * signals;
    for (Index i = 2 * n_ - 2; i >= n_; --i) codes.row(i) += codes.row(i + 1);
    return codes;
  }

 private:
  Matrix<double> assemble(const Matrix<double>& spikes, Matrix<double> steps) const {
    for (Index i = 1; i < n_; ++i) steps.row(i) += steps.row(i - 1);
    return spikes + steps;
  }

  Index n_;
  double scale_;
};

static_assert(Dictionary<SpikesAndSteps>);
static_assert(EncoderFor<Fista<L1>, SpikesAndSteps>);
static_assert(!EncoderFor<OrthogonalMatchingPursuit, SpikesAndSteps>);  // wants atoms()

int main() {
  const SpikesAndSteps dictionary(64);
  Matrix<double> code = Matrix<double>::Zero(128, 1);
  code(10, 0) = 2;        // a spike at 10
  code(64 + 40, 0) = -8;  // a jump of -1 at 40
  const auto solution =
      Fista(L1(0.01), {.tolerance = 1e-8}).solve(dictionary, dictionary.decode(code));
  const auto& found = solution.codes;
  std::cout << to_string(solution.status[0]) << ", gap " << solution.relative_gap[0]
            << ": spike " << found(10, 0) << ", jump " << found(104, 0) / 8 << '\n';
  return solution.status[0] == Status::converged && std::abs(found(10, 0) - 2) < 0.1 ? 0 : 1;
}
