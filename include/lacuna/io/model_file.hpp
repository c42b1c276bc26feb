// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_MODEL_FILE_HPP
#define LACUNA_IO_MODEL_FILE_HPP

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include <lacuna/io/fields_file.hpp>
#include <lacuna/io/model_fields.hpp>

namespace lacuna {

/// Writes a model so that another program can make it anew, whole or not at all. Its encoder, its
/// transform and its dictionary must be of the kinds that `ModelKinds` lists. Needs nlohmann/json.
/// @param metadata  texts of the caller's own.
/// @throws std::invalid_argument if `metadata` has a name that says what the model is;
///         std::runtime_error naming the file, as WholeFile.
///
/// @code
/// save_model("sae.safetensors", model, {{"trained_on", "layer 6"}});
/// const ModelKinds kinds = read_model_kinds("sae.safetensors");
/// if (kinds.encoder == "top_k" && kinds.scalar == "float" && kinds.dictionary == "unit_norm")
///   auto again = load_model<Model<Identity, UnitNormDictionary<float>, TopKEncoder<float>>>(
///       "sae.safetensors");
/// @endcode
template <class T, class D, EncoderWithFile E>
requires detail::KnownTransform<T> && detail::KnownDictionary<D>
void save_model(const std::filesystem::path& path, const Model<T, D, E>& model,
                const FileMetadata& metadata = {}) {
  const auto fields = detail::ModelFields<T, D, E>::of(model);
  write_fields(path, detail::join_metadata("save_model", detail::describe_model(model), metadata),
               fields_of("model", fields));
}

/// What the model in a file is made of.
struct ModelKinds {
  std::string encoder;     ///< linear_relu, top_k, batch_top_k, jump_relu, gated, mlp, lista
  std::string transform;   ///< identity, centre, scale, learned_bias, or composed(scale,centre)
  std::string dictionary;  ///< unit_norm, dense
  std::string scalar;      ///< float, double
  Index dim = 0;
  Index num_atoms = 0;
  FileMetadata metadata;  ///< all of the file's
};

/// @throws std::runtime_error naming the file, if it is none of `save_model` or `save_checkpoint`.
[[nodiscard]] inline ModelKinds read_model_kinds(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  ModelKinds kinds;
  kinds.metadata = file.metadata();
  const auto text = [&](const std::string& name) {
    const auto found = kinds.metadata.find(name);
    if (found == kinds.metadata.end())
      file.refuse("it holds no model: its metadata do not say the " + name);
    return found->second;
  };
  kinds.encoder = text("encoder");
  kinds.transform = text("transform");
  kinds.dictionary = text("dictionary");
  kinds.scalar = text("scalar");
  const TensorEntry& atoms = file.tensor("model.dictionary.atoms");
  if (atoms.shape.size() != 2) file.refuse("its model.dictionary.atoms are no matrix");
  kinds.num_atoms = atoms.shape[0];
  kinds.dim = atoms.shape[1];
  return kinds;
}

namespace detail {

template <class M>
struct ModelLoader;

template <class T, class D, class E>
struct ModelLoader<Model<T, D, E>> {
  static Model<T, D, E> load(const std::filesystem::path& path, Index threads) {
    using S = ScalarOf<D>;
    ModelFields<T, D, E> fields;
    const FileMetadata metadata = read_some_fields(path, fields_of("model", fields));
    const EncoderShape shape{fields.atoms.rows(), fields.atoms.cols(), fields.parameters.size()};
    require(fields.atoms.size() > 0, "its model.dictionary.atoms", "they are none");
    check_model_kinds<T, D, E>(metadata);
    fields.check_all_finite();
    E encoder = EncoderFile<E>::make(EncoderSettings(metadata), shape, threads);
    require(encoder.parameters().size() == shape.num_parameters, "its model.encoder.parameters",
            "there are " + std::to_string(shape.num_parameters) + ", expected " +
                std::to_string(encoder.parameters().size()));
    fields.put_encoder(encoder);
    const auto make_transform = [&] {
      if constexpr (ModelFields<T, D, E>::has_values) {
        const Index size = TransformFile<T>::size(shape.dim);
        require(fields.transform.size() == size, "its model.transform.parameters",
                "there are " + std::to_string(fields.transform.size()) + ", expected " +
                    std::to_string(size));
        return TransformFile<T>::make(fields.transform, shape.dim);
      } else {
        return T{};
      }
    };
    return {make_transform(), DictionaryFile<D>::make(Matrix<S>(std::move(fields.atoms))),
            std::move(encoder)};
  }
};

}  // namespace detail

/// The model that `save_model` or `save_checkpoint` wrote, with the same bits.
/// @tparam M        `Model<T, D, E>` of the file's kinds: `read_model_kinds` says which,
///                  `with_encoder_kind` makes a type of the encoder's.
/// @param  threads  of the encoder; 0 for all cores.
/// @throws std::runtime_error naming the file and what is wrong: another kind, a setting or tensor
///         that is missing, parts that do not fit each other, a number that is not finite, atoms
///         that the dictionary refuses.
template <class M>
[[nodiscard]] M load_model(const std::filesystem::path& path, Index threads = 1) {
  try {
    return detail::ModelLoader<M>::load(path, threads);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("cannot read " + path.string() + ": " + error.what());
  }
}

}  // namespace lacuna

#endif  // LACUNA_IO_MODEL_FILE_HPP
