// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_FIELDS_FILE_HPP
#define LACUNA_IO_FIELDS_FILE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/core/fields.hpp>
#include <lacuna/io/safetensors.hpp>

namespace lacuna {

/// A value with fields, or one field, under the name that its fields have in a file. A view.
template <class T>
struct NamedFields {
  std::string_view name;
  T& value;
};

template <class T>
[[nodiscard]] NamedFields<T> fields_of(std::string_view name, T& value) {
  return {name, value};
}

namespace detail {

/// Calls visit(name, field) for each field, names joined by dots.
template <class T, class Visit>
void for_each_field(const std::string& name, T& value, const Visit& visit) {
  using Value = std::remove_const_t<T>;
  if constexpr (HasFields<Value>)
    Value::fields(value, [&](std::string_view part, auto& field) {
      for_each_field(name.empty() ? std::string(part) : name + "." + std::string(part), field,
                     visit);
    });
  else
    visit(name, value);
}

/// Whether a field may take a tensor: one of its own shape, or any of its rank where it is empty.
template <class Field>
[[nodiscard]] bool field_takes(const TensorView& present, const Field& field,
                               const std::vector<Index>& shape) {
  if constexpr (requires { field.size(); })
    if (field.size() == 0) return shape.size() == present.shape.size();
  return shape == present.shape;
}

inline void resize_field(double&, const std::vector<Index>&) {}
inline void resize_field(std::int64_t&, const std::vector<Index>&) {}
inline void resize_field(std::vector<std::int64_t>& field, const std::vector<Index>& shape) {
  field.resize(static_cast<std::size_t>(shape[0]));
}
template <Real S>
void resize_field(Vector<S>& field, const std::vector<Index>& shape) {
  field.resize(shape[0]);
}
template <Real S>
void resize_field(Matrix<S>& field, const std::vector<Index>& shape) {
  field.resize(shape[1], shape[0]);
}

/// Fields in the two steps that change all of them or none: everything that can be refused is in
/// the first.
class FieldsReader {
 public:
  explicit FieldsReader(const std::filesystem::path& path) : file_(path) {}

  [[nodiscard]] const SafetensorsFile& file() const noexcept { return file_; }

  /// Reads what the field will be. @throws std::runtime_error naming file and field.
  template <class Field>
  void check(const std::string& name, const Field& field) {
    const TensorEntry& entry = file_.tensor(name);
    const TensorView present = tensor_view(name, field);
    if (entry.dtype != present.dtype || !field_takes(present, field, entry.shape))
      file_.refuse("its " + excerpt(name) + " is " + tensor_text(entry.dtype, entry.shape) +
                   ", expected " + tensor_text(present.dtype, present.shape));
    names_.insert(name);
    contents_.emplace_back(entry.bytes());
    file_.read_bytes(entry, contents_.back().data());
  }

  /// Refuses tensors that no field asked for.
  void check_no_others() const {
    for (const auto& [name, entry] : file_.tensors())
      if (!names_.contains(name))
        file_.refuse("it has " + excerpt(name) + ", which is not asked for");
  }

  /// In the order of the checks.
  template <class Field>
  void assign(const std::string& name, Field& field) {
    const std::vector<Index>& shape = file_.tensor(name).shape;
    resize_field(field, shape);
    // The view says where the numbers are; they are the caller's to change.
    auto* to = static_cast<char*>(const_cast<void*>(tensor_view(name, field).data));
    const std::vector<char>& content = contents_[next_++];
    std::copy(content.begin(), content.end(), to);
  }

 private:
  SafetensorsFile file_;
  std::set<std::string> names_;
  std::vector<std::vector<char>> contents_;
  std::size_t next_ = 0;
};

}  // namespace detail

/// Writes the fields of values (see `HasFields`) as one safetensors file, whole or not at all.
/// Names of nested fields are joined by dots. A `double` is a 0-d F64, a `std::int64_t` a 0-d I64,
/// a vector 1-d; a Matrix rows x cols is the tensor `[cols, rows]`, its own order in memory.
/// `read_fields` gives the same bits back. Needs nlohmann/json. Cost: no copy.
/// @throws as write_safetensors.
///
/// @code
/// write_fields("run.safetensors", {{"step", "100"}}, fields_of("training", state));
/// const FileMetadata metadata = read_fields("run.safetensors", fields_of("training", state));
/// @endcode
template <class... T>
void write_fields(const std::filesystem::path& path, const FileMetadata& metadata,
                  const NamedFields<T>&... values) {
  std::vector<TensorView> tensors;
  const auto add = [&](const std::string& name, const auto& field) {
    tensors.push_back(tensor_view(name, field));
  };
  (detail::for_each_field(std::string(values.name), values.value, add), ...);
  write_safetensors(path, std::move(tensors), metadata);
}

namespace detail {

template <class... T>
FileMetadata read_fields(const std::filesystem::path& path, bool others_may_be,
                         const NamedFields<T>&... values) {
  FieldsReader reader(path);
  const auto check = [&](const std::string& name, const auto& field) { reader.check(name, field); };
  (for_each_field(std::string(values.name), values.value, check), ...);
  if (!others_may_be) reader.check_no_others();
  const auto assign = [&](const std::string& name, auto& field) { reader.assign(name, field); };
  (for_each_field(std::string(values.name), values.value, assign), ...);
  return reader.file().metadata();
}

}  // namespace detail

/// Reads fields that `write_fields` wrote, into values of the same types. A vector or matrix that
/// is empty takes the shape of the file's; any other must have it.
/// @return the metadata.
/// @throws std::runtime_error naming file and field: one is missing, of another type or shape, or
///         not asked for. Then nothing was changed. Cost: the numbers twice in memory for a moment.
template <class... T>
FileMetadata read_fields(const std::filesystem::path& path, const NamedFields<T>&... values) {
  return detail::read_fields(path, false, values...);
}

/// The same of a file that may hold others beside.
template <class... T>
FileMetadata read_some_fields(const std::filesystem::path& path, const NamedFields<T>&... values) {
  return detail::read_fields(path, true, values...);
}

}  // namespace lacuna

#endif  // LACUNA_IO_FIELDS_FILE_HPP
