// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_SAFETENSORS_HEADER_HPP
#define LACUNA_IO_SAFETENSORS_HEADER_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/io/input_file.hpp>
#include <nlohmann/json.hpp>

namespace lacuna {

/// What a file says of itself beside its tensors.
using FileMetadata = std::map<std::string, std::string>;

/// One tensor of a safetensors file.
struct TensorEntry {
  std::string dtype;         ///< "F32", say
  std::vector<Index> shape;  ///< C order: the last runs fastest; empty for a single number
  std::uint64_t begin = 0;   ///< bytes from the first of the data to its own
  std::uint64_t end = 0;     ///< one past its last

  [[nodiscard]] std::uint64_t bytes() const noexcept { return end - begin; }
};

/// What stands before the data of a safetensors file.
struct SafetensorsHeader {
  FileMetadata metadata;
  std::map<std::string, TensorEntry> tensors;
  std::uint64_t size = 0;  ///< bytes from the start of the file to the first of the data
};

namespace detail {

/// "F32 [3, 4]".
[[nodiscard]] inline std::string tensor_text(std::string_view dtype,
                                             const std::vector<Index>& shape) {
  std::string text = std::string(dtype) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Bytes of a number of this dtype; 0 for an unknown one.
[[nodiscard]] inline std::uint64_t tensor_dtype_size(std::string_view dtype) {
  using Names = std::vector<std::string_view>;
  static const std::array<std::pair<std::uint64_t, Names>, 4> sizes = {
      {{1, {"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"}},
       {2, {"I16", "U16", "F16", "BF16"}},
       {4, {"I32", "U32", "F32"}},
       {8, {"I64", "U64", "F64", "C64"}}}};
  for (const auto& [size, names] : sizes)
    if (std::find(names.begin(), names.end(), dtype) != names.end()) return size;
  return 0;
}

/// JSON in which no object has a key twice, which a parser would otherwise pass over.
[[nodiscard]] inline nlohmann::json parse_unique_json(const InputFile& file,
                                                      const std::string& text) {
  using json = nlohmann::json;
  std::vector<std::set<std::string>> open;  // the keys so far of each object that is open
  const auto watch = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open.back().insert(key).second)
        file.refuse("its header has the name " + excerpt(key) + " twice");
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::parse_error& error) {
    file.refuse("its header is no JSON: byte " + std::to_string(error.byte) + " of " +
                std::to_string(text.size()) + " cannot stand there");
  } catch (const json::exception&) {  // 1e999: JSON, but no double
    file.refuse("its header has a number that is too large");
  }
}

/// A list of whole numbers of at least 0, none above the largest Index.
[[nodiscard]] inline std::vector<Index> parse_tensor_lengths(const InputFile& file,
                                                             const std::string& what,
                                                             const nlohmann::json& list) {
  std::vector<Index> lengths;
  const auto refuse = [&] { file.refuse(what + " is no list of whole numbers of at least 0"); };
  if (!list.is_array()) refuse();
  for (const auto& item : list) {
    if (!item.is_number_unsigned()) refuse();
    const auto length = item.get<std::uint64_t>();
    if (length > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
      file.refuse(what + " has a number that is too large");
    lengths.push_back(static_cast<Index>(length));
  }
  return lengths;
}

[[nodiscard]] inline TensorEntry parse_tensor_entry(const InputFile& file, const std::string& name,
                                                    const nlohmann::json& value) {
  const std::string tensor = "its tensor " + excerpt(name);
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets") || !value["dtype"].is_string())
    file.refuse(tensor + " should have a dtype, a shape and data_offsets, and nothing else");
  TensorEntry entry;
  entry.dtype = value["dtype"].get<std::string>();
  entry.shape = parse_tensor_lengths(file, "the shape of " + excerpt(name), value["shape"]);
  const std::vector<Index> offsets =
      parse_tensor_lengths(file, "the data_offsets of " + excerpt(name), value["data_offsets"]);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    file.refuse("the data_offsets of " + excerpt(name) + " are no begin and end");
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);

  std::uint64_t bytes = tensor_dtype_size(entry.dtype);
  if (bytes == 0) file.refuse(tensor + " is of the unknown type " + excerpt(entry.dtype));
  const bool is_empty = std::count(entry.shape.begin(), entry.shape.end(), 0) > 0;
  if (is_empty) bytes = 0;
  for (const Index length : entry.shape) {
    if (is_empty) break;
    if (bytes > std::numeric_limits<std::uint64_t>::max() / static_cast<std::uint64_t>(length))
      file.refuse(tensor + ", " + tensor_text(entry.dtype, entry.shape) + ", is too large");
    bytes *= static_cast<std::uint64_t>(length);
  }
  if (bytes != entry.bytes())
    file.refuse(tensor + ", " + tensor_text(entry.dtype, entry.shape) + ", takes " +
                std::to_string(bytes) + " bytes, its data_offsets " +
                std::to_string(entry.bytes()));
  return entry;
}

/// Refuses tensors that are not exactly the data, one after the other.
inline void check_tensor_places(const InputFile& file, const SafetensorsHeader& header,
                                std::uint64_t data_bytes) {
  std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, std::string>> places;
  for (const auto& [name, entry] : header.tensors)
    places.push_back({{entry.begin, entry.end}, name});
  std::sort(places.begin(), places.end());
  std::uint64_t done = 0;
  for (const auto& [place, name] : places) {
    if (place.first < done)
      file.refuse("its tensor " + excerpt(name) + " overlaps the one before it");
    if (place.first > done)
      file.refuse("there are " + std::to_string(place.first - done) +
                  " bytes of no tensor before its tensor " + excerpt(name));
    done = place.second;
  }
  if (done != data_bytes)
    file.refuse("its tensors take " + std::to_string(done) + " bytes, and it has " +
                std::to_string(data_bytes));
}

}  // namespace detail

/// Reads the header of a safetensors file and checks it against the file's length.
/// @throws std::runtime_error naming the file and what is wrong.
[[nodiscard]] inline SafetensorsHeader read_safetensors_header(InputFile& file) {
  constexpr std::uint64_t longest = 100'000'000;  // as the reference reader has it
  const std::uint64_t file_size = file.size();
  std::array<unsigned char, 8> start{};
  if (file.read(start.data(), 8) < 8)
    file.refuse("it is no safetensors file: it ends inside the length of its header");
  std::uint64_t length = 0;  // little-endian on every machine
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | start[i];
  if (length > longest)
    file.refuse("its header would be " + std::to_string(length) +
                " bytes long; it is no safetensors file");
  if (length > file_size - 8)
    file.refuse("its header would be " + std::to_string(length) + " bytes long, and it has " +
                std::to_string(file_size - 8) + " after the length");
  std::string text(length, '\0');
  if (file.read(text.data(), length) < length) file.refuse("it became shorter");
  if (!text.starts_with('{')) file.refuse("its header does not begin with {");

  const nlohmann::json json = detail::parse_unique_json(file, text);
  SafetensorsHeader header;
  header.size = 8 + length;
  for (const auto& [name, value] : json.items()) {
    if (name != "__metadata__") {
      header.tensors.emplace(name, detail::parse_tensor_entry(file, name, value));
      continue;
    }
    if (!value.is_object()) file.refuse("its __metadata__ is no object");
    for (const auto& [key, text_value] : value.items()) {
      if (!text_value.is_string())
        file.refuse("the " + detail::excerpt(key) + " of its __metadata__ is no text");
      header.metadata.emplace(key, text_value.get<std::string>());
    }
  }
  detail::check_tensor_places(file, header, file_size - header.size);
  return header;
}

}  // namespace lacuna

#endif  // LACUNA_IO_SAFETENSORS_HEADER_HPP
