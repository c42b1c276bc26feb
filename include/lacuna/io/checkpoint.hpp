// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_CHECKPOINT_HPP
#define LACUNA_IO_CHECKPOINT_HPP

#include <concepts>
#include <filesystem>
#include <utility>

#include <lacuna/io/fields_file.hpp>
#include <lacuna/io/model_fields.hpp>

namespace lacuna {

/// Writes a model and the state of its training as one safetensors file, whole or not at all: a
/// program killed meanwhile leaves the file that was there. Needs nlohmann/json.
///
/// The file has `model.transform.parameters`, `model.dictionary.atoms`, `model.encoder.parameters`
/// and `model.encoder.statistics`, as far as the parts have them (a `Centre` has its mean, a
/// `Scale` its scale, a `Composed` what its parts have), and the state's fields behind `training.`.
/// What is constant in a training is not there: a dictionary that cannot learn, and options. Of
/// parts that `load_model` knows, the metadata have kind and settings, and `load_model` reads the
/// file too. They have the k of every encoder that has a `set_k`, since a schedule moves it. Cost:
/// a copy of the model for a moment.
///
/// @param metadata  texts of the caller's own.
/// @throws std::invalid_argument if `metadata` has a name that says what the model is;
///         std::runtime_error naming the file, as WholeFile.
///
/// @code
/// save_checkpoint("run.safetensors", model, state);
/// load_checkpoint("run.safetensors", model, state);  // in another process, options as before
/// @endcode
template <class T, class D, class E, HasFields State>
void save_checkpoint(const std::filesystem::path& path, const Model<T, D, E>& model,
                     const State& state, const FileMetadata& metadata = {}) {
  const auto fields = detail::ModelFields<T, D, E>::of(model);
  write_fields(path,
               detail::join_metadata("save_checkpoint", detail::describe_model(model), metadata),
               fields_of("model", fields), fields_of("training", state));
}

/// Reads what `save_checkpoint` wrote, with the same bits, into a model and a state of the same
/// types, shapes and settings; vectors and matrices of the state may be empty, and then take the
/// file's shape. The encoder's k is the file's; its threads stay its own.
/// @return the metadata.
/// @throws std::runtime_error naming file and field: missing, of another type or shape, not asked
///         for, of a model of another kind or another setting, not finite, or not fit for the
///         model's parts. Model and state are then as they were. Cost: model and state twice more
///         in memory for a moment.
template <class T, class D, class E, HasFields State>
requires std::copyable<State> FileMetadata load_checkpoint(const std::filesystem::path& path,
                                                           Model<T, D, E>& model, State& state) {
  auto fields = detail::ModelFields<T, D, E>::of(model);
  State loaded_state = state;
  FileMetadata metadata =
      read_fields(path, fields_of("model", fields), fields_of("training", loaded_state));
  Model<T, D, E> loaded_model = model;
  detail::refuse_as_file(path, [&] {
    detail::check_model_kinds<T, D, E>(metadata);
    detail::take_settings(metadata, loaded_model.encoder);
    fields.put(loaded_model);
  });
  model = std::move(loaded_model);
  state = std::move(loaded_state);
  return metadata;
}

}  // namespace lacuna

#endif  // LACUNA_IO_CHECKPOINT_HPP
