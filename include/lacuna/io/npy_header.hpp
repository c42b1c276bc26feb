// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_NPY_HEADER_HPP
#define LACUNA_IO_NPY_HEADER_HPP

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <lacuna/core/matrix.hpp>
#include <lacuna/io/input_file.hpp>

namespace lacuna {

/// What an npy file says of its array, format versions 1.0, 2.0 and 3.0.
/// Source: numpy/lib/format.py, "NumPy array file format".
struct NpyHeader {
  std::string descr;  ///< byte order, kind and size of a number, e.g. "<f4"
  bool fortran_order =
      false;                 ///< whether the first dimension runs fastest in the file, or the last
  std::vector<Index> shape;  ///< as numpy prints it, none negative
  std::size_t size = 0;      ///< bytes from the start of the file to the first number
};

namespace detail {

/// Reads the header's text, a Python dictionary. Any order of keys, any spacing and a comma after
/// the last entry are fine; every other departure from what numpy writes is refused.
class NpyHeaderParser {
 public:
  NpyHeaderParser(const InputFile& file, std::string_view text) : file_(file), text_(text) {}

  [[nodiscard]] NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted("a key");
      expect(':');
      if (key == "descr" && !has_descr) {
        if (peek() == '[') file_.refuse("it holds records (a structured dtype), not numbers");
        header.descr = quoted("the descr");
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = shape();
        has_shape = true;
      } else {
        const bool known = key == "descr" || key == "fortran_order" || key == "shape";
        file_.refuse("its header has the key " + excerpt(key) +
                     (known ? " twice" : ", which is none of the format"));
      }
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_spaces();
    if (at_ < text_.size()) refuse("nothing but spaces after the dictionary");
    if (!has_descr) file_.refuse("its header has no descr");
    if (!has_order) file_.refuse("its header has no fortran_order");
    if (!has_shape) file_.refuse("its header has no shape");
    return header;
  }

 private:
  void skip_spaces() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  /// The next character that is no space, '\0' at the end.
  [[nodiscard]] char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  [[nodiscard]] bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) refuse(std::string("'") + wanted + "'");
  }

  [[nodiscard]] std::string_view quoted(const std::string& what) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse(what + " between quotes");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) refuse(what + " with a closing quote");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }

  [[nodiscard]] bool boolean() {
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (peek() != word.front() || !text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse("True or False for the fortran_order");
  }

  [[nodiscard]] std::vector<Index> shape() {
    std::vector<Index> lengths;
    expect('(');
    while (!take(')')) {
      lengths.push_back(length());
      if (take(',')) continue;
      // As in Python, (3) is a number; the tuple is (3,).
      if (lengths.size() == 1) refuse("',' after the only length of the shape");
      expect(')');
      break;
    }
    return lengths;
  }

  [[nodiscard]] Index length() {
    const char first = peek();
    if (first < '0' || first > '9') refuse("a length of the shape");
    Index value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) file_.refuse("its shape has a length that is too large");
    at_ = static_cast<std::size_t>(end - text_.data());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote 3L
    return value;
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    file_.refuse("its header should have " + expected + " at " + excerpt(text_.substr(at_)));
  }

  const InputFile& file_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace detail

/// Reads the header at the start of an npy file; the file's next byte is the first of the numbers.
/// @throws std::runtime_error naming the file and what is wrong.
[[nodiscard]] inline NpyHeader read_npy_header(InputFile& file) {
  constexpr std::string_view magic = "\x93NUMPY";
  // A matrix takes some 100 bytes. The limit is that of format 1.0; it keeps a wrong length from
  // being believed.
  constexpr std::size_t longest = 65535;

  std::array<unsigned char, 12> start{};
  const std::size_t magic_read = file.read(start.data(), magic.size());
  const std::string_view found(reinterpret_cast<const char*>(start.data()), magic_read);
  if (found.starts_with("PK"))
    file.refuse("it is no npy file but a zip archive, which is how an npz file begins");
  if (found != magic) file.refuse("it is no npy file: it does not begin with \\x93NUMPY");

  const std::string truncated = "it ends inside its header";
  if (file.read(&start[6], 2) < 2) file.refuse(truncated);
  const unsigned major = start[6], minor = start[7];
  if (major < 1 || major > 3 || minor != 0)
    file.refuse("it has format version " + std::to_string(major) + "." + std::to_string(minor) +
                "; known are 1.0, 2.0 and 3.0");
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  if (file.read(&start[8], length_bytes) < length_bytes) file.refuse(truncated);
  std::size_t length = 0;  // little-endian on every machine
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8 | start[8 + i];
  if (length > longest)
    file.refuse("its header would be " + std::to_string(length) + " bytes long");

  std::string text(length, '\0');
  if (file.read(text.data(), length) < length) file.refuse(truncated);
  NpyHeader header = detail::NpyHeaderParser(file, text).parse();
  header.size = 8 + length_bytes + length;
  return header;
}

}  // namespace lacuna

#endif  // LACUNA_IO_NPY_HEADER_HPP
