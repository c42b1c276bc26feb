// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_ENCODER_LIST_HPP
#define LACUNA_EXAMPLES_SUPPORT_ENCODER_LIST_HPP

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "support/any_encoder.hpp"

namespace lacuna::examples {

struct NamedEncoder;

/// What encoders that are made by name are given.
struct EncoderSettings {
  Index k = 3;              ///< of those that are asked for a number of active entries
  double lambda = 0.0025;   ///< of those with a penalty
  double ridge = 1e-3;      ///< of elastic_net
  Vector<double> lengths;   ///< of the atoms, for weighted
  bool nonnegative = true;  ///< codes >= 0, of every encoder that can
  double tolerance = 1e-5;  ///< relative duality gap at which a certified solver stops
  Index max_iterations = 10000;
  Index refine_steps = 10;  ///< of FISTA, in refined(...)
  Index adam_steps = 20000;
  double adam_epsilon = 1e-8;
  Index threads = 1;
  std::shared_ptr<const NamedEncoder> model;  ///< what the name "model" stands for; none: nothing
};

/// An encoder made by name, and what a table should know of it.
struct NamedEncoder {
  std::variant<AnyEncoder<Matrix<float>>, AnyEncoder<SparseCodes<float>>> encoder;
  bool uses_lambda = false;
  double active = 0;  ///< an entry of a larger magnitude is active; 0 but for exponentials
};

/// Makes the encoder of an expression:
///
///   encoder := NAME | truncated(encoder) | debiased(encoder) | refined(encoder) | signed(encoder)
///
/// NAME is one of the list in `encoder_help()`, or model where the settings have one; signed(...)
/// drops the constraint s >= 0 inside.
/// @throws std::invalid_argument in one line: no such name, with those there are; not well formed;
///         an option out of the encoder's range.
[[nodiscard]] NamedEncoder make_encoder(const std::string& expression,
                                        const EncoderSettings& settings);

/// What is compared where nobody says what. Some may not fit the size: see `fits`.
[[nodiscard]] std::vector<std::string> default_encoders(bool nonnegative);

/// Whether every support of k of num_atoms atoms can be tried, where an expression asks for that.
[[nodiscard]] bool fits(const std::string& expression, Index num_atoms, Index k);

/// The names and what they mean, a line each.
[[nodiscard]] std::string encoder_help();

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_ENCODER_LIST_HPP
