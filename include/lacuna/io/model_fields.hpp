// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_MODEL_FIELDS_HPP
#define LACUNA_IO_MODEL_FIELDS_HPP

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <limits>
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
#include <lacuna/transform/composed.hpp>
#include <lacuna/transform/identity.hpp>
#include <lacuna/transform/learned_bias.hpp>
#include <lacuna/transform/scale.hpp>

namespace lacuna {

/// What a file calls a transform, its numbers (`size(dim)` of them), and a transform of these for
/// signals of this dimension. Not defined: files do not know it.
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
  static Centre<S> make(const Vector<S>& values, Index) { return Centre<S>(values); }
};
template <Real S>
struct TransformFile<LearnedBias<S>> {
  static constexpr std::string_view kind = "learned_bias";
  static Vector<S> values(const LearnedBias<S>& transform) { return transform.bias(); }
  static Index size(Index dim) { return dim; }
  static LearnedBias<S> make(const Vector<S>& values, Index) { return LearnedBias<S>(values); }
};
template <Real S>
struct TransformFile<Scale<S>> {
  static constexpr std::string_view kind = "scale";
  static Vector<S> values(const Scale<S>& transform) {
    return Vector<S>::Constant(1, transform.scale());
  }
  static Index size(Index) { return 1; }
  static Scale<S> make(const Vector<S>& values, Index) { return Scale<S>(values[0]); }
};

namespace detail {

/// The numbers of a transform that has some in a file.
template <class T>
using TransformValues = decltype(TransformFile<T>::values(std::declval<const T&>()));

template <class First, class Second>
concept PartsHaveFiles = requires {
  typename TransformValues<First>;
  requires std::same_as<TransformValues<First>, TransformValues<Second>>;
};

/// "composed(first,second)", made when compiling.
template <class First, class Second>
struct ComposedKind {
  static constexpr auto letters = [] {
    constexpr std::array<std::string_view, 5> parts = {"composed(", TransformFile<First>::kind, ",",
                                                       TransformFile<Second>::kind, ")"};
    constexpr std::size_t length = [&] {
      std::size_t sum = 0;
      for (const std::string_view part : parts) sum += part.size();
      return sum;
    }();
    std::array<char, length> text{};
    auto end = text.begin();
    for (const std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
    return text;
  }();
};

}  // namespace detail

/// The numbers of the first, then those of the second; parts may be composed themselves.
template <class First, class Second>
requires detail::PartsHaveFiles<First, Second>
struct TransformFile<Composed<First, Second>> {
  using Values = detail::TransformValues<First>;
  static constexpr std::string_view kind{detail::ComposedKind<First, Second>::letters.data(),
                                         detail::ComposedKind<First, Second>::letters.size()};
  static Values values(const Composed<First, Second>& transform) {
    const Values first = TransformFile<First>::values(transform.first());
    const Values second = TransformFile<Second>::values(transform.second());
    Values both(first.size() + second.size());
    both << first, second;
    return both;
  }
  static Index size(Index dim) {
    return TransformFile<First>::size(dim) + TransformFile<Second>::size(dim);
  }
  static Composed<First, Second> make(const Values& values, Index dim) {
    return {TransformFile<First>::make(values.head(TransformFile<First>::size(dim)), dim),
            TransformFile<Second>::make(values.tail(TransformFile<Second>::size(dim)), dim)};
  }
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
/// encoder with parameters have; of a `Centre` its mean, of a `Scale` its scale, of a
/// `Composed` those of its two parts.
template <class T, class D, class E>
struct ModelFields {
  using S = ScalarOf<D>;

  static constexpr bool has_values = requires(Vector<S> v) { TransformFile<T>::make(v, Index()); };
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

  /// Parameters are written into their views, past the constructors that refuse such numbers. The
  /// statistics are left to `set_statistics`. @throws std::invalid_argument naming the field.
  void check_all_finite() const {
    fields(*this, [](std::string_view name, const auto& field) {
      if (name == "encoder.statistics") return;
      require(field.allFinite(), "its model." + std::string(name),
              "they hold a NaN or an infinity");
    });
  }

  /// Puts them into a model of the same shapes. @throws std::invalid_argument naming a field that
  /// is not finite, and as the model's parts do.
  void put(Model<T, D, E>& model) {
    check_all_finite();
    if constexpr (has_values)
      model.transform = TransformFile<T>::make(transform, model.dictionary.dim());
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

/// An encoder whose number of active entries may change in a training.
template <class E>
concept HasVariableK = requires(E& e, const E& c) {
  { c.k() } -> std::convertible_to<Index>;
  e.set_k(Index(1));
};

/// What a model's file says of the model: kinds, of those of its parts that files know, and the
/// encoder's settings.
template <class T, class D, class E>
[[nodiscard]] FileMetadata describe_model(const Model<T, D, E>& model) {
  EncoderSettings settings;
  if constexpr (EncoderWithFile<E>) EncoderFile<E>::describe(model.encoder, settings);
  if constexpr (HasVariableK<E>) settings.set("k", Index(model.encoder.k()));
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

/// Gives an encoder the k of a file, which a schedule may have moved, and refuses a file of other
/// settings than the encoder has. @throws std::invalid_argument naming the setting.
template <class E>
void take_settings(const FileMetadata& metadata, E& encoder) {
  if constexpr (HasVariableK<E>)
    encoder.set_k(EncoderSettings(metadata).whole("k", std::numeric_limits<Index>::max()));
  if constexpr (EncoderWithFile<E>) {
    EncoderSettings own;
    EncoderFile<E>::describe(encoder, own);
    for (const auto& [name, text] : own.texts()) {
      const auto found = metadata.find(name);
      require(found != metadata.end(), "its metadata", "they do not say the encoder's " + name);
      require(found->second == text, "its metadata",
              "the encoder's " + name + " is " + found->second + ", expected " + text);
    }
  }
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
