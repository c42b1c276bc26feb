// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_MODEL_ENCODER_HPP
#define LACUNA_EXAMPLES_SUPPORT_MODEL_ENCODER_HPP

#include <filesystem>
#include <map>
#include <string>

#include "support/encoder_list.hpp"

namespace lacuna::examples {

/// A sparse autoencoder from a file, in the parts that a comparison needs: its transform is a
/// shift, which signals have taken off before any encoder sees them.
struct FileModel {
  std::string kind;     ///< of the encoder: "top_k", say
  Matrix<float> atoms;  ///< dim x num_atoms
  Vector<float> shift;  ///< dim, its pre-bias; 0 where it has none
  NamedEncoder encoder;
  std::map<std::string, std::string> metadata;  ///< all of the file's
};

/// What `train_sae` saved: float, unit atoms, no transform or a learned bias.
/// @throws std::invalid_argument naming --model, for whatever is wrong with the file.
[[nodiscard]] FileModel read_file_model(const std::filesystem::path& path, Index threads);

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_MODEL_ENCODER_HPP
