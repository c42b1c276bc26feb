// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_MODEL_FIELDS_HPP
#define LACUNA_IO_MODEL_FIELDS_HPP

#include <concepts>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <lacuna/concepts/differentiable_encoder.hpp>
#include <lacuna/concepts/learnable_dictionary.hpp>
#include <lacuna/concepts/learnable_transform.hpp>
#include <lacuna/dictionary/unit_norm.hpp>
#include <lacuna/io/encoder_file.hpp>
#include <lacuna/operator/model.hpp>
#include <lacuna/transform/centre.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

namespace lacuna {

/// What a file calls a transform, its numbers (`size(dim)` of them), and a transform of these. Not
/// defined: files do not know it.
template <class T>
struct TransformFile;

template <>
struct TransformFile<Identity> {
  static constexpr std::string_view kind = "identity";
};
template <Real S>
struct TransformFile<Centre<S>> {
  static constexpr std::string_view kind = "centre";
  static Vector<S> values(const Centre<S>& transform) { return transform.mean(); }
  static Index size(Index dim) { return dim; }
  static Centre<S> make(const Vector<S>& values) { return Centre<S>(values); }
};
template <Real S>
struct TransformFile<LearnedBias<S>> {
  static constexpr std::string_view kind = "learned_bias";
  static Vector<S> values(const LearnedBias<S>& transform) { return transform.bias(); }
  static Index size(Index dim) { return dim; }
  static LearnedBias<S> make(const Vector<S>& values) { return LearnedBias<S>(values); }
};
template <Real S>
struct TransformFile<Scale<S>> {
  static constexpr std::string_view kind = "scale";
  static Vector<S> values(const Scale<S>& transform) {
    return Vector<S>::Constant(1, transform.scale());
  }
  static Index size(Index) { return 1; }
  static Scale<S> make(const Vector<S>& values) { return Scale<S>(values[0]); }
};

/// What a file calls a dictionary, and a dictionary of the atoms that it holds.
template <class D>
struct DictionaryFile;

template <Real S>
struct DictionaryFile<UnitNormDictionary<S>> {
  static constexpr std::string_view kind = "unit_norm";
  static UnitNormDictionary<S> make(Matrix<S> atoms) {
    return UnitNormDictionary<S>::from_unit_atoms(std::move(atoms));
  }
};
template <Real S>
struct DictionaryFile<DenseDictionary<S>> {
  static constexpr std::string_view kind = "dense";
  static DenseDictionary<S> make(Matrix<S> atoms) { return DenseDictionary<S>(std::move(atoms)); }
};

namespace detail {

template <class T>
concept KnownTransform = requires {
  TransformFile<T>::kind;
};
template <class D>
concept KnownDictionary = requires {
  DictionaryFile<D>::kind;
};

template <class S>
[[nodiscard]] constexpr std::string_view scalar_kind() {
  return std::same_as<S, float> ? "float" : "double";
}

/// The numbers of a model as fields: what a learnable transform, a learnable dictionary and an
/// encoder with parameters have; of a `Centre` its mean, of a `Scale` its scale.
template <class T, class D, class E>
struct ModelFields {
  using S = ScalarOf<D>;

  static constexpr bool has_values = requires(T t, Vector<S> v) { TransformFile<T>::make(v); };
  static constexpr bool has_transform = has_values || LearnableTransform<T, S>;
  static constexpr bool has_atoms = LearnableDictionary<D>;
  static constexpr bool has_encoder = HasParameters<E, S>;
  static constexpr bool has_statistics = EncoderWithStatistics<E>;

  Vector<S> transform;
  Matrix<S> atoms;
  Vector<S> parameters;
  Vector<double> statistics;

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    if constexpr (has_transform) visit("transform.parameters", self.transform);
    if constexpr (has_atoms) visit("dictionary.atoms", self.atoms);
    if constexpr (has_encoder) visit("encoder.parameters", self.parameters);
    if constexpr (has_statistics) visit("encoder.statistics", self.statistics);
  }

  /// Those of a model. Cost: a copy.
  [[nodiscard]] static ModelFields of(const Model<T, D, E>& model) {
    ModelFields fields;
    if constexpr (has_values)
      fields.transform = TransformFile<T>::values(model.transform);
    else if constexpr (has_transform)
      fields.transform = std::as_const(model.transform).parameters();
    if constexpr (has_atoms) fields.atoms = model.dictionary.atoms();
    if constexpr (has_encoder) fields.parameters = model.encoder.parameters();
    if constexpr (has_statistics) fields.statistics = model.encoder.statistics();
    return fields;
  }

  /// Puts them into a model of the same shapes. @throws std::invalid_argument as its parts do.
  void put(Model<T, D, E>& model) {
    if constexpr (has_values)
      model.transform = TransformFile<T>::make(transform);
    else if constexpr (has_transform)
      model.transform.parameters() = transform;
    if constexpr (KnownDictionary<D>)
      model.dictionary = DictionaryFile<D>::make(std::move(atoms));
    else if constexpr (has_atoms)
      model.dictionary.update_atoms([&](Matrix<S>& to) { to = std::move(atoms); });
    put_encoder(model.encoder);
  }

  void put_encoder(E& encoder) const {
    if constexpr (has_encoder) encoder.parameters() = parameters;
    if constexpr (has_statistics) encoder.set_statistics(statistics);
  }
};

/// What a model's file says of the model: kinds, of those of its parts that files know, and the
/// encoder's settings.
template <class T, class D, class E>
[[nodiscard]] FileMetadata describe_model(const Model<T, D, E>& model) {
  EncoderSettings settings;
  if constexpr (EncoderWithFile<E>) EncoderFile<E>::describe(model.encoder, settings);
  FileMetadata metadata = settings.texts();
  if constexpr (EncoderWithFile<E>) metadata["encoder"] = EncoderFile<E>::kind;
  if constexpr (KnownTransform<T>) metadata["transform"] = TransformFile<T>::kind;
  if constexpr (KnownDictionary<D>) metadata["dictionary"] = DictionaryFile<D>::kind;
  metadata["scalar"] = scalar_kind<ScalarOf<D>>();
  return metadata;
}

/// Refuses a file whose model is of other kinds than this type of model.
/// @throws std::invalid_argument.
template <class T, class D, class E>
void check_model_kinds(const FileMetadata& metadata) {
  const auto check = [&](const std::string& part, std::string_view kind) {
    const auto found = metadata.find(part);
    require(found != metadata.end(), "its metadata", "they do not say the " + part);
    require(found->second == kind, "its metadata",
            "the " + part + " is " + found->second + ", expected " + std::string(kind));
  };
  if constexpr (EncoderWithFile<E>) check("encoder", EncoderFile<E>::kind);
  if constexpr (KnownTransform<T>) check("transform", TransformFile<T>::kind);
  if constexpr (KnownDictionary<D>) check("dictionary", DictionaryFile<D>::kind);
  check("scalar", scalar_kind<ScalarOf<D>>());
}

/// The caller's metadata and the model's own. @throws std::invalid_argument if they share a name.
[[nodiscard]] inline FileMetadata join_metadata(const char* where, FileMetadata own,
                                                const FileMetadata& others) {
  for (const auto& [name, text] : others)
    require(own.emplace(name, text).second, where,
            "the metadata may not have " + excerpt(name) + ", which says what the model is");
  return own;
}

/// Calls `work()`; what it refuses is said of the file.
template <class Work>
void refuse_as_file(const std::filesystem::path& path, Work&& work) {
  try {
    work();
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error("cannot read " + path.string() + ": " + error.what());
  }
}

}  // namespace detail
}  // namespace lacuna

#endif  // LACUNA_IO_MODEL_FIELDS_HPP
