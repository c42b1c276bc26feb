// SPDX-License-Identifier: MIT
// Files: what is read is what was written, by us or by numpy; every malformed one is refused by
// name; and a file that cannot be written whole is not there at all.
#include <algorithm>
#include <array>
#include <bit>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <lacuna/concepts/signal_source.hpp>
#include <lacuna/core/random.hpp>
#include <lacuna/io/block_shuffle.hpp>
#include <lacuna/io/csv.hpp>
#include <lacuna/io/mapped_npy_source.hpp>
#include <lacuna/io/npy.hpp>
#include <lacuna/io/whole_file.hpp>

#include "data/npy_files.hpp"
#include "laws/source_laws.hpp"
#include "support/catch.hpp"
#include "support/folder.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::bytes_of;
using test::error_of;
using test::Folder;
using test::message_of;
using test::same_bits;
using test::says;
namespace fs = std::filesystem;
namespace npy_files = test::npy_files;

std::string npy_complaint(const Folder& folder, const std::string& bytes) {
  return folder.complaint(bytes, [](const fs::path& path) { (void)read_npy<double>(path); });
}

template <class S = double>
std::string csv_complaint(const Folder& folder, const std::string& bytes) {
  return folder.complaint(bytes, [](const fs::path& path) { (void)read_csv<S>(path); });
}

template <class S>
Matrix<S> npy_from(const Folder& folder, const std::string& bytes) {
  return read_npy<S>(folder.holding(bytes));
}

template <class S>
CsvTable<S> csv_from(const Folder& folder, const std::string& bytes) {
  return read_csv<S>(folder.holding(bytes));
}

/// An npy file of format 1.0 with this header and room for `numbers` of 8 bytes.
std::string npy_of(std::string header, std::size_t numbers = 0) {
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() % 256);
  bytes += static_cast<char>(header.size() / 256);
  return bytes + header + std::string(8 * numbers, '\0');
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

template <class S>
Matrix<S> powers_of_two() {
  Matrix<S> values(2, 3);
  values << 1, 4, 16, 2, 8, 32;  // column by column 1, 2, ..., 32
  return values;
}

/// Numbers of every magnitude, and the peculiar ones.
template <class S>
Matrix<S> any_numbers(Index rows, Index cols) {
  using Limits = std::numeric_limits<S>;
  const std::vector<S> peculiar = {
      S(0),   -S(0),       Limits::max(),      Limits::min(),  -Limits::max(), Limits::denorm_min(),
      S(0.1), S(1) / S(3), Limits::infinity(), S(123456789.0), S(1e22),        -Limits::infinity()};
  RandomStream random(5, 0);
  Matrix<S> values(rows, cols);
  std::size_t next = 0;
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i, ++next)
      values(i, j) = next < peculiar.size()
                         ? peculiar[next]
                         : static_cast<S>(std::ldexp(random.uniform<double>() - .5,
                                                     static_cast<int>(next % 200) - 100));
  return values;
}

const std::vector<std::pair<Index, Index>> shapes = {{1, 1}, {1, 7}, {7, 1}, {5, 9}, {64, 300}};

}  // namespace

// ---- npy
// -----------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("npy: what is written is read back bit by bit", "[npy]", float, double) {
  using S = TestType;
  const Folder folder;
  auto sizes = shapes;
  sizes.insert(sizes.end(), {{3, 0}, {0, 3}, {0, 0}, {40000, 1}});
  for (const auto& [rows, cols] : sizes) {
    const Matrix<S> values = any_numbers<S>(rows, cols);
    write_npy(folder / "a.npy", values);
    CHECK(same_bits<S>(read_npy<S>(folder / "a.npy"), values));
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("npy: numbers of another type arrive rounded", "[npy]") {
  const Folder folder;
  const Matrix<double> values = any_numbers<double>(64, 300);  // more than one buffer
  write_npy(folder / "a.npy", values);
  CHECK(same_bits<float>(read_npy<float>(folder / "a.npy"), values.cast<float>()));
  const Matrix<float> halved = any_numbers<float>(64, 300);
  write_npy(folder / "a.npy", halved);
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), halved.cast<double>()));
}

TEST_CASE("npy: we write the bytes that numpy writes", "[npy]") {
  const Folder folder;
  write_npy(folder / "a.npy", powers_of_two<float>());
  CHECK(bytes_of(folder / "a.npy") == npy_files::f4_little);
  write_npy(folder / "a.npy", powers_of_two<double>());
  CHECK(bytes_of(folder / "a.npy") == npy_files::f8_little);
  write_npy(folder / "a.npy", Matrix<float>(2, 0));
  CHECK(bytes_of(folder / "a.npy") == npy_files::f4_no_samples);
  write_npy(folder / "a.npy", Matrix<float>(0, 1234567));
  CHECK(bytes_of(folder / "a.npy") == npy_files::f4_wide);
}

TEST_CASE("npy: expressions, ranges of columns and blocks can be written", "[npy]") {
  const Folder folder;
  const Matrix<double> values = any_numbers<double>(6, 8);
  write_npy(folder / "a.npy", values.middleCols(2, 3));
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), values.middleCols(2, 3)));
  write_npy(folder / "a.npy", values.block(1, 2, 3, 4));
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), values.block(1, 2, 3, 4)));
  write_npy(folder / "a.npy", values.row(2));
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), values.row(2)));
  write_npy(folder / "a.npy", values.transpose() * 2.0);
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), values.transpose() * 2.0));
  const Vector<double> one = values.col(0);
  write_npy(folder / "a.npy", one);
  CHECK(same_bits<double>(read_npy<double>(folder / "a.npy"), one));
}

TEMPLATE_TEST_CASE("npy: a row in numpy is a column here, whatever type and order", "[npy]", float,
                   double) {
  using S = TestType;
  const Folder folder;
  for (const std::string* bytes :
       {&npy_files::f2_little,      &npy_files::f2_big,       &npy_files::f4_little,
        &npy_files::f4_big,         &npy_files::f8_little,    &npy_files::f8_big,
        &npy_files::i1_little,      &npy_files::u1_little,    &npy_files::i2_little,
        &npy_files::i2_big,         &npy_files::i4_little,    &npy_files::i4_big,
        &npy_files::i8_little,      &npy_files::i8_big,       &npy_files::u2_little,
        &npy_files::u2_big,         &npy_files::u4_little,    &npy_files::u4_big,
        &npy_files::u8_little,      &npy_files::u8_big,       &npy_files::f8_fortran,
        &npy_files::i2_big_fortran, &npy_files::f4_version_2, &npy_files::f4_version_3}) {
    INFO(*bytes);
    CHECK(npy_from<S>(folder, *bytes) == powers_of_two<S>());
  }
  CHECK(npy_from<S>(folder, replaced(npy_files::f4_little, "<f4", "=f4")) == powers_of_two<S>());
  CHECK(npy_from<S>(folder, replaced(npy_files::u1_little, "|u1", "<u1")) == powers_of_two<S>());
  Matrix<S> truths(2, 3);
  truths << 0, 1, 1, 0, 1, 1;
  CHECK(npy_from<S>(folder, npy_files::b1) == truths);
}

TEST_CASE("npy: negative integers keep their sign", "[npy]") {
  const Folder folder;
  for (const char* type : {"<i2", "<i4", "<i8"}) {
    const std::size_t size = static_cast<std::size_t>(type[2] - '0');
    const std::string header =
        std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (1,)}";
    CHECK(npy_from<double>(folder, npy_of(header) + '\xFE' + std::string(size - 1, '\xFF'))(0, 0) ==
          -2);
  }
}

TEST_CASE("npy: an array of one dimension is one thing", "[npy]") {
  const Folder folder;
  const Matrix<double> thing = npy_from<double>(folder, npy_files::f8_vector);
  CHECK(thing == powers_of_two<double>().reshaped(6, 1));
  // In one dimension both orders are the same.
  CHECK(npy_from<double>(folder, replaced(npy_files::f8_vector, "False", "True ")) == thing);
}

TEST_CASE("npy: empty arrays keep their shape", "[npy]") {
  const Folder folder;
  const Matrix<float> nothing = npy_from<float>(folder, npy_files::f4_no_samples);
  CHECK(nothing.rows() == 2);
  CHECK(nothing.cols() == 0);
  const Matrix<float> wide = npy_from<float>(folder, npy_files::f4_wide);
  CHECK(wide.rows() == 0);
  CHECK(wide.cols() == 1234567);
  const Matrix<float> huge = npy_from<float>(
      folder, npy_of("{'descr':'<f4','fortran_order':False,'shape':(9223372036854775807,0)}"));
  CHECK(huge.cols() == std::numeric_limits<Index>::max());
}

TEST_CASE("npy: half precision is exact in float and double", "[npy]") {
  const Folder folder;
  const std::vector<double> expected = {0,
                                        -0.0,
                                        1,
                                        -2,
                                        0.0999755859375,
                                        65504,
                                        std::ldexp(1, -14),
                                        std::ldexp(1023, -24),
                                        std::ldexp(1, -24),
                                        HUGE_VAL,
                                        -HUGE_VAL};
  const Matrix<double> wide = npy_from<double>(folder, npy_files::halves);
  const Matrix<float> narrow = npy_from<float>(folder, npy_files::halves);
  REQUIRE(wide.rows() == 12);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Index row = static_cast<Index>(i);
    CHECK(wide(row, 0) == expected[i]);
    CHECK(std::signbit(wide(row, 0)) == std::signbit(expected[i]));
    CHECK(static_cast<double>(narrow(row, 0)) == expected[i]);
  }
  CHECK(std::isnan(wide(11, 0)));
  CHECK(std::isnan(narrow(11, 0)));
}

TEST_CASE("npy: a header may be spaced and ordered as it likes", "[npy]") {
  const Folder folder;
  for (const char* header : {
           "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }",
           "{'shape':(1,2),'fortran_order':False,'descr':'<f8'}",
           "  { \"shape\" : ( 1 , 2 , ) , \"descr\" : \"<f8\" ,\t'fortran_order' : False }   ",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (1L, 2L), }",
       }) {
    INFO(header);
    const Matrix<double> values = npy_from<double>(folder, npy_of(header, 2));
    CHECK(values.rows() == 2);
    CHECK(values.cols() == 1);
  }
}

TEST_CASE("npy: malformed headers are refused by what is wrong with them", "[npy]") {
  const Folder folder;
  const auto complaint_about = [&](const std::string& header) {
    return npy_complaint(folder, npy_of(header, 2));
  };
  const std::string order = "'fortran_order': False", descr = "'descr': '<f8'";
  const std::string good = "{" + descr + ", " + order + ", 'shape': (1, 2)";
  CHECK(complaint_about("") == "its header should have '{' at \"\"");
  CHECK(complaint_about("[1]") == "its header should have '{' at \"[1]?\"");
  CHECK(complaint_about(good) == "its header should have '}' at \"\"");
  CHECK(complaint_about(good + ", ,}") == "its header should have a key between quotes at \",}?\"");
  CHECK(complaint_about(good + "} x") ==
        "its header should have nothing but spaces after the dictionary at \"x?\"");
  CHECK(complaint_about(good + ", 'extra': 1}") ==
        "its header has the key \"extra\", which is none of the format");
  CHECK(complaint_about(good + ", " + order + "}") ==
        "its header has the key \"fortran_order\" twice");
  CHECK(complaint_about("{" + order + ", 'shape': (1, 2)}") == "its header has no descr");
  CHECK(complaint_about("{" + descr + ", 'shape': (1, 2)}") == "its header has no fortran_order");
  CHECK(complaint_about("{" + descr + ", " + order + "}") == "its header has no shape");
  CHECK(complaint_about("{'descr' '<f8'}") == "its header should have ':' at \"'<f8'}?\"");
  CHECK(complaint_about("{'descr: 1}") ==
        "its header should have a key with a closing quote at \"'descr: 1}?\"");
  CHECK(complaint_about("{'descr': f8}") ==
        "its header should have the descr between quotes at \"f8}?\"");
  CHECK(complaint_about("{'fortran_order': 0}") ==
        "its header should have True or False for the fortran_order at \"0}?\"");
  CHECK(complaint_about("{'shape': [1, 2]}") == "its header should have '(' at \"[1, 2]}?\"");
  CHECK(complaint_about("{'shape': (2)}") ==
        "its header should have ',' after the only length of the shape at \")}?\"");
  CHECK(complaint_about("{'shape': (1 2)}") ==
        "its header should have ',' after the only length of the shape at \"2)}?\"");
  CHECK(complaint_about("{'shape': (1, 2 3)}") == "its header should have ')' at \"3)}?\"");
  CHECK(complaint_about("{'shape': (-1, 2)}") ==
        "its header should have a length of the shape at \"-1, 2)}?\"");
  CHECK(complaint_about("{'shape': (1.5,)}") ==
        "its header should have ',' after the only length of the shape at \".5,)}?\"");
  CHECK(complaint_about("{'shape': (9223372036854775808, 2)}") ==
        "its shape has a length that is too large");
}

TEST_CASE("npy: arrays that are no matrix of numbers are refused", "[npy]") {
  const Folder folder;
  CHECK(npy_complaint(folder, npy_files::f8_scalar) ==
        "its array has shape (); a matrix has one or two dimensions");
  CHECK(npy_complaint(folder, npy_files::f8_cube) ==
        "its array has shape (1, 2, 1); a matrix has one or two dimensions");
  CHECK(npy_complaint(folder, npy_files::record) ==
        "it holds records (a structured dtype), not numbers");
  CHECK(says(npy_complaint(folder, npy_files::c8), "its numbers are of type \"<c8\"; read are"));
  CHECK(says(npy_complaint(folder, npy_files::object), "its numbers are of type \"|O\""));
  for (const char* descr : {"f88", "|f8", "!f8", "<f1", "<V2", "<U3", "   ", "<f8\1"}) {
    INFO(descr);
    const std::string header =
        "{'descr':'" + std::string(descr) + "','fortran_order':False,'shape':(1,)}";
    CHECK(says(npy_complaint(folder, npy_of(header, 1)), "its numbers are of type \""));
  }
  CHECK(says(npy_complaint(folder, npy_of("{'descr':'','fortran_order':False,'shape':(1,)}", 1)),
             "its numbers are of type \"\""));
}

TEST_CASE("npy: a file that is too short, too long or not npy is refused", "[npy]") {
  const Folder folder;
  const std::string& good = npy_files::f8_little;
  CHECK(npy_complaint(folder, good.substr(0, good.size() - 1)) ==
        "its shape (3, 2) of type <f8 takes 48 bytes, and it has 47");
  CHECK(npy_complaint(folder, good + '\0') ==
        "its shape (3, 2) of type <f8 takes 48 bytes, and it has 49");
  CHECK(npy_complaint(
            folder,
            npy_of("{'descr':'<f8','fortran_order':False,'shape':(1000000000000,1000)}", 2)) ==
        "its shape (1000000000000, 1000) of type <f8 takes 8000000000000000 bytes, and it has 16");
  CHECK(npy_complaint(folder, npy_of("{'descr':'<f8','fortran_order':False,"
                                     "'shape':(4294967296,4294967296)}",
                                     2)) == "its shape (4294967296, 4294967296) is too large");
  CHECK(npy_complaint(folder, npy_of("{'descr':'<f8','fortran_order':False,"
                                     "'shape':(2305843009213693952,)}",
                                     2)) == "its shape (2305843009213693952,) is too large");
  CHECK(npy_complaint(folder, "") == "it is no npy file: it does not begin with \\x93NUMPY");
  CHECK(npy_complaint(folder, "1,2\n") == "it is no npy file: it does not begin with \\x93NUMPY");
  CHECK(npy_complaint(folder, "PK\3\4 and so on") ==
        "it is no npy file but a zip archive, which is how an npz file begins");
  CHECK(npy_complaint(folder, good.substr(0, 7)) == "it ends inside its header");
  CHECK(npy_complaint(folder, good.substr(0, 9)) == "it ends inside its header");
  CHECK(npy_complaint(folder, good.substr(0, 127)) == "it ends inside its header");
  std::string other = good;
  other[6] = 4;
  CHECK(npy_complaint(folder, other) == "it has format version 4.0; known are 1.0, 2.0 and 3.0");
  other[6] = 1;
  other[7] = 1;
  CHECK(npy_complaint(folder, other) == "it has format version 1.1; known are 1.0, 2.0 and 3.0");
  other = npy_files::f4_version_2;
  other[11] = '\x80';
  CHECK(npy_complaint(folder, other) == "its header would be 2147483764 bytes long");
}

TEST_CASE("npy: what cannot be read is refused by name", "[npy]") {
  const Folder folder;
  const fs::path absent = folder / "absent.npy";
  CHECK(error_of([&] { (void)read_npy<float>(absent); }) ==
        "cannot read " + absent.string() + ": No such file or directory");
  const fs::path inside = folder / "inside";
  fs::create_directory(inside);
  CHECK(error_of([&] { (void)read_npy<float>(inside); }) ==
        "cannot read " + inside.string() + ": it is a directory");
  CHECK(error_of([&] { (void)read_npy<float>("/dev/null"); }) ==
        "cannot read /dev/null: it is not a regular file");
}

TEST_CASE("npy: no truncation and no wrong byte does worse than a refusal", "[npy]") {
  const Folder folder;
  for (const std::string* bytes :
       {&npy_files::f8_little, &npy_files::f4_version_2, &npy_files::f8_fortran}) {
    for (std::size_t length = 0; length < bytes->size(); ++length) {
      const std::string cut = bytes->substr(0, length);
      CHECK_THROWS_AS(npy_from<float>(folder, cut), std::runtime_error);
    }
    Index refused = 0;
    for (std::size_t at = 0; at < bytes->size(); ++at)
      for (const char wrong : {'\0', '\1', '\xFF', '9', '(', ')', '\'', ',', '{', '}', ' ', 'L'}) {
        std::string changed = *bytes;
        changed[at] = wrong;
        try {
          (void)npy_from<float>(folder, changed);
        } catch (const std::runtime_error&) {
          ++refused;
        }
      }
    CHECK(refused > 400);
  }
}

// ---- csv
// -----------------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("csv: what is written is read back bit by bit", "[csv]", float, double) {
  using S = TestType;
  const Folder folder;
  for (const auto& [rows, cols] : shapes) {
    const Matrix<S> values = any_numbers<S>(rows, cols);
    write_csv(folder / "a.csv", values);
    const CsvTable<S> table = read_csv<S>(folder / "a.csv");
    CHECK(same_bits<S>(table.values, values));
    CHECK(table.names.empty());
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("csv: a column is a line, in the fewest digits", "[csv]") {
  const Folder folder;
  Matrix<double> values(2, 3);
  values << 1, .1, 1e300, -2, HUGE_VAL, std::nan("");
  write_csv(folder / "a.csv", values, {"first", "second one"});
  CHECK(bytes_of(folder / "a.csv") == "first,second one\n1,-2\n0.1,inf\n1e+300,nan\n");
  write_csv(folder / "a.csv", values.leftCols(1).transpose());
  CHECK(bytes_of(folder / "a.csv") == "1\n-2\n");
}

TEST_CASE("csv: names come back as they were", "[csv]") {
  const Folder folder;
  const std::vector<std::string> names = {"plain", "two words", "",   " spaced ",   "a,b",
                                          "1.5",   "nan",       "\"", "say \"so\"", "\xC3\xA9"};
  const Matrix<double> values = any_numbers<double>(10, 2);
  write_csv(folder / "a.csv", values, names);
  const CsvTable<double> table = read_csv<double>(folder / "a.csv");
  CHECK(table.names == names);
  CHECK(same_bits<double>(table.values, values));
  write_csv(folder / "a.csv", values.leftCols(0), names);
  CHECK(read_csv<double>(folder / "a.csv").names == names);
  CHECK(read_csv<double>(folder / "a.csv").values.rows() == 10);
  CHECK(read_csv<double>(folder / "a.csv").values.cols() == 0);
  write_csv(folder / "a.csv", values.topRows(1), {""});
  CHECK(read_csv<double>(folder / "a.csv").names == std::vector<std::string>{""});
}

TEST_CASE("csv: spaces, line ends and a byte order mark do not count", "[csv]") {
  const Folder folder;
  Matrix<double> expected(2, 2);
  expected << 1, 3, 2, 4;
  for (const char* text :
       {"1,2\n3,4\n", "1,2\n3,4", "1,2\r\n3,4\r\n", "1,2\n3,4\n\n", "1,2\n3,4\n \t\r\n\n",
        " 1 ,\t2\n3 , 4 \n", "+1,2\n3,+4\n", "1.0,2e0\n.3E1,4.\n",
        "\xEF\xBB\xBF"
        "1,2\n3,4\n"}) {
    INFO(text);
    const CsvTable<double> table = csv_from<double>(folder, text);
    CHECK(table.values == expected);
    CHECK(table.names.empty());
  }
  const CsvTable<double> named = csv_from<double>(folder, "\xEF\xBB\xBF x , \"y\" \r\n1,2\r\n3,4");
  CHECK(named.values == expected);
  CHECK(named.names == std::vector<std::string>{"x", "y"});
}

TEST_CASE("csv: NaN and infinities are numbers, however they are spelt", "[csv]") {
  const Folder folder;
  const Matrix<float> values =
      csv_from<float>(folder, "nan,NaN,-nan,inf,-inf,Inf,INFINITY,+inf\n").values;
  REQUIRE(values.rows() == 8);
  CHECK(values.topRows(3).array().isNaN().all());
  CHECK(values(3, 0) == HUGE_VALF);
  CHECK(values(4, 0) == -HUGE_VALF);
  CHECK(values.bottomRows(3).array().isInf().all());
}

TEST_CASE("csv: numbers are rounded once, and to zero below the smallest", "[csv]") {
  const Folder folder;
  // Just above the middle between two floats: by way of a double it would go down.
  const Matrix<float> values =
      csv_from<float>(folder, "1.00000005960464477540,1e-60,-1e-60,1e-45\n").values;
  CHECK(values(0, 0) == std::nextafter(1.0F, 2.0F));
  CHECK(values(1, 0) == 0);
  CHECK(std::signbit(values(2, 0)));
  CHECK(values(3, 0) == std::numeric_limits<float>::denorm_min());
}

TEST_CASE("csv: a locale with a decimal comma changes nothing", "[csv]") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
    if (std::setlocale(LC_ALL, name) != nullptr) break;  // where there is none, nothing is tested
  const Folder folder;
  const Matrix<double> half = Matrix<double>::Constant(1, 1, 1234.5);
  write_csv(folder / "a.csv", half);
  CHECK(bytes_of(folder / "a.csv") == "1234.5\n");
  CHECK(read_csv<double>(folder / "a.csv").values == half);
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("csv: malformed files are refused by line and field", "[csv]") {
  const Folder folder;
  const std::string hint = " is not a number (commas separate, a point is the decimal mark)";
  CHECK(csv_complaint(folder, "") == "it is empty");
  CHECK(csv_complaint(folder, " \r\n\n") == "it is empty");
  CHECK(csv_complaint(folder, "1,2\n3\n") == "line 2 has 1 field, the first line has 2");
  CHECK(csv_complaint(folder, "a,b\n1,2\n3,4,5\n") == "line 3 has 3 fields, the first line has 2");
  CHECK(csv_complaint(folder, "1,2\n\n3,4\n") == "line 2 is empty");
  CHECK(csv_complaint(folder, "\n1,2\n") == "line 1 is empty");
  CHECK(csv_complaint(folder, "1,2\n3,\n") == "line 2, field 2 is empty");
  CHECK(csv_complaint(folder, "1,2\n , 4\n") == "line 2, field 1 is empty");
  CHECK(csv_complaint(folder, "1,2\n3,4x\n") == "line 2, field 2: \"4x\"" + hint);
  CHECK(csv_complaint(folder, "1,2\n0x10,4\n") == "line 2, field 1: \"0x10\"" + hint);
  CHECK(csv_complaint(folder, "1,2\n+-3,4\n") == "line 2, field 1: \"+-3\"" + hint);
  CHECK(csv_complaint(folder, "1,2\n++3,4\n") == "line 2, field 1: \"++3\"" + hint);
  CHECK(csv_complaint(folder, "1,2\n\"3\",4\n") == "line 2, field 1: \"\"3\"\"" + hint);
  CHECK(csv_complaint(folder, "a;b\n1;2\n") == "line 2, field 1: \"1;2\"" + hint);
  CHECK(csv_complaint(folder, "a,b\nc,d\n") == "line 2, field 1: \"c\"" + hint);
  CHECK(csv_complaint(folder, "1\n" + std::string(50, 'x') + "\n") ==
        "line 2, field 1: \"" + std::string(40, 'x') + "...\"" + hint);
  CHECK(csv_complaint(folder, std::string("1\n\0\x80\n", 5)) == "line 2, field 1: \"??\"" + hint);
  CHECK(csv_complaint(folder, "1,2\n3,1e400\n") ==
        "line 2, field 2: \"1e400\" is out of the range of double");
  CHECK(csv_complaint<float>(folder, "1,-1e40\n") ==
        "line 1, field 2: \"-1e40\" is out of the range of float");
  const std::string mixed = " in that line is; a line of names has no numbers but between quotes";
  CHECK(csv_complaint(folder, "1,2.o,3\n4,5,6\n") ==
        "line 1, field 2: \"2.o\" is not a number, but \"1\"" + mixed);
  CHECK(csv_complaint(folder, "1,\n") ==
        "line 1, field 2: \"\" is not a number, but \"1\"" + mixed);
  CHECK(csv_complaint(folder, "a,\"b\n1,2\n") == "line 1, field 2 has a quote that does not end");
  CHECK(csv_complaint(folder, "\"a\" b,c\n1,2\n") ==
        "line 1, field 1 goes on after its closing quote");
}

TEST_CASE("csv: what cannot be read is refused by name", "[csv]") {
  const Folder folder;
  const fs::path absent = folder / "absent.csv";
  CHECK(error_of([&] { (void)read_csv<float>(absent); }) ==
        "cannot read " + absent.string() + ": No such file or directory");
  const fs::path inside = folder / "inside";
  fs::create_directory(inside);
  CHECK(error_of([&] { (void)read_csv<float>(inside); }) ==
        "cannot read " + inside.string() + ": Is a directory");
}

TEST_CASE("csv: no truncation and no wrong byte does worse than a refusal", "[csv]") {
  const Folder folder;
  const std::string text = "\"a,\"\"b\", c \r\n1.5e3,-inf\r\n+.25,nan\r\n";
  const auto read_or_refuse = [&](const std::string& bytes) {
    try {
      const CsvTable<float> table = csv_from<float>(folder, bytes);
      CHECK(table.values.rows() > 0);
    } catch (const std::runtime_error&) {
    }
  };
  for (std::size_t length = 0; length < text.size(); ++length)
    read_or_refuse(text.substr(0, length));
  for (std::size_t at = 0; at < text.size(); ++at)
    for (const char wrong : {'\0', '\xFF', '9', '"', ',', '\n', '\r', ' ', '-', 'e'}) {
      std::string changed = text;
      changed[at] = wrong;
      read_or_refuse(changed);
    }
}

TEST_CASE("csv: what could not be read back is not written", "[csv]") {
  const Folder folder;
  const fs::path path = folder / "a.csv";
  const Matrix<double> values = Matrix<double>::Ones(2, 3);
  CHECK(message_of([&] { write_csv(path, Matrix<double>(2, 0)); }) ==
        "write_csv: a matrix 2 x 0 without names leaves nothing to write and could not be read "
        "back");
  CHECK(says(message_of([&] { write_csv(path, Matrix<double>(0, 3)); }), "a matrix 0 x 3"));
  CHECK(message_of([&] { write_csv(path, values, {"a"}); }) ==
        "write_csv: expected a name for each row of a matrix 2 x 3, got 1");
  CHECK(message_of([&] {
          write_csv(path, values, {"a", "b\n"});
        }) == "write_csv: the name \"b?\" has a line break");
  CHECK(folder.entries() == 0);
}

// ---- whole or not at all
// -------------------------------------------------------------------------

TEST_CASE("whole file: nothing is in its place before the commit, nothing beside it after",
          "[whole_file]") {
  const Folder folder;
  const fs::path path = folder / "a";
  {
    WholeFile file(path);
    file.write("new");
    CHECK(!fs::exists(path));
    CHECK(folder.entries() == 1);
    file.commit();
  }
  CHECK(bytes_of(path) == "new");
  CHECK(folder.entries() == 1);
  {
    WholeFile file(path);
    file.write("never finished");
    CHECK(bytes_of(path) == "new");
  }
  CHECK(bytes_of(path) == "new");
  CHECK(folder.entries() == 1);
  write_whole(path, "");
  CHECK(bytes_of(path).empty());
}

TEST_CASE("whole file: two writers at once do not mix", "[whole_file]") {
  const Folder folder;
  WholeFile one(folder / "a"), other(folder / "a");
  one.write("one");
  other.write("other");
  other.commit();
  one.commit();
  CHECK(bytes_of(folder / "a") == "one");
  CHECK(folder.entries() == 1);
}

TEST_CASE("whole file: a link stays, permissions pass on", "[whole_file]") {
  const Folder folder;
  write_whole(folder / "target", "old");
  const auto owner_only = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(folder / "target", owner_only);
  fs::create_symlink("target", folder / "link");
  write_whole(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(bytes_of(folder / "target") == "new");
  CHECK(fs::status(folder / "target").permissions() == owner_only);
  CHECK(folder.entries() == 2);
}

TEST_CASE("whole file: what a link names need not be there yet", "[whole_file]") {
  const Folder folder;
  fs::create_directory(folder / "inside");
  fs::create_symlink(fs::path("inside") / "second", folder / "first");
  fs::create_symlink(folder / "target", folder / "inside" / "second");
  write_whole(folder / "first", "new");
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "inside" / "second"));
  CHECK(fs::is_regular_file(fs::symlink_status(folder / "target")));
  CHECK(bytes_of(folder / "target") == "new");
  CHECK(folder.entries() == 3);
  fs::create_symlink("loop", folder / "loop");
  CHECK(error_of([&] { write_whole(folder / "loop", "new"); }) ==
        "cannot write " + (folder / "loop").string() +
            ": it is a link that leads to itself, or through too many");
  CHECK(folder.entries() == 4);
}

TEST_CASE("whole file: where nothing can be written, nothing is left", "[whole_file]") {
  const Folder folder;
  const Matrix<double> values = Matrix<double>::Ones(2, 3);
  const auto refusals = [&](const fs::path& path, const std::string& what) {
    const std::string expected = "cannot write " + path.string() + ": " + what;
    CHECK(error_of([&] { write_npy(path, values); }) == expected);
    CHECK(error_of([&] { write_csv(path, values); }) == expected);
    CHECK(error_of([&] { write_whole(path, "text"); }) == expected);
  };
  refusals(folder / "absent" / "a", "No such file or directory");
  CHECK(folder.entries() == 0);
  fs::create_directory(folder / "inside");
  refusals(folder / "inside", "it is a directory");
  refusals("/dev/null", "it is not a regular file");
  CHECK(fs::is_empty(folder / "inside"));
  CHECK(folder.entries() == 1);
  write_whole(folder / "file", "text");
  refusals(folder / "file" / "a", "Not a directory");
  refusals("", "No such file or directory");
  CHECK(!fs::exists(".partial-0"));
}

TEST_CASE("whole file: a write that fails half-way leaves what was there", "[whole_file]") {
  const Folder folder;
  const fs::path path = folder / "a";
  write_whole(path, "old");
  std::string large, buffered;
  {
    const test::FileSizeLimit full_disk(1000);
    large = error_of([&] { write_npy(path, Matrix<double>::Ones(100, 100)); });
    // This one fails in the commit, which is where its few bytes leave the buffer.
    buffered = error_of([&] { write_csv(path, Matrix<double>::Ones(1, 800)); });
  }
  CHECK(large == "cannot write " + path.string() + ": File too large");
  CHECK(buffered == "cannot write " + path.string() + ": File too large");
  CHECK(bytes_of(path) == "old");
  CHECK(folder.entries() == 1);
}

// ---- signals of a file that is not read as a whole

static_assert(SignalSource<MappedNpySource<float>>);
static_assert(SignalSource<MappedNpySource<double>>);

namespace {

/// The columns of an epoch in the order of the shuffle.
std::vector<Index> epoch_of(BlockShuffle& shuffle, Index epoch, Index n) {
  std::vector<Index> order;
  while (static_cast<Index>(order.size()) < n) {
    const auto rest = shuffle.columns_from(epoch, static_cast<Index>(order.size()));
    order.insert(order.end(), rest.begin(), rest.end());
  }
  return order;
}

/// Signal j is (j, j + .5).
template <class S>
Matrix<S> numbered_signals(Index n) {
  Matrix<S> signals(2, n);
  for (Index j = 0; j < n; ++j) signals.col(j) << S(j), S(j) + S(.5);
  return signals;
}

}  // namespace

TEST_CASE("block shuffle: every column once an epoch, a window in whole blocks", "[block_shuffle]") {
  for (const auto& [n, block, window] : std::vector<std::array<Index, 3>>{
           {1, 1, 1}, {7, 3, 1}, {7, 3, 2}, {12, 3, 2}, {12, 3, 9}, {100, 7, 4}, {5, 9, 1}}) {
    INFO(n << " in blocks of " << block << ", windows of " << window);
    BlockShuffle shuffle("here", n, block, window, 3);
    std::set<std::vector<Index>> orders;
    for (Index epoch = 0; epoch < 6; ++epoch) {
      const std::vector<Index> order = epoch_of(shuffle, epoch, n);
      REQUIRE(static_cast<Index>(order.size()) == n);
      CHECK(static_cast<Index>(std::set<Index>(order.begin(), order.end()).size()) == n);
      orders.insert(order);
      // Until a window is through, no more than its blocks are in use.
      for (Index place = 0; place < n;) {
        const auto rest = shuffle.columns_from(epoch, place);
        std::set<Index> blocks;
        for (const Index column : rest) blocks.insert(column / block);
        CHECK(static_cast<Index>(blocks.size()) <= window);
        CHECK(blocks.size() == shuffle.blocks().size());
        place += static_cast<Index>(rest.size());
      }
      // Any place directly, in any order, in an object that has seen nothing else.
      for (const Index place : {n - 1, Index{0}, n / 2}) {
        BlockShuffle fresh("here", n, block, window, 3);
        CHECK(fresh.columns_from(epoch, place)[0] == order[static_cast<std::size_t>(place)]);
        CHECK(shuffle.columns_from(epoch, place)[0] == order[static_cast<std::size_t>(place)]);
      }
    }
    if (n >= 12) CHECK(orders.size() == 6);
  }
  BlockShuffle one("here", 100, 7, 4, 3), other("here", 100, 7, 4, 4);
  CHECK(epoch_of(one, 0, 100) != epoch_of(other, 0, 100));
}

TEST_CASE("block shuffle: every column is as often in every part of an epoch", "[block_shuffle]") {
  // 6 columns in blocks of 2, a window of 2 blocks: by symmetry each is in the first 4 places with
  // probability 2/3 and at place 0 with 1/6. 3000 epochs: 4 standard deviations are .0345 and .0273.
  constexpr Index epochs = 3000;
  BlockShuffle shuffle("here", 6, 2, 2, 11);
  Vector<double> early = Vector<double>::Zero(6), first = Vector<double>::Zero(6);
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<Index> order = epoch_of(shuffle, epoch, 6);
    for (std::size_t place = 0; place < 4; ++place) early[order[place]] += 1.0 / epochs;
    first[order[0]] += 1.0 / epochs;
  }
  CHECK((early.array() - 2. / 3).abs().maxCoeff() < .0345);
  CHECK((first.array() - 1. / 6).abs().maxCoeff() < .0273);
}

TEST_CASE("block shuffle: sizes beyond 2^32 in constant time", "[block_shuffle]") {
  const Index n = (Index{1} << 45) + 5;
  BlockShuffle shuffle("here", n, Index{1} << 28, 2, 1);  // 2^17 blocks and one of 5
  CHECK(shuffle.num_windows() == (Index{1} << 16) + 1);
  CHECK(says(message_of([&] { BlockShuffle("here", n, 1, 1, 1); }), "too many"));
  CHECK(says(message_of([&] { BlockShuffle("here", n, Index{1} << 28, 16, 1); }), "too many"));
  CHECK(says(message_of([&] { BlockShuffle("here", 0, 1, 1, 1); }), "no signals"));
  CHECK(says(message_of([&] { BlockShuffle("here", 5, 0, 1, 1); }), "at least 1, are 0 and 1"));
  CHECK(says(message_of([&] { BlockShuffle("here", 5, 1, -1, 1); }), "at least 1, are 1 and -1"));
}

TEMPLATE_TEST_CASE("mapped source: laws, each signal once an epoch, the same when opened again",
                   "[mapped_npy]", float, double) {
  using S = TestType;
  const Folder folder;
  const fs::path path = folder / "x.npy";
  const Matrix<S> signals = numbered_signals<S>(53);
  write_npy(path, signals);
  const MappedNpySourceOptions options{.batch_size = 5, .seed = 2, .block = 4, .window = 3};
  MappedNpySource<S> source(path, options);
  test::check_source_laws(source);
  CHECK(source.dim() == 2);
  CHECK(source.num_signals() == 53);
  CHECK(source.batches_per_epoch() == 10);
  std::vector<Matrix<S>> batches;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    std::set<S> seen;
    for (Index b = 0; b < 10; ++b) {
      const Matrix<S> batch = source.batch(10 * epoch + b);
      REQUIRE(batch.cols() == 5);
      const auto columns = source.columns(10 * epoch + b);
      for (Index j = 0; j < 5; ++j) {
        CHECK(batch.col(j) == signals.col(columns[static_cast<std::size_t>(j)]));
        seen.insert(batch(0, j));
      }
      batches.push_back(batch);
    }
    CHECK(seen.size() == 50);  // all but the remainder of 53 / 5
  }
  // A training that is resumed at any step, in another process.
  for (Index step = 0; step < 30; ++step) {
    MappedNpySource<S> again(path, options);
    CHECK(again.batch(step) == batches[static_cast<std::size_t>(step)]);
  }
  // A batch that spans windows; one of everything; a file that is gone when it is open.
  MappedNpySource<S> large(path, {.batch_size = 53, .block = 4, .window = 1});
  MappedNpySource<S> copy = large;
  fs::remove(path);
  CHECK(large.batch(3).row(0).sum() == S(53 * 52 / 2));
  CHECK(copy.batch(3) == large.batch(3));
}

TEST_CASE("mapped source: a part of the file, the rest held out", "[mapped_npy]") {
  const Folder folder;
  const fs::path path = folder / "x.npy";
  write_npy(path, numbered_signals<float>(20));
  // 6, ..., 18 in blocks that do not begin where the file's do; one is left out of an epoch.
  MappedNpySource<float> part(path,
                              {.batch_size = 4, .block = 5, .window = 2, .first = 6, .count = 13});
  test::check_source_laws(part);
  CHECK(part.num_signals() == 13);
  CHECK(part.batches_per_epoch() == 3);
  std::set<float> seen;
  for (Index step = 0; step < 30; ++step) {
    const Matrix<float> batch = part.batch(step);
    const auto columns = part.columns(step);
    for (Index j = 0; j < 4; ++j) {
      CHECK(batch(0, j) == static_cast<float>(columns[static_cast<std::size_t>(j)]));
      seen.insert(batch(0, j));
    }
  }
  CHECK(seen.size() == 13);
  CHECK(*seen.begin() == 6);
  CHECK(*seen.rbegin() == 18);
  MappedNpySource<float> rest(path, {.batch_size = 1, .first = 19});
  CHECK(rest.num_signals() == 1);
  CHECK(rest.batch(7)(0, 0) == 19);
  for (const auto& [first, count] :
       std::vector<std::pair<Index, Index>>{{20, 0}, {-1, 0}, {0, -1}, {8, 13}, {0, 21}})
    CHECK(message_of([&, first = first, count = count] {
            MappedNpySource<float>(path, {.batch_size = 1, .first = first, .count = count});
          }) == "MappedNpySource: first and count must be a part of the file's 20 signals, are " +
                    std::to_string(first) + " and " + std::to_string(count));
}

TEST_CASE("mapped source: every type that read_npy reads", "[mapped_npy]") {
  const Folder folder;
  const fs::path path = folder / "x.npy";
  write_npy(path, numbered_signals<double>(9));
  MappedNpySource<float> rounded(path, {.batch_size = 9});
  CHECK(rounded.batch(0).row(0).sum() == 36);
  // Big-endian doubles, behind a header of a length that leaves them unaligned.
  std::string header = "{'descr': '>f8', 'fortran_order': False, 'shape': (3, 1), }";
  std::string bytes = npy_of(header);
  REQUIRE(bytes.size() % 8 != 0);
  for (const char second : {'\xF0', '\x00', '\x08'})  // 1, 2, 3
    bytes += std::string(1, second == '\xF0' ? '\x3F' : '\x40') + second + std::string(6, '\0');
  MappedNpySource<double> swapped(folder.holding(bytes), {.batch_size = 1, .block = 1});
  Vector<double> seen(3);
  for (Index step = 0; step < 3; ++step) seen[step] = swapped.batch(step)(0, 0);
  CHECK(seen.sum() == 6);
  CHECK(seen.prod() == 6);
}

TEST_CASE("mapped source: a signal that is not finite is refused by its row", "[mapped_npy]") {
  const Folder folder;
  const fs::path path = folder / "x.npy";
  Matrix<float> signals = numbered_signals<float>(20);
  signals(1, 13) = std::numeric_limits<float>::infinity();
  write_npy(path, signals);
  MappedNpySource<float> source(path, {.batch_size = 4, .block = 3, .window = 2});
  int refusals = 0;
  for (Index step = 0; step < 5; ++step) {
    const std::string message = error_of([&] { (void)source.batch(step); });
    if (message.empty()) continue;
    ++refusals;
    CHECK(message == "cannot read " + path.string() + ": its row 13 holds a NaN or an infinity");
  }
  CHECK(refusals == 1);
}

TEST_CASE("mapped source: what it cannot map is refused by name", "[mapped_npy]") {
  const Folder folder;
  const auto complaint = [&](const std::string& header, std::size_t numbers) {
    return folder.complaint(npy_of(header, numbers),
                            [](const fs::path& path) { MappedNpySource<float>{path}; });
  };
  CHECK(complaint("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 2), }", 6) ==
        "its array is in Fortran order; signals are in C order");
  CHECK(complaint("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", 3) ==
        "its array has shape (3,); signals are [samples, dim]");
  CHECK(complaint("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }", 0) ==
        "its array has shape (0, 3): there are no signals or they have no entries");
  CHECK(complaint("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0), }", 0) ==
        "its array has shape (3, 0): there are no signals or they have no entries");
  CHECK(complaint("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }", 5) ==
        "its shape (3, 2) of type <f8 takes 48 bytes, and it has 40");
  CHECK(says(complaint("{'descr': '<c8', 'fortran_order': False, 'shape': (3, 2), }", 6),
             "its numbers are of type \"<c8\""));
  const std::string absent = (folder / "absent").string();
  CHECK(error_of([&] { MappedNpySource<float>{absent}; }) ==
        "cannot read " + absent + ": No such file or directory");
  const fs::path path = folder / "x.npy";
  write_npy(path, numbered_signals<float>(5));
  CHECK(message_of([&] { MappedNpySource<float>{path}; }) ==
        "MappedNpySource: batch_size must be in [1, n], got 1024 of 5");
  CHECK(message_of([&] { MappedNpySource<float>(path, {.batch_size = 0}); }) ==
        "MappedNpySource: batch_size must be in [1, n], got 0 of 5");
}

TEST_CASE("mapped source: a file of 100 gigabytes opens at once", "[mapped_npy]") {
  // Sparse on disk: its zeros take no room. 25,000 signals of 2^20 numbers: both the numbers' places
  // and their bytes pass 2^32.
  const Folder folder;
  const fs::path path = folder / "x.npy";
  const Index n = 25'000, dim = Index{1} << 20;
  const std::string header =
      npy_of("{'descr': '<f4', 'fortran_order': False, 'shape': (25000, 1048576), }");
  const auto begin_of = [&](Index row) {
    return header.size() + static_cast<std::uintmax_t>(row) * static_cast<std::uintmax_t>(dim) * 4;
  };
  write_whole(path, header);
  std::error_code failure;
  fs::resize_file(path, begin_of(n), failure);
  if (failure) {
    WARN("not tested, as no sparse file of 100 gigabytes can be made: " << failure.message());
    return;
  }
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(begin_of(n - 1)));
    for (Index i = 0; i < dim; ++i) file.write("\0\0\x80\x3F", 4);  // 1
  }
  MappedNpySource<float> source(path, {.batch_size = 1, .seed = 4, .block = 4, .window = 2});
  CHECK(source.num_signals() == n);
  BlockShuffle shuffle("here", n, 4, 2, 4);
  const std::vector<Index> order = epoch_of(shuffle, 1, n);
  const Index place = std::find(order.begin(), order.end(), n - 1) - order.begin();
  CHECK(source.batch(n + place).sum() == float(dim));
  CHECK(source.batch(n + (place + 1) % n).sum() == 0);
}
