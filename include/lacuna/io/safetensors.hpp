// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_SAFETENSORS_HPP
#define LACUNA_IO_SAFETENSORS_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <lacuna/core/check.hpp>
#include <lacuna/core/matrix.hpp>
#include <lacuna/io/convert_numbers.hpp>
#include <lacuna/io/input_file.hpp>
#include <lacuna/io/safetensors_header.hpp>
#include <lacuna/io/whole_file.hpp>

// The format is little-endian, and numbers go to and from the file as they are in memory.
static_assert(std::endian::native == std::endian::little, "safetensors: little-endian only");

namespace lacuna {

/// A safetensors file open for reading: names, types and shapes at once, numbers when asked for.
/// Needs nlohmann/json.
///
/// | tensor in the file       | as `matrix`                                             |
/// |--------------------------|---------------------------------------------------------|
/// | `[samples, dim]`         | dim x samples, the file's numbers in the file's order   |
/// | `[n]`                    | n x 1                                                   |
/// | `[]`                     | 1 x 1                                                   |
///
/// So the order in memory is the file's, and row j in Python is column j here, as for npy.
///
/// Source: the format's reference, github.com/huggingface/safetensors. Its checks are made when the
/// file is opened: lengths, types, sizes, overlaps and holes, names that come twice.
///
/// @code
/// SafetensorsFile file("sae.safetensors");
/// const Matrix<float> atoms = file.matrix<float>("W_dec");  // [num_atoms, dim] in Python
/// @endcode
class SafetensorsFile {
 public:
  /// @throws std::runtime_error naming the file and what is wrong with it.
  explicit SafetensorsFile(const std::filesystem::path& path)
      : file_(path), header_(read_safetensors_header(file_)) {}

  [[nodiscard]] const FileMetadata& metadata() const noexcept { return header_.metadata; }
  [[nodiscard]] const std::map<std::string, TensorEntry>& tensors() const noexcept {
    return header_.tensors;
  }

  /// @throws std::runtime_error if there is no such tensor.
  [[nodiscard]] const TensorEntry& tensor(const std::string& name) const {
    const auto found = header_.tensors.find(name);
    if (found == header_.tensors.end()) refuse("it has no tensor " + detail::excerpt(name));
    return found->second;
  }

  /// A tensor of at most two dimensions, of type F32, F64, F16 or BF16, rounded to S.
  /// @throws std::runtime_error if it is not there or of another type or rank.
  template <Real S>
  [[nodiscard]] Matrix<S> matrix(const std::string& name) {
    const TensorEntry& entry = tensor(name);
    const std::vector<Index>& shape = entry.shape;
    if (shape.size() > 2)
      refuse("its tensor " + detail::excerpt(name) + " is " +
             detail::tensor_text(entry.dtype, shape) + ", expected at most two dimensions");
    Matrix<S> values(shape.empty() ? 1 : shape.back(), shape.size() == 2 ? shape.front() : 1);
    if (entry.dtype == (std::same_as<S, float> ? "F32" : "F64"))
      read_bytes(entry, values.data());
    else
      convert(name, entry, values);
    return values;
  }

  /// The numbers of a tensor, as they are in the file: `entry.bytes()` bytes.
  void read_bytes(const TensorEntry& entry, void* to) {
    if (entry.bytes() == 0) return;
    file_.seek(header_.size + entry.begin);
    if (file_.read(to, entry.bytes()) < entry.bytes()) refuse("it became shorter");
  }

  /// Throws std::runtime_error with the file's name and what is wrong with it.
  [[noreturn]] void refuse(const std::string& what) const { file_.refuse(what); }

 private:
  template <Real S>
  void convert(const std::string& name, const TensorEntry& entry, Matrix<S>& values) {
    std::vector<unsigned char> raw(entry.bytes());
    read_bytes(entry, raw.data());
    const auto count = static_cast<std::size_t>(values.size());
    if (entry.dtype == "F32")
      detail::convert_numbers<float>(raw.data(), false, count, values.data());
    else if (entry.dtype == "F64")
      detail::convert_numbers<double>(raw.data(), false, count, values.data());
    else if (entry.dtype == "F16")
      detail::convert_numbers<Eigen::half>(raw.data(), false, count, values.data());
    else if (entry.dtype == "BF16")
      detail::convert_numbers<Eigen::bfloat16>(raw.data(), false, count, values.data());
    else
      refuse("its tensor " + detail::excerpt(name) + " is of type " + entry.dtype +
             "; read are F32, F64, F16 and BF16");
  }

  InputFile file_;
  SafetensorsHeader header_;
};

/// A tensor to be written: a view of numbers that stay where they are.
struct TensorView {
  std::string name;
  std::string_view dtype;    ///< F32, F64 or I64
  std::vector<Index> shape;  ///< C order
  const void* data = nullptr;
};

/// Views of what can be written. A matrix rows x cols is the tensor `[cols, rows]`: C order is then
/// the order in memory, and nothing is copied. Valid as long as the numbers are.
template <Real S>
[[nodiscard]] TensorView tensor_view(std::string name, const Matrix<S>& values) {
  return {std::move(name),
          std::same_as<S, float> ? "F32" : "F64",
          {values.cols(), values.rows()},
          values.data()};
}
template <Real S>
[[nodiscard]] TensorView tensor_view(std::string name, const Vector<S>& values) {
  return {std::move(name), std::same_as<S, float> ? "F32" : "F64", {values.size()}, values.data()};
}
[[nodiscard]] inline TensorView tensor_view(std::string name, const double& value) {
  return {std::move(name), "F64", {}, &value};
}
[[nodiscard]] inline TensorView tensor_view(std::string name, const std::int64_t& value) {
  return {std::move(name), "I64", {}, &value};
}
[[nodiscard]] inline TensorView tensor_view(std::string name,
                                            const std::vector<std::int64_t>& values) {
  return {std::move(name), "I64", {static_cast<Index>(values.size())}, values.data()};
}
/// Not of a temporary, which would be gone when it is written.
template <class T>
requires(!std::is_lvalue_reference_v<T>) TensorView tensor_view(std::string name, T&& temporary)
= delete;

namespace detail {

[[nodiscard]] inline std::size_t tensor_bytes(const TensorView& tensor) {
  std::size_t bytes = tensor_dtype_size(tensor.dtype);
  for (const Index length : tensor.shape) bytes *= static_cast<std::size_t>(length);
  return bytes;
}

/// The header's JSON for tensors that follow each other in this order.
[[nodiscard]] inline std::string safetensors_json(const std::vector<TensorView>& tensors,
                                                  const FileMetadata& metadata) {
  nlohmann::ordered_json json;
  json["__metadata__"] = metadata;
  std::size_t begin = 0;
  for (const TensorView& tensor : tensors) {
    const std::size_t end = begin + tensor_bytes(tensor);
    json[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  try {
    return json.dump();
  } catch (const nlohmann::json::type_error&) {
    throw std::invalid_argument("write_safetensors: a name or the metadata is not UTF-8");
  }
}

}  // namespace detail

/// Writes tensors and metadata as a safetensors file, whole or not at all. The data begin at a
/// multiple of 64 bytes; the larger types come first, then by name. Metadata get {"format", "pt"}
/// where they have no format, since Python's readers ask for one. Cost: no copy of the numbers.
/// @throws std::invalid_argument if two tensors have one name, one is called __metadata__ or is not
///         F32, F64 or I64, or a text is not UTF-8. std::runtime_error naming the file, as
///         WholeFile.
inline void write_safetensors(const std::filesystem::path& path, std::vector<TensorView> tensors,
                              FileMetadata metadata = {}) {
  metadata.emplace("format", "pt");
  const auto place = [](const TensorView& tensor) {
    return std::tuple(8 - detail::tensor_dtype_size(tensor.dtype), std::string_view(tensor.name));
  };
  std::set<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    const std::string name = detail::excerpt(tensor.name);
    require(tensor.name != "__metadata__", "write_safetensors", "no tensor may be called " + name);
    require(names.insert(tensor.name).second, "write_safetensors",
            "two tensors are called " + name);
    require(tensor.dtype == "F32" || tensor.dtype == "F64" || tensor.dtype == "I64",
            "write_safetensors",
            "the tensor " + name + " is " + std::string(tensor.dtype) +
                "; written are F32, F64 and I64");
  }
  std::sort(tensors.begin(), tensors.end(),
            [&](const TensorView& a, const TensorView& b) { return place(a) < place(b); });

  constexpr std::size_t alignment = 64;
  std::string header(8, '\0');
  header += detail::safetensors_json(tensors, metadata);
  header.resize((header.size() + alignment - 1) / alignment * alignment, ' ');
  std::uint64_t length = header.size() - 8;
  for (std::size_t i = 0; i < 8; ++i, length >>= 8) header[i] = static_cast<char>(length & 255U);

  WholeFile file(path);
  file.write(header);
  for (const TensorView& tensor : tensors) file.write(tensor.data, detail::tensor_bytes(tensor));
  file.commit();
}

}  // namespace lacuna

#endif  // LACUNA_IO_SAFETENSORS_HPP
