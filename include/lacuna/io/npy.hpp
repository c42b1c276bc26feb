// SPDX-License-Identifier: MIT
#ifndef LACUNA_IO_NPY_HPP
#define LACUNA_IO_NPY_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>
#include <lacuna/core/matrix.hpp>
#include <lacuna/io/convert_numbers.hpp>
#include <lacuna/io/input_file.hpp>
#include <lacuna/io/npy_header.hpp>
#include <lacuna/io/whole_file.hpp>

namespace lacuna {

namespace detail {

/// A type of number that npy files hold: its name without the byte order, and the way to S.
template <Real S>
struct NpyType {
  std::string_view name;
  std::size_t size;
  void (*convert)(const unsigned char*, bool, std::size_t, S*);
};

template <class T, Real S>
[[nodiscard]] constexpr NpyType<S> npy_type(std::string_view name) {
  return {name, sizeof(T), &convert_numbers<T, S>};
}

/// The type of a descr like "<f4".
template <Real S>
[[nodiscard]] NpyType<S> find_npy_type(const InputFile& file, std::string_view descr) {
  static constexpr std::array<NpyType<S>, 12> types = {
      npy_type<float, S>("f4"),         npy_type<double, S>("f8"),
      npy_type<Eigen::half, S>("f2"),   npy_type<ByteBool, S>("b1"),
      npy_type<std::int8_t, S>("i1"),   npy_type<std::int16_t, S>("i2"),
      npy_type<std::int32_t, S>("i4"),  npy_type<std::int64_t, S>("i8"),
      npy_type<std::uint8_t, S>("u1"),  npy_type<std::uint16_t, S>("u2"),
      npy_type<std::uint32_t, S>("u4"), npy_type<std::uint64_t, S>("u8")};
  const bool has_order = !descr.empty() && std::string_view("<>=|").find(descr[0]) != descr.npos;
  for (const NpyType<S>& type : types) {
    if (!has_order || descr.substr(1) != type.name) continue;
    if (descr[0] == '|' && type.size > 1) break;  // a number of many bytes without a byte order
    return type;
  }
  file.refuse("its numbers are of type " + excerpt(descr) +
              "; read are f2, f4, f8, i1 to i8, u1 to u8 and b1 behind a byte order <, > or =, "
              "which | may replace where they have one byte");
}

[[nodiscard]] inline bool has_foreign_byte_order(std::string_view descr) {
  return descr[0] == (std::endian::native == std::endian::little ? '>' : '<');
}

/// "(3, 4)", "(3,)", "()".
[[nodiscard]] inline std::string npy_shape_text(const std::vector<Index>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

/// Refuses an array that is no matrix, or whose numbers are not exactly the rest of the file. So
/// no more is allocated than a small multiple of the file.
inline void check_npy_size(const InputFile& file, const NpyHeader& header, std::size_t item_size) {
  const std::string shape = npy_shape_text(header.shape);
  if (header.shape.empty() || header.shape.size() > 2)
    file.refuse("its array has shape " + shape + "; a matrix has one or two dimensions");
  const bool is_empty = std::count(header.shape.begin(), header.shape.end(), 0) > 0;
  Index bytes = is_empty ? 0 : static_cast<Index>(item_size);
  for (const Index length : header.shape) {
    if (!is_empty && bytes > std::numeric_limits<Index>::max() / length)
      file.refuse("its shape " + shape + " is too large");
    bytes *= length;
  }
  const std::uintmax_t present = file.size() - std::min<std::uintmax_t>(file.size(), header.size);
  if (present != static_cast<std::uintmax_t>(bytes))
    file.refuse("its shape " + shape + " of type " + header.descr + " takes " +
                std::to_string(bytes) + " bytes, and it has " + std::to_string(present));
}

/// Fills a column-major rows x cols matrix with the rest of the file, in the file's order.
template <Real S>
[[nodiscard]] Matrix<S> read_npy_numbers(InputFile& file, const NpyHeader& header,
                                         const NpyType<S>& type, Index rows, Index cols) {
  Matrix<S> values(rows, cols);
  const std::string_view own_name = std::same_as<S, float> ? "f4" : "f8";
  const bool swap_bytes = has_foreign_byte_order(header.descr);
  const bool as_is = type.name == own_name && !swap_bytes;
  const std::size_t count = static_cast<std::size_t>(values.size());
  const std::size_t per_read = as_is ? count : 16384;
  std::vector<unsigned char> buffer(as_is ? 0 : std::min(per_read, count) * type.size);
  for (std::size_t done = 0; done < count;) {
    const std::size_t now = std::min(per_read, count - done);
    S* const to = values.data() + done;
    void* const raw = as_is ? static_cast<void*>(to) : buffer.data();
    if (file.read(raw, now * type.size) < now * type.size) file.refuse("it became shorter");
    if (!as_is) type.convert(buffer.data(), swap_bytes, now, to);
    done += now;
  }
  return values;
}

}  // namespace detail

/// Reads a numpy array as a matrix whose columns are things.
///
/// | array in numpy           | answer                                                         |
/// |--------------------------|----------------------------------------------------------------|
/// | `[samples, dim]`, C      | dim x samples, the file's numbers in the file's order          |
/// | `[samples, dim]`, Fortran| dim x samples, transposed: takes the memory twice for a moment |
/// | `[n]`                    | n x 1: one thing                                               |
///
/// So the order in memory never shows: row j in numpy is column j here. Types: float16, 32 and 64,
/// signed and unsigned integers of 1 to 8 bytes, bool; of either byte order; rounded to S, to an
/// infinity where S ends before the number. Format versions 1.0 to 3.0.
///
/// @tparam S  the element type wanted, whatever the file's own.
/// @throws std::runtime_error naming the file and what is wrong with it: not to be read, not npy, a
///         header that numpy would not write, another type, not one or two dimensions, fewer or
///         more bytes than the shape takes.
template <Real S>
[[nodiscard]] Matrix<S> read_npy(const std::filesystem::path& path) {
  InputFile file(path);
  static_cast<void>(file.size());  // a folder should be called one, not an npy file cut short
  const NpyHeader header = read_npy_header(file);
  const detail::NpyType<S> type = detail::find_npy_type<S>(file, header.descr);
  detail::check_npy_size(file, header, type.size);
  const std::vector<Index>& shape = header.shape;
  if (shape.size() == 1) return detail::read_npy_numbers(file, header, type, shape[0], 1);
  if (!header.fortran_order)
    return detail::read_npy_numbers(file, header, type, shape[1], shape[0]);
  return detail::read_npy_numbers(file, header, type, shape[0], shape[1]).transpose();
}

/// Writes a matrix rows x cols as the numpy array `[cols, rows]` in C order: numpy's
/// `[samples, dim]` for signals, and what `read_npy` reads back bit by bit. The file is written
/// whole or not at all.
/// @param matrix  any dense Eigen expression of float or double; stored as that type.
/// @throws std::runtime_error naming the file, as WholeFile.
template <class Derived>
requires Real<typename Derived::Scalar>
void write_npy(const std::filesystem::path& path, const Eigen::MatrixBase<Derived>& matrix) {
  using S = typename Derived::Scalar;
  const MatrixArg<S> values(matrix.derived());

  // Numpy rounds magic, version, length and text up to a multiple of 64 bytes, a newline last. Two
  // lengths of up to 19 digits always come to 128.
  constexpr std::size_t header_size = 128;
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(header_size - 10);
  header += '\0';
  header += "{'descr': '";
  header += std::endian::native == std::endian::little ? '<' : '>';
  header += std::same_as<S, float> ? "f4" : "f8";
  header += "', 'fortran_order': False, 'shape': ";
  header += detail::npy_shape_text({values.cols(), values.rows()}) + ", }";
  header.resize(header_size - 1, ' ');
  header += '\n';

  WholeFile file(path);
  file.write(header);
  const auto bytes_of = [](Index count) { return static_cast<std::size_t>(count) * sizeof(S); };
  if (values.outerStride() == values.rows())
    file.write(values.data(), bytes_of(values.size()));
  else
    for (Index j = 0; j < values.cols(); ++j)
      file.write(values.col(j).data(), bytes_of(values.rows()));
  file.commit();
}

}  // namespace lacuna

#endif  // LACUNA_IO_NPY_HPP
