// SPDX-License-Identifier: MIT
#include "support/model_encoder.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

#include <lacuna/io/model_file.hpp>

namespace lacuna::examples {

namespace {

template <class T, class E>
[[nodiscard]] FileModel read(const std::filesystem::path& path, Index threads) {
  auto model = load_model<Model<T, UnitNormDictionary<float>, E>>(path, threads);
  Vector<float> shift = Vector<float>::Zero(model.dictionary.dim());
  if constexpr (requires { model.transform.bias(); }) shift = model.transform.bias();
  using Any = AnyEncoder<CodesFor<E, AnyDictionary>>;
  return {std::string(EncoderFile<E>::kind),
          model.dictionary.atoms(),
          std::move(shift),
          NamedEncoder{Any(model.encoder)},
          {}};
}

[[nodiscard]] FileModel read_any(const std::filesystem::path& path, Index threads) {
  const ModelKinds kinds = read_model_kinds(path);
  const bool has_bias = kinds.transform == "learned_bias";
  require(kinds.scalar == "float" && kinds.dictionary == "unit_norm" &&
              (has_bias || kinds.transform == "identity"),
          path.string(),
          "its model is of " + kinds.scalar + ", " + kinds.dictionary + ", " + kinds.transform +
              "; expected float, unit_norm, identity or learned_bias");
  std::optional<FileModel> model;
  with_encoder_kind<float>(kinds.encoder, [&]<class E>() {
    if (has_bias)
      model = read<LearnedBias<float>, E>(path, threads);
    else
      model = read<Identity, E>(path, threads);
  });
  require(model.has_value(), path.string(), "its encoder is of the unknown kind " + kinds.encoder);
  model->metadata = kinds.metadata;
  return std::move(*model);
}

}  // namespace

FileModel read_file_model(const std::filesystem::path& path, Index threads) {
  try {
    return read_any(path, threads);
  } catch (const std::exception& error) {
    throw std::invalid_argument(std::string("--model: ") + error.what());
  }
}

}  // namespace lacuna::examples
