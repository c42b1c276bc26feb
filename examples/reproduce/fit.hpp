// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_FIT_HPP
#define LACUNA_EXAMPLES_REPRODUCE_FIT_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lacuna/dictionary/unit_norm.hpp>

namespace lacuna::examples {

/// The encoder of an autoencoder: linear-ReLU, or with one hidden layer; TopK after its ReLU if k > 0.
struct Architecture {
  Index hidden = 0;  ///< 0: none
  Index k = 0;       ///< 0: all codes are kept
  bool bias = false;

  [[nodiscard]] std::string name() const {
    const std::string base = hidden == 0 ? "sae" : "mlp_" + std::to_string(hidden);
    return k == 0 ? base : base + "_topk";
  }
};

/// How the paper trains.
struct Plan {
  Index steps;
  double rate = 1e-3;
  double lambda = 0.01;          ///< weight of mean |s|
  bool learn_dictionary = true;
  bool raw_gradient = true;      ///< the paper's form: with the part of the gradient along the atom
  bool decoder_bias = false;     ///< x ~ D s + c, c learned
  std::vector<Index> log = {};   ///< steps after which the watch is told, beside the last
  std::uint64_t seed = 0;        ///< of the weights that the start does not give
  Index inference_steps = 10000;  ///< of sparse coding, for signals it did not see
  double inference_rate = 3e-3;
};

/// Where a training begins.
struct Start {
  UnitNormDictionary<float> dictionary;
  /// Of the encoder's layers, width x inputs; none: drawn from the plan's seed, biases with them.
  std::vector<Matrix<float>> weights = {};
  std::vector<Vector<float>> biases = {};  ///< of as many layers, width; none: there are none
  Vector<float> decoder_bias = {};         ///< dim, where the plan has one; empty: 0
};

/// A training at one of its steps. References live as long as the call.
struct Stage {
  Index step;
  bool last;
  std::int64_t flops;      ///< audited, of the training so far
  double seconds;          ///< of the training so far, without the time in the watch
  const UnitNormDictionary<float>& dictionary;
  Vector<float> bias;      ///< c, dim; empty where there is none
  /// Codes, num_atoms x n, of signals, dim x n, and its audited flops a signal.
  std::function<Matrix<float>(const Matrix<float>&)> encode;
  double inference_flops;
};
using Watch = std::function<void(const Stage&)>;

/// Encoder and dictionary (or the encoder alone) by the gradient of the reconstruction.
/// @throws Interrupted.
void train_autoencoder(const Architecture& architecture, const Plan& plan, const Start& start,
                       const Matrix<float>& signals, const Watch& watch);

/// The encoder alone, on known codes, by the paper's cosine loss. @throws Interrupted.
void train_on_codes(const Architecture& architecture, const Plan& plan, const Start& start,
                    const Matrix<float>& signals, const SparseCodes<float>& codes,
                    const Watch& watch);

/// Free log-codes and dictionary together; other signals by inference from exp(-10), at the paper's
/// lambda and `plan.inference_steps`. @throws Interrupted.
void train_sparse_coding(const Plan& plan, const UnitNormDictionary<float>& start,
                         const Matrix<float>& signals, const Watch& watch);

/// Inference by Adam on log-codes with mean |s| priced by lambda, from exp(-10) or from codes.
[[nodiscard]] Matrix<float> infer(const UnitNormDictionary<float>& dictionary,
                                  const Matrix<float>& signals, double lambda, double rate,
                                  Index steps, const Matrix<float>* initial = nullptr);
/// Its audited flops a signal.
[[nodiscard]] double infer_flops(const UnitNormDictionary<float>& dictionary, Index steps);

/// How free codes are written, and where they begin.
enum class FreeCodes {
  exponential,  ///< exp(u), all u = -10
  rectified     ///< max(u, 0), u normal: a code that begins at 0 has no gradient, then or later
};

/// Sparse coding with top-k in its loop and no price: the k largest codes of a signal alone take part
/// and get a gradient. The slip of the paper's "optimised TopK" is that exponential codes all begin
/// equal, so that the k that come first are chosen; one whose gradient is against it falls behind the
/// next, one that rises stays for good. Of rectified codes a random half can be chosen at all. The
/// dictionary is learned if asked.
/// @param seed  of rectified codes.
/// @returns the codes.
Matrix<float> fit_with_frozen_support(UnitNormDictionary<float>& dictionary,
                                      const Matrix<float>& signals, FreeCodes form, Index k,
                                      double rate, Index steps, bool learn_dictionary,
                                      std::uint64_t seed = 0);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_FIT_HPP
