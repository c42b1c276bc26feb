// SPDX-License-Identifier: MIT
// Files of tensors, of fields and of models: what comes back has the same bits, what does not fit
// changes nothing, and every malformed file is refused by name.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <lacuna/core/random.hpp>
#include <lacuna/io/fields_file.hpp>
#include <lacuna/io/safetensors.hpp>

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

/// A safetensors file of this header and data.
std::string safetensors_of(const std::string& header, const std::string& data = "") {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    bytes[i] = static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 255U);
  return bytes + header + data;
}

/// What is wrong with a file of these bytes, less "cannot read FILE: ".
std::string complaint(const Folder& folder, const std::string& bytes) {
  return folder.complaint(bytes, [](const fs::path& path) { (void)SafetensorsFile(path); });
}

std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

/// Numbers whose bits are easily lost.
template <class S>
Matrix<S> peculiar_numbers(Index rows, Index cols) {
  Matrix<S> values = random_normal<S>(rows, cols, 3);
  using Limits = std::numeric_limits<S>;
  const std::vector<S> peculiar = {-S(0), Limits::denorm_min(), Limits::infinity(),
                                   Limits::quiet_NaN(), Limits::max()};
  for (Index i = 0; i < std::min<Index>(values.size(), 5); ++i)
    values(i) = peculiar[static_cast<std::size_t>(i)];
  return values;
}

struct Inner {
  Matrix<float> weights;
  Vector<double> mean;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("weights", self.weights);
    visit("mean", self.mean);
  }
};

struct State {
  std::int64_t steps = 0;
  double rate = 0;
  std::vector<std::int64_t> ages;
  Inner first, second;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("steps", self.steps);
    visit("rate", self.rate);
    visit("ages", self.ages);
    visit("first", self.first);
    visit("second", self.second);
  }
};
static_assert(HasFields<State>);

State some_state() {
  State state;
  state.steps = (std::int64_t{1} << 53) + 1;  // no double has this value
  state.rate = 0.1;
  state.ages = {-1, 0, std::numeric_limits<std::int64_t>::max()};
  state.first = {peculiar_numbers<float>(3, 4), peculiar_numbers<double>(6, 1)};
  state.second = {peculiar_numbers<float>(2, 5), Vector<double>()};
  return state;
}

void check_same(const State& a, const State& b) {
  CHECK(a.steps == b.steps);
  CHECK(std::bit_cast<std::uint64_t>(a.rate) == std::bit_cast<std::uint64_t>(b.rate));
  CHECK(a.ages == b.ages);
  CHECK(same_bits<float>(a.first.weights, b.first.weights));
  CHECK(same_bits<double>(a.first.mean, b.first.mean));
  CHECK(same_bits<float>(a.second.weights, b.second.weights));
  CHECK(same_bits<double>(a.second.mean, b.second.mean));
}

}  // namespace

// ---- safetensors

TEST_CASE("safetensors: the bytes are those of the format", "[safetensors]") {
  const Folder folder;
  const Matrix<float> w = Matrix<float>::Constant(2, 3, 1);  // [3, 2] in Python
  const std::int64_t n = 7;
  write_safetensors(folder / "a", {tensor_view("w", w), tensor_view("n", n)}, {{"k", "v\""}});
  const std::string bytes = bytes_of(folder / "a");
  const std::string header = R"({"__metadata__":{"format":"pt","k":"v\""},)"
                             R"("n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                             R"("w":{"dtype":"F32","shape":[3,2],"data_offsets":[8,32]}})";
  const std::size_t padded = 192 - 8;
  REQUIRE(header.size() <= padded);
  std::string expected = safetensors_of(header + std::string(padded - header.size(), ' '));
  expected += std::string("\x07\0\0\0\0\0\0\0", 8);
  for (int i = 0; i < 6; ++i) expected += std::string("\0\0\x80\x3F", 4);
  CHECK(bytes == expected);
}

TEMPLATE_TEST_CASE("safetensors: what is written comes back bit by bit", "[safetensors]", float,
                   double) {
  using S = TestType;
  const Folder folder;
  const Matrix<S> wide = peculiar_numbers<S>(3, 7), none(4, 0);
  const Vector<S> one = peculiar_numbers<S>(5, 1);
  write_safetensors(folder / "a", {tensor_view("wide", wide), tensor_view("none", none),
                                   tensor_view("a.vector", one)});
  SafetensorsFile file(folder / "a");
  CHECK(same_bits<S>(file.matrix<S>("wide"), wide));
  CHECK(same_bits<S>(file.matrix<S>("none"), none));
  CHECK(same_bits<S>(file.matrix<S>("a.vector"), one));
  CHECK(file.tensors().size() == 3);
  CHECK(file.tensor("wide").shape == std::vector<Index>{7, 3});
  CHECK(file.tensor("wide").begin % sizeof(S) == 0);
  CHECK(file.metadata() == FileMetadata{{"format", "pt"}});
  // The other type: rounded, as a cast does.
  using Other = std::conditional_t<std::same_as<S, float>, double, float>;
  const Matrix<Other> rounded = file.matrix<Other>("a.vector");
  CHECK(rounded(0) == Other(0));
  CHECK(rounded(2) == std::numeric_limits<Other>::infinity());
  CHECK(std::isnan(rounded(3)));
}

TEST_CASE("safetensors: halves are read as they are worth", "[safetensors]") {
  const Folder folder;
  // 1.5, -2, the largest half; 1.5, -2, infinity.
  const std::string data("\x00\x3E\x00\xC0\xFF\x7B\xC0\x3F\x00\xC0\x80\x7F", 12);
  const fs::path path = folder.holding(safetensors_of(
      "{" + tensor("h", "F16", "[3]", 0, 6) + "," + tensor("b", "BF16", "[1,3]", 6, 12) + "}",
      data));
  SafetensorsFile file(path);
  Vector<float> halves(3);
  halves << 1.5F, -2, 65504;
  CHECK(file.matrix<float>("h") == halves);
  const Matrix<double> brains = file.matrix<double>("b");
  REQUIRE(brains.rows() == 3);
  CHECK(brains(0) == 1.5);
  CHECK(brains(1) == -2);
  CHECK(brains(2) == std::numeric_limits<double>::infinity());
}

TEST_CASE("safetensors: what the reference writes is read", "[safetensors]") {
  const Folder folder;
  // No padding, so data that are not aligned; no metadata; a tensor of no numbers; any order.
  const std::string data("\x01\0\0\x80\x3F\0\0\0\x40", 9);
  const fs::path path = folder.holding(safetensors_of(
      "{" + tensor("z", "F32", "[2]", 1, 9) + ", " + tensor("none", "F32", "[0, 5]", 1, 1) +
          " ,\n" + tensor("a\\u00e9", "BOOL", "[1]", 0, 1) + "}  ",
      data));
  SafetensorsFile file(path);
  CHECK(file.matrix<float>("z") == (Vector<float>(2) << 1, 2).finished());
  CHECK(file.tensors().contains("a\xC3\xA9"));
  CHECK(file.matrix<float>("none").rows() == 5);
  const std::string start = "cannot read " + path.string() + ": ";
  CHECK(error_of([&] { (void)file.matrix<float>("y"); }) == start + "it has no tensor \"y\"");
  CHECK(error_of([&] { (void)file.matrix<float>("a\xC3\xA9"); }) ==
        start + "its tensor \"a??\" is of type BOOL; read are F32, F64, F16 and BF16");
}

TEST_CASE("safetensors: malformed files are refused", "[safetensors]") {
  const Folder folder;
  const auto refused = [&](const std::string& header, std::size_t data = 0) {
    return complaint(folder, safetensors_of(header, std::string(data, '\0')));
  };
  CHECK(complaint(folder, "") ==
        "it is no safetensors file: it ends inside the length of its header");
  CHECK(complaint(folder, "1234567") ==
        "it is no safetensors file: it ends inside the length of its header");
  CHECK(complaint(folder, std::string(8, '\xFF') + "{}") ==
        "its header would be 18446744073709551615 bytes long; it is no safetensors file");
  CHECK(complaint(folder, std::string("\x03\0\0\0\0\0\0\0{}", 10)) ==
        "its header would be 3 bytes long, and it has 2 after the length");
  CHECK(refused("") == "its header does not begin with {");
  CHECK(refused(" {}") == "its header does not begin with {");
  CHECK(refused("{}").empty());
  CHECK(refused("{}x") == "its header is no JSON: byte 3 of 3 cannot stand there");
  CHECK(says(refused("{\"\xFF\":1}"), "its header is no JSON"));
  CHECK(refused("{\"__metadata__\":[]}") == "its __metadata__ is no object");
  CHECK(refused("{\"__metadata__\":{\"k\":1}}") == "the \"k\" of its __metadata__ is no text");
  CHECK(refused("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}") ==
        "its header has the name \"k\" twice");
  const std::string a = tensor("a", "F32", "[1]", 0, 4), b = tensor("b", "F32", "[1]", 4, 8);
  CHECK(refused("{" + a + "," + b + "}", 8).empty());
  CHECK(refused("{" + a + "," + a + "}", 4) == "its header has the name \"a\" twice");
  CHECK(refused("{" + a + "}", 8) == "its tensors take 4 bytes, and it has 8");
  CHECK(refused("{" + a + "," + b + "}", 7) == "its tensors take 8 bytes, and it has 7");
  CHECK(refused("{" + b + "}", 8) == "there are 4 bytes of no tensor before its tensor \"b\"");
  CHECK(refused("{" + a + "," + tensor("b", "F32", "[1]", 2, 6) + "}", 6) ==
        "its tensor \"b\" overlaps the one before it");
  CHECK(refused("{" + a + "," + tensor("b", "F32", "[1]", 0, 4) + "}", 4) ==
        "its tensor \"b\" overlaps the one before it");
  CHECK(refused("{" + tensor("a", "F32", "[2]", 0, 4) + "}", 4) ==
        "its tensor \"a\", F32 [2], takes 8 bytes, its data_offsets 4");
  CHECK(refused("{" + tensor("a", "F5", "[1]", 0, 4) + "}", 4) ==
        "its tensor \"a\" is of the unknown type \"F5\"");
  CHECK(refused("{" + tensor("a", "F32", "[1]", 4, 0) + "}", 4) ==
        "the data_offsets of \"a\" are no begin and end");
  // 2^32 x 2^32 x 4 bytes is 0 modulo 2^64, and so is 2^62 x 4.
  CHECK(refused("{" + tensor("a", "F32", "[4294967296,4294967296]", 0, 0) + "}") ==
        "its tensor \"a\", F32 [4294967296, 4294967296], is too large");
  CHECK(refused("{" + tensor("a", "F32", "[4611686018427387904]", 0, 0) + "}") ==
        "its tensor \"a\", F32 [4611686018427387904], is too large");
  CHECK(refused("{" + tensor("a", "F32", "[9223372036854775808]", 0, 0) + "}") ==
        "the shape of \"a\" has a number that is too large");
  for (const std::string shape : {"[-1]", "[1.0]", "[\"1\"]", "1", "[1e30]", "null", "[[1]]"})
    CHECK(refused("{" + tensor("a", "F32", shape, 0, 4) + "}", 4) ==
          "the shape of \"a\" is no list of whole numbers of at least 0");
  const std::string parts =
      "its tensor \"a\" should have a dtype, a shape and data_offsets, and nothing else";
  CHECK(refused("{\"a\":1}") == parts);
  CHECK(refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}") == parts);
  CHECK(refused("{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4) == parts);
  CHECK(refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4) ==
        parts);
}

TEST_CASE("safetensors: no truncation and no wrong byte does worse than a refusal",
          "[safetensors]") {
  const Folder folder;
  const Matrix<float> w = Matrix<float>::Ones(2, 3);
  const std::int64_t n = 7;
  write_safetensors(folder / "a", {tensor_view("w", w), tensor_view("n", n)});
  const std::string bytes = bytes_of(folder / "a");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    CHECK(!complaint(folder, bytes.substr(0, length)).empty());
  for (std::size_t at = 0; at < bytes.size() - 32; ++at)  // all but the data
    for (const char wrong : {'\0', '\xFF', '9', '"', ',', '{', '}', '[', ']', '-', 'e'}) {
      std::string changed = bytes;
      changed[at] = wrong;
      const std::string what = complaint(folder, changed);
      CHECK(!what.starts_with("unnamed"));
    }
}

TEST_CASE("safetensors: what cannot be written is refused, and the old file stays",
          "[safetensors]") {
  const Folder folder;
  const fs::path path = folder / "a";
  write_whole(path, "old");
  const Matrix<float> w = Matrix<float>::Ones(2, 3);
  CHECK(message_of([&] {
          write_safetensors(path, {tensor_view("w", w), tensor_view("w", w)});
        }) == "write_safetensors: two tensors are called \"w\"");
  CHECK(message_of([&] { write_safetensors(path, {tensor_view("__metadata__", w)}); }) ==
        "write_safetensors: no tensor may be called \"__metadata__\"");
  CHECK(message_of([&] { write_safetensors(path, {tensor_view("\xFF", w)}); }) ==
        "write_safetensors: a name or the metadata is not UTF-8");
  CHECK(message_of([&] {
          write_safetensors(path, {}, {{"k", "\xFF"}});
        }) == "write_safetensors: a name or the metadata is not UTF-8");
  CHECK(message_of([&] {
          write_safetensors(path, {{"w", "F16", {1}, w.data()}});
        }) == "write_safetensors: the tensor \"w\" is F16; written are F32, F64 and I64");
  CHECK(bytes_of(path) == "old");
  // A writing cut off at any point.
  const Matrix<double> large = Matrix<double>::Ones(100, 100);
  for (const std::size_t limit : {50U, 1000U, 50000U}) {
    const test::FileSizeLimit full_disk(limit);
    CHECK(error_of([&] { write_safetensors(path, {tensor_view("w", large)}); }) ==
          "cannot write " + path.string() + ": File too large");
  }
  CHECK(bytes_of(path) == "old");
  CHECK(folder.entries() == 1);
}

// ---- fields

TEST_CASE("fields: every kind comes back bit by bit, into empty values and full ones", "[fields]") {
  const Folder folder;
  const State state = some_state();
  const Matrix<double> alone = peculiar_numbers<double>(2, 2);
  write_fields(folder / "a", {{"note", "x"}}, fields_of("training", state),
               fields_of("alone", alone));
  SafetensorsFile file(folder / "a");
  CHECK(file.tensors().size() == 8);
  CHECK(file.tensor("training.first.weights").shape == std::vector<Index>{4, 3});
  CHECK(file.tensor("training.steps").dtype == "I64");
  CHECK(file.tensor("training.rate").shape.empty());

  State empty;
  Matrix<double> again;
  const FileMetadata metadata =
      read_fields(folder / "a", fields_of("training", empty), fields_of("alone", again));
  CHECK(metadata == FileMetadata{{"format", "pt"}, {"note", "x"}});
  check_same(empty, state);
  CHECK(same_bits<double>(again, alone));

  State full = some_state();
  full.first.weights.setZero();
  full.ages = {1, 2, 3};
  full.steps = 0;
  read_fields(folder / "a", fields_of("training", full), fields_of("alone", again));
  check_same(full, state);
}

TEST_CASE("fields: what does not fit is refused by name and changes nothing", "[fields]") {
  const Folder folder;
  const fs::path path = folder / "a";
  State state = some_state();
  write_fields(path, {}, fields_of("t", state));
  const std::string start = "cannot read " + path.string() + ": ";

  State other = some_state();
  other.steps = 1;
  other.second.weights.resize(5, 2);  // visited late: what comes before fits
  const State before = other;
  CHECK(error_of([&] { read_fields(path, fields_of("t", other)); }) ==
        start + "its \"t.second.weights\" is F32 [5, 2], expected F32 [2, 5]");
  check_same(other, before);

  State fitting;
  Vector<float> missing(3);
  CHECK(error_of([&] {
          read_fields(path, fields_of("t", fitting), fields_of("missing", missing));
        }) == start + "it has no tensor \"missing\"");
  check_same(fitting, State());

  Inner part;
  CHECK(error_of([&] { read_fields(path, fields_of("t.first", part)); }) ==
        start + "it has \"t.ages\", which is not asked for");
  CHECK(part.weights.size() == 0);

  const auto refusal_of = [&](auto field, auto wanted) {
    write_fields(path, {}, fields_of("x", field));
    return error_of([&] { read_fields(path, fields_of("x", wanted)); });
  };
  CHECK(refusal_of(1.0, std::int64_t{1}) == start + "its \"x\" is F64 [], expected I64 []");
  CHECK(refusal_of(Vector<float>(2), Vector<double>()) ==
        start + "its \"x\" is F32 [2], expected F64 [0]");
  CHECK(refusal_of(Vector<float>(2), Matrix<float>()) ==
        start + "its \"x\" is F32 [2], expected F32 [0, 0]");
  CHECK(refusal_of(Matrix<float>(2, 1), Vector<float>(2)) ==
        start + "its \"x\" is F32 [1, 2], expected F32 [2]");
  CHECK(refusal_of(Vector<float>(2), Vector<float>(3)) ==
        start + "its \"x\" is F32 [2], expected F32 [3]");
  CHECK(refusal_of(std::vector<std::int64_t>{}, std::vector<std::int64_t>{1}) ==
        start + "its \"x\" is I64 [0], expected I64 [1]");
}
