// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_ENCODER_FILE_HPP
#define LACUNA_IO_ENCODER_FILE_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <lacuna/dictionary/dense.hpp>
#include <lacuna/encoder/batch_top_k.hpp>
#include <lacuna/encoder/gated.hpp>
#include <lacuna/encoder/jump_relu.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/lista.hpp>
#include <lacuna/encoder/mlp.hpp>
#include <lacuna/encoder/top_k.hpp>
#include <lacuna/io/safetensors_header.hpp>

namespace lacuna {

/// The settings of an encoder as texts of a file's metadata, numbers in the fewest digits that give
/// them back. A setting that is missing or no number of its kind throws std::invalid_argument.
class EncoderSettings {
 public:
  EncoderSettings() = default;
  explicit EncoderSettings(FileMetadata texts) : texts_(std::move(texts)) {}

  [[nodiscard]] const FileMetadata& texts() const noexcept { return texts_; }

  void set(const std::string& name, Index value) { texts_[name] = std::to_string(value); }
  void set(const std::string& name, bool value) { texts_[name] = value ? "true" : "false"; }
  void set(const std::string& name, double value) {
    std::array<char, 32> digits{};
    const auto answer = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    texts_[name] = std::string(digits.data(), answer.ptr);
  }
  /// "256,128"; empty for none.
  void set(const std::string& name, const std::vector<Index>& values) {
    std::string text;
    for (const Index value : values) {
      if (!text.empty()) text += ',';
      text += std::to_string(value);
    }
    texts_[name] = text;
  }

  [[nodiscard]] bool truth(const std::string& name) const {
    const std::string& text = at(name);
    if (text != "true" && text != "false") refuse(name, text);
    return text == "true";
  }
  [[nodiscard]] double number(const std::string& name) const {
    return parse<double>(name, at(name));
  }
  /// @param most  what the file has room for, so that no wrong number takes all memory.
  [[nodiscard]] Index whole(const std::string& name, Index most) const {
    return whole(name, at(name), most);
  }
  [[nodiscard]] std::vector<Index> wholes(const std::string& name, Index most) const {
    const std::string_view text = at(name);
    std::vector<Index> values;
    for (std::size_t begin = 0; begin < text.size() + (text.empty() ? 0 : 1);) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      values.push_back(whole(name, text.substr(begin, end - begin), most));
      begin = end + 1;
    }
    return values;
  }

 private:
  [[nodiscard]] const std::string& at(const std::string& name) const {
    const auto found = texts_.find(name);
    if (found == texts_.end()) throw std::invalid_argument("its metadata have no " + name);
    return found->second;
  }

  [[noreturn]] static void refuse(const std::string& name, std::string_view text) {
    throw std::invalid_argument("its metadata have " + name + " = " + detail::excerpt(text));
  }

  template <class T>
  [[nodiscard]] static T parse(const std::string& name, std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) refuse(name, text);
    return value;
  }

  [[nodiscard]] static Index whole(const std::string& name, std::string_view text, Index most) {
    const Index value = parse<Index>(name, text);
    if (value < 1) refuse(name, text);
    if (value > most)
      throw std::invalid_argument("its metadata have " + name + " = " + detail::excerpt(text) +
                                  ", expected at most " + std::to_string(most));
    return value;
  }

  FileMetadata texts_;
};

/// How many numbers there are, which says how large an encoder from a file can be.
struct EncoderShape {
  Index dim;
  Index num_atoms;
  Index num_parameters;
};

/// What a file must know of an encoder beside its parameters, to make it anew.
///
/// | member                          | meaning                                                    |
/// |---------------------------------|------------------------------------------------------------|
/// | `kind`                          | its name in files                                          |
/// | `describe(e, settings)`         | its settings; threads are the machine's and not among them |
/// | `make(settings, shape, threads)`| an encoder of these settings, whatever its parameters      |
///
/// Not defined: an encoder that files do not know.
template <class E>
struct EncoderFile;

template <class E>
concept EncoderWithFile = requires {
  EncoderFile<E>::kind;
};

namespace detail {

/// Weights and bias of zeros, to be filled.
template <Real S>
[[nodiscard]] Matrix<S> blank_weights(const EncoderShape& shape) {
  return Matrix<S>::Zero(shape.num_atoms, shape.dim);
}
/// Refuses a file whose parameters lie otherwise: before they lay by atom, files did not say so.
inline void require_weights_by_atom(const EncoderSettings& settings) {
  if (!settings.truth("weights_by_atom"))
    throw std::invalid_argument("its metadata have weights_by_atom = false, expected true");
}
template <Real S>
[[nodiscard]] Vector<S> blank_bias(const EncoderSettings& settings, const EncoderShape& shape) {
  return Vector<S>::Zero(settings.truth("bias") ? shape.num_atoms : 0);
}

}  // namespace detail

template <Real S>
struct EncoderFile<LinearReluEncoder<S>> {
  static constexpr std::string_view kind = "linear_relu";
  static void describe(const LinearReluEncoder<S>& e, EncoderSettings& settings) {
    settings.set("bias", e.affine().has_bias());
  }
  static LinearReluEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                                   Index threads) {
    return LinearReluEncoder<S>(detail::blank_weights<S>(shape),
                                detail::blank_bias<S>(settings, shape), {.threads = threads});
  }
};

template <Real S>
struct EncoderFile<TopKEncoder<S>> {
  static constexpr std::string_view kind = "top_k";
  static void describe(const TopKEncoder<S>& e, EncoderSettings& settings) {
    settings.set("bias", e.affine().has_bias());
    settings.set("weights_by_atom", true);
    settings.set("k", e.k());
  }
  static TopKEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                             Index threads) {
    detail::require_weights_by_atom(settings);
    return TopKEncoder<S>(detail::blank_weights<S>(shape),
                          settings.whole("k", std::numeric_limits<Index>::max()),
                          detail::blank_bias<S>(settings, shape), {.threads = threads});
  }
};

template <Real S>
struct EncoderFile<BatchTopKEncoder<S>> {
  static constexpr std::string_view kind = "batch_top_k";
  static void describe(const BatchTopKEncoder<S>& e, EncoderSettings& settings) {
    settings.set("bias", e.affine().has_bias());
    settings.set("weights_by_atom", true);
    settings.set("k", e.k());
    settings.set("decay", e.options().decay);
  }
  static BatchTopKEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                                  Index threads) {
    detail::require_weights_by_atom(settings);
    return BatchTopKEncoder<S>(detail::blank_weights<S>(shape),
                               settings.whole("k", std::numeric_limits<Index>::max()),
                               detail::blank_bias<S>(settings, shape),
                               {.decay = settings.number("decay"), .threads = threads});
  }
};

template <Real S>
struct EncoderFile<JumpReluEncoder<S>> {
  static constexpr std::string_view kind = "jump_relu";
  static void describe(const JumpReluEncoder<S>& e, EncoderSettings& settings) {
    settings.set("bias", e.affine().has_bias());
    settings.set("weights_by_atom", true);
    settings.set("bandwidth", e.options().bandwidth);
    settings.set("threshold", e.options().threshold);
  }
  static JumpReluEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                                 Index threads) {
    detail::require_weights_by_atom(settings);
    return JumpReluEncoder<S>(detail::blank_weights<S>(shape),
                              detail::blank_bias<S>(settings, shape),
                              JumpReluOptions{.threshold = settings.number("threshold"),
                                              .bandwidth = settings.number("bandwidth"),
                                              .threads = threads});
  }
};

template <Real S>
struct EncoderFile<GatedEncoder<S>> {
  static constexpr std::string_view kind = "gated";
  static void describe(const GatedEncoder<S>&, EncoderSettings&) {}
  static GatedEncoder<S> make(const EncoderSettings&, const EncoderShape& shape, Index threads) {
    return GatedEncoder<S>(detail::blank_weights<S>(shape), {}, {.threads = threads});
  }
};

template <Real S>
struct EncoderFile<MlpEncoder<S>> {
  static constexpr std::string_view kind = "mlp";
  static void describe(const MlpEncoder<S>& e, EncoderSettings& settings) {
    settings.set("bias", e.bias(0).size() > 0);
    settings.set("hidden", e.options().hidden);
  }
  static MlpEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                            Index threads) {
    std::vector<Index> widths = settings.wholes("hidden", shape.num_parameters);
    widths.push_back(shape.num_atoms);
    std::vector<Matrix<S>> weights;
    std::vector<Vector<S>> biases;
    Index inputs = shape.dim, left = shape.num_parameters;
    for (const Index width : widths) {
      if (width > left / inputs)
        throw std::invalid_argument("its hidden layers take more parameters than it has");
      left -= width * inputs;
      weights.push_back(Matrix<S>::Zero(width, inputs));
      if (settings.truth("bias")) biases.push_back(Vector<S>::Zero(width));
      inputs = width;
    }
    return MlpEncoder<S>(weights, biases, {.threads = threads});
  }
};

template <Real S>
struct EncoderFile<ListaEncoder<S>> {
  static constexpr std::string_view kind = "lista";
  static void describe(const ListaEncoder<S>& e, EncoderSettings& settings) {
    settings.set("layers", e.options().layers);
    settings.set("lambda", e.options().lambda);
    settings.set("nonnegative", e.options().nonnegative);
    settings.set("tied", e.options().tied);
    settings.set("momentum", e.options().momentum);
  }
  static ListaEncoder<S> make(const EncoderSettings& settings, const EncoderShape& shape,
                              Index threads) {
    const bool tied = settings.truth("tied"), momentum = settings.truth("momentum");
    const Index layers_of_own = shape.num_parameters / (shape.dim * shape.num_atoms);
    // Layers that share their weights take no room in the file, but time and a tape in use.
    const Index tied_layers = momentum ? shape.num_parameters : 1'000'000;
    return ListaEncoder<S>(DenseDictionary<S>(Matrix<S>::Zero(shape.dim, shape.num_atoms)),
                           {.layers = settings.whole("layers", tied ? tied_layers : layers_of_own),
                            .lambda = settings.number("lambda"),
                            .nonnegative = settings.truth("nonnegative"),
                            .tied = tied,
                            .momentum = momentum,
                            .threads = threads});
  }
};

/// Calls `visit.template operator()<E>()` with the encoder type of that kind, and says whether
/// there is one.
///
/// @code
/// with_encoder_kind<float>(file_kinds.encoder, [&]<class E>() {
///   const auto model = load_model<Model<Identity, UnitNormDictionary<float>, E>>(path);
/// });
/// @endcode
template <Real S, class Visit>
bool with_encoder_kind(std::string_view kind, Visit&& visit) {
  const auto try_kind = [&]<class E>() {
    if (kind != EncoderFile<E>::kind) return false;
    visit.template operator()<E>();
    return true;
  };
  return try_kind.template operator()<LinearReluEncoder<S>>() ||
         try_kind.template operator()<TopKEncoder<S>>() ||
         try_kind.template operator()<BatchTopKEncoder<S>>() ||
         try_kind.template operator()<JumpReluEncoder<S>>() ||
         try_kind.template operator()<GatedEncoder<S>>() ||
         try_kind.template operator()<MlpEncoder<S>>() ||
         try_kind.template operator()<ListaEncoder<S>>();
}

}  // namespace lacuna

#endif  // LACUNA_IO_ENCODER_FILE_HPP
