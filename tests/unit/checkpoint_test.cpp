// SPDX-License-Identifier: MIT
// Files of tensors, of fields and of models: what comes back has the same bits, what does not fit
// changes nothing, and every malformed file is refused by name.
#include <algorithm>
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
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/io/checkpoint.hpp>
#include <lacuna/io/fields_file.hpp>
#include <lacuna/io/model_file.hpp>
#include <lacuna/io/safetensors.hpp>
#include <lacuna/signal/in_memory_source.hpp>
#include <lacuna/trainer/alternating.hpp>
#include <lacuna/trainer/auxiliary_k.hpp>
#include <lacuna/trainer/early_stop.hpp>
#include <lacuna/trainer/joint.hpp>
#include <lacuna/trainer/observers.hpp>
#include <lacuna/trainer/replace_atoms.hpp>
#include <lacuna/trainer/resample.hpp>
#include <lacuna/update/block_coordinate.hpp>

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

constexpr Index dim = 5, num_atoms = 7;

UnitNormDictionary<float> some_dictionary(std::uint64_t seed = 1) {
  return UnitNormDictionary<float>(random_normal<float>(dim, num_atoms, seed));
}

/// Unit atoms as rounding leaves them, only more so: whoever rescales them changes their bits.
UnitNormDictionary<float> rounded_dictionary() {
  return UnitNormDictionary<float>::from_unit_atoms(some_dictionary(2).atoms() * 1.0005F);
}

template <class T, class D, class E>
void check_same_model(const Model<T, D, E>& a, const Model<T, D, E>& b) {
  using S = ScalarOf<D>;
  CHECK(same_bits<S>(a.dictionary.atoms(), b.dictionary.atoms()));
  CHECK(same_bits<S>(Matrix<S>(a.encoder.parameters()), Matrix<S>(b.encoder.parameters())));
  const Matrix<S> signals = random_normal<S>(dim, 20, 9);
  const auto codes = a.encode(signals), again = b.encode(signals);
  CHECK(Matrix<S>(codes) == Matrix<S>(again));
  CHECK(a.decode(codes) == b.decode(again));
}

/// Through a file and back: the kind, the settings, the bits.
template <class T, class D, class E>
void check_model_file(const T& transform, const D& dictionary, E encoder, const std::string& kind) {
  INFO(kind);
  const Folder folder;
  auto parameters = encoder.parameters();
  parameters += .1 * random_normal<ScalarOf<D>>(parameters.size(), 1, 4);
  const Model model{transform, dictionary, encoder};
  save_model(folder / "a", model, {{"note", "mine"}});
  const ModelKinds kinds = read_model_kinds(folder / "a");
  CHECK(kinds.encoder == kind);
  CHECK(kinds.dim == dim);
  CHECK(kinds.num_atoms == num_atoms);
  CHECK(kinds.metadata.at("note") == "mine");
  int visits = 0;
  const bool known = with_encoder_kind<ScalarOf<D>>(kinds.encoder, [&]<class Found>() {
    ++visits;
    CHECK(std::same_as<Found, E>);
  });
  CHECK((known && visits == 1));
  const auto again = load_model<Model<T, D, E>>(folder / "a", 2);
  CHECK(again.encoder.options().threads == 2);
  check_same_model(model, again);
  // What the settings are shows in a second file: it is the first, byte by byte.
  save_model(folder / "b", again, {{"note", "mine"}});
  CHECK(bytes_of(folder / "a") == bytes_of(folder / "b"));
}

/// All that a training with an early stop remembers beside its model.
struct Run {
  JointState<float, Adam> training;
  EarlyStop stop;
  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {
    visit("training", self.training);
    visit("stop", self.stop);
  }
};

/// Interrupts a training after 17 steps, goes on from its file with objects made anew by
/// `make_model(seed)`, and compares with the training that was not interrupted, in every bit that
/// a file has.
template <class Trainer, class MakeModel>
void check_resumed_from_file(const Trainer& trainer, const MakeModel& make_model) {
  INFO("seeds 1, 8 and 11");
  const Folder folder;
  const InMemorySource<float> source(random_normal<float>(dim, 30, 11), {.batch_size = 8});
  // Nothing is better by so much: 3 checks after the first, of 7 steps each, end it.
  const EarlyStop stop({.delta = 1e9, .checks = 3, .steps_a_check = 7});
  double most_dead = 0;
  const auto watch = [&](const Progress& progress) {
    most_dead = std::max(most_dead, progress.dead_share);
    return true;
  };

  auto whole = make_model(1);
  whole.encoder.parameters()[whole.encoder.parameters().size() - 2] = -100;  // a bias: it is dead
  auto model = whole;
  Run whole_run{trainer.start(whole), stop};
  const Outcome outcome = trainer.resume(whole, whole_run.training, InMemorySource<float>(source),
                                         observers(whole_run.stop, watch));
  CHECK(outcome.status == Status::stopped);
  CHECK(outcome.steps == 28);
  CHECK(most_dead > 0);
  save_checkpoint(folder / "whole", whole, whole_run);

  Run run{trainer.start(model), stop};
  trainer.resume(model, run.training, InMemorySource<float>(source),
                 observers(run.stop, [&](const Progress& progress) {
                   if (progress.step < 17) return true;
                   save_checkpoint(folder / "half", model, run);
                   return false;
                 }));
  auto again = make_model(8);
  Run again_run{trainer.start(again), stop};
  load_checkpoint(folder / "half", again, again_run);
  CHECK(again_run.training.step == 17);
  trainer.resume(again, again_run.training, InMemorySource<float>(source),
                 observers(again_run.stop));
  save_checkpoint(folder / "again", again, again_run);
  CHECK(bytes_of(folder / "again") == bytes_of(folder / "whole"));
  CHECK(bytes_of(folder / "half") != bytes_of(folder / "whole"));
}

/// The same of an alternating training, interrupted after 11 rounds.
template <class Trainer, class E>
void check_alternating_resumed(const Trainer& trainer, const E& encoder) {
  INFO("seeds 1, 8 and 12");
  const Folder folder;
  const InMemorySource<float> source(random_normal<float>(dim, 60, 12), {.batch_size = 20});
  const auto model_with = [&](std::uint64_t seed) {
    return Model{Identity{}, some_dictionary(seed), encoder};
  };
  auto whole = model_with(1);
  auto whole_state = trainer.start(whole);
  const Outcome outcome = trainer.resume(whole, whole_state, InMemorySource<float>(source));
  save_checkpoint(folder / "whole", whole, whole_state);

  auto model = model_with(1);
  auto state = trainer.start(model);
  trainer.resume(model, state, InMemorySource<float>(source), [&](const Progress& progress) {
    if (progress.step < 11) return true;
    save_checkpoint(folder / "half", model, state);
    return false;
  });
  auto again = model_with(8);
  auto again_state = trainer.start(again);
  load_checkpoint(folder / "half", again, again_state);
  CHECK(again_state.step == 11);
  CHECK(again_state.use == state.use);
  const Outcome resumed = trainer.resume(again, again_state, InMemorySource<float>(source));
  CHECK(resumed.steps == outcome.steps);
  CHECK(resumed.loss == outcome.loss);
  CHECK(resumed.flops == outcome.flops);
  save_checkpoint(folder / "again", again, again_state);
  CHECK(bytes_of(folder / "again") == bytes_of(folder / "whole"));
  CHECK(bytes_of(folder / "half") != bytes_of(folder / "whole"));
}

/// A safetensors file's bytes with other metadata; of one length, so that all else stays.
std::string with_text(std::string bytes, const std::string& from, const std::string& to) {
  REQUIRE(from.size() == to.size());
  const std::size_t at = bytes.find(from);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at, from.size(), to);
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
  CHECK(refused("{" + tensor("a", "F32", "[1e999]", 0, 4) + "}", 4) ==
        "its header has a number that is too large");
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

// ---- models

TEST_CASE("unit atoms are taken as they are, others refused", "[dictionary]") {
  const Matrix<float> atoms = rounded_dictionary().atoms();
  CHECK(same_bits<float>(atoms, some_dictionary(2).atoms() * 1.0005F));
  CHECK_FALSE(same_bits<float>(UnitNormDictionary<float>(atoms).atoms(), atoms));
  CHECK(same_bits<float>(UnitNormDictionary<float>::from_unit_atoms(atoms).atoms(), atoms));
  Matrix<float> longer = atoms;
  longer.col(3) *= 1.002F;
  CHECK(message_of([&] { (void)UnitNormDictionary<float>::from_unit_atoms(longer); }) ==
        "UnitNormDictionary::from_unit_atoms: atom 3 has length " +
            std::to_string(longer.col(3).norm()) + ", expected 1");
  longer(0, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK(says(message_of([&] { (void)UnitNormDictionary<float>::from_unit_atoms(longer); }),
             "atoms column 3 holds a NaN"));
  CHECK(says(message_of([] { (void)UnitNormDictionary<float>::from_unit_atoms({}); }), "no atoms"));
}

TEST_CASE("model files: every kind of encoder is found out and made anew", "[model_file]") {
  const auto d = rounded_dictionary();
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 3};
  check_model_file(Identity{}, d, LinearReluEncoder<float>(init), "linear_relu");
  check_model_file(Identity{}, d, LinearReluEncoder<float>(tied_weights(d)), "linear_relu");
  check_model_file(Identity{}, d, TopKEncoder<float>(init, 3), "top_k");
  BatchTopKEncoder<float> batch_top_k(init, 2, {.decay = 0.9});
  batch_top_k.set_statistics(Vector<double>{{0.1, 7}});
  check_model_file(Identity{}, d, batch_top_k, "batch_top_k");
  check_model_file(Identity{}, d,
                   JumpReluEncoder<float>(init, {.threshold = .1, .bandwidth = 1e-2}), "jump_relu");
  check_model_file(Identity{}, d, GatedEncoder<float>(init), "gated");
  check_model_file(Identity{}, d, MlpEncoder<float>(init, {.hidden = {4, 9}}), "mlp");
  check_model_file(Identity{}, d, MlpEncoder<float>(init, {.hidden = {}}), "mlp");
  check_model_file(Identity{}, d, ListaEncoder<float>(d, {.layers = 3, .momentum = true}), "lista");
  check_model_file(Identity{}, d, ListaEncoder<float>(d, {.layers = 4, .tied = true}), "lista");
}

TEST_CASE("model files: every transform and dictionary", "[model_file]") {
  const Vector<double> bias = random_normal<double>(dim, 1, 5);
  const DenseDictionary<double> d(random_normal<double>(dim, num_atoms, 6));
  const TopKEncoder<double> encoder(tied_weights(d), 2);
  check_model_file(LearnedBias<double>(bias), d, encoder, "top_k");
  check_model_file(Centre<double>(bias), d, encoder, "top_k");
  check_model_file(Scale<double>(0.1), d, encoder, "top_k");
}

TEST_CASE("model files: composed transforms have the numbers of their parts", "[model_file]") {
  const Vector<double> bias = random_normal<double>(dim, 1, 5);
  const Vector<double> mean = random_normal<double>(dim, 1, 7);
  const DenseDictionary<double> d(random_normal<double>(dim, num_atoms, 6));
  const TopKEncoder<double> encoder(tied_weights(d), 2);
  const Composed scaled(Scale<double>(0.1), LearnedBias<double>(bias));
  const Composed all(Centre<double>(mean), scaled);
  check_model_file(scaled, d, encoder, "top_k");
  check_model_file(all, d, encoder, "top_k");

  const Folder folder;
  const fs::path path = folder / "file";
  const Model model{all, d, encoder};
  const std::string name = "composed(centre,composed(scale,learned_bias))";
  save_model(path, model);
  CHECK(read_model_kinds(path).transform == name);
  const auto again = load_model<std::remove_const_t<decltype(model)>>(path);
  CHECK(same_bits<double>(again.transform.first().mean(), mean));
  CHECK(again.transform.second().first().scale() == 0.1);
  CHECK(same_bits<double>(again.transform.second().second().bias(), bias));
  Model other{Composed(Centre<double>(bias), Composed(Scale<double>(2), LearnedBias<double>(mean))),
              d, encoder};
  State state;
  save_checkpoint(path, model, state);
  load_checkpoint(path, other, state);
  CHECK(same_bits<double>(other.decode(other.encode(d.atoms())),
                          model.decode(model.encode(d.atoms()))));
  // The same numbers of parts in another order are another transform.
  const std::string start = "cannot read " + path.string() + ": its metadata: the transform is ";
  using Swapped = Model<Composed<LearnedBias<double>, Scale<double>>, DenseDictionary<double>,
                        TopKEncoder<double>>;
  save_model(path, Model{scaled, d, encoder});
  CHECK(error_of([&] { (void)load_model<Swapped>(path); }) ==
        start + "composed(scale,learned_bias), expected composed(learned_bias,scale)");
}

TEST_CASE("model files: what does not fit is refused by name", "[model_file]") {
  const Folder folder;
  using M = Model<Identity, UnitNormDictionary<float>, TopKEncoder<float>>;
  const fs::path path = folder / "file";
  const std::string start = "cannot read " + path.string() + ": ";
  save_model(path,
             M{{}, some_dictionary(), TopKEncoder<float>(tied_weights(some_dictionary()), 3)});
  const std::string bytes = bytes_of(path);
  const auto refusal_of = [&]<class Wanted>() {
    return error_of([&] { (void)load_model<Wanted>(path); });
  };
  CHECK(refusal_of.operator()<M>().empty());
  CHECK(refusal_of.
        operator()<Model<Identity, UnitNormDictionary<float>, LinearReluEncoder<float>>>() ==
        start + "its metadata: the encoder is top_k, expected linear_relu");
  CHECK(refusal_of.operator()<Model<Identity, DenseDictionary<float>, TopKEncoder<float>>>() ==
        start + "its metadata: the dictionary is unit_norm, expected dense");
  CHECK(refusal_of.
        operator()<Model<LearnedBias<float>, UnitNormDictionary<float>, TopKEncoder<float>>>() ==
        start + "it has no tensor \"model.transform.parameters\"");
  CHECK(refusal_of.operator()<Model<Identity, UnitNormDictionary<double>, TopKEncoder<double>>>() ==
        start + "its \"model.dictionary.atoms\" is F32 [7, 5], expected F64 [0, 0]");

  const auto refusal_with = [&](const std::string& from, const std::string& to) {
    (void)folder.holding(with_text(bytes, from, to));
    return refusal_of.operator()<M>();
  };
  CHECK(refusal_with("\"k\":\"3\"", "\"k\":\"0\"") == start + "its metadata have k = \"0\"");
  CHECK(refusal_with("\"k\":\"3\"", "\"k\":\"x\"") == start + "its metadata have k = \"x\"");
  CHECK(refusal_with("\"k\":\"3\"", "\"q\":\"3\"") == start + "its metadata have no k");
  CHECK(refusal_with("\"bias\":\"false\"", "\"bias\":\"true\" ") ==
        start + "its model.encoder.parameters: there are 35, expected 42");
  CHECK(refusal_with("\"weights_by_atom\"", "\"weights_by_acid\"") ==
        start + "its metadata have no weights_by_atom");
  CHECK(refusal_with("\"bias\":\"false\"", "\"bias\":\"maybe\"") ==
        start + "its metadata have bias = \"maybe\"");
  std::string longer = bytes;  // the last tensor's last bytes are a parameter, the first an atom
  const std::size_t data = 8 + static_cast<unsigned char>(bytes[8 - 8]) +
                           std::size_t{256} * static_cast<unsigned char>(bytes[1]);
  std::memcpy(&longer[data], "\0\0\0\x41", 4);  // 8.0
  (void)folder.holding(longer);
  CHECK(refusal_of.operator()<M>().starts_with(
      start + "UnitNormDictionary::from_unit_atoms: atom 0 has length 8.0"));

  const Matrix<float> w = Matrix<float>::Ones(2, 2);
  write_safetensors(path, {tensor_view("w", w)});
  CHECK(error_of([&] { (void)read_model_kinds(path); }) ==
        start + "it holds no model: its metadata do not say the encoder");
  CHECK(message_of([&] {
          save_model(
              path,
              M{{}, some_dictionary(), TopKEncoder<float>(tied_weights(some_dictionary()), 3)},
              {{"k", "5"}});
        }) == "save_model: the metadata may not have \"k\", which says what the model is");
}

TEST_CASE("model files: a wrong number of layers or widths takes no memory", "[model_file]") {
  const Folder folder;
  const fs::path path = folder / "file";
  const std::string start = "cannot read " + path.string() + ": ";
  const auto d = some_dictionary();
  using Mlp = Model<Identity, UnitNormDictionary<float>, MlpEncoder<float>>;
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms};
  save_model(path, Mlp{{}, d, MlpEncoder<float>(init, {.hidden = {11, 9, 8}})});
  const std::string mlp = bytes_of(path);
  for (const auto& [text, refusal] : std::vector<std::pair<std::string, std::string>>{
           {"200000", "its metadata have hidden = \"200000\", expected at most 282"},
           {"200,20", "its hidden layers take more parameters than it has"},
           {"11,9,9", "its hidden layers take more parameters than it has"},
           {"10,9,8", "its model.encoder.parameters: there are 282, expected 268"},
           {"11,9,,", "its metadata have hidden = \"\""},
           {"11,,98", "its metadata have hidden = \"\""},
           {"11,9.8", "its metadata have hidden = \"9.8\""}}) {
    (void)folder.holding(with_text(mlp, "11,9,8", text));
    CHECK(error_of([&] { (void)load_model<Mlp>(path); }) == start + refusal);
  }
  using Lista = Model<Identity, UnitNormDictionary<float>, ListaEncoder<float>>;
  save_model(path, Lista{{}, d, ListaEncoder<float>(d, {.layers = 12})});
  (void)folder.holding(with_text(bytes_of(path), "\"layers\":\"12\"", "\"layers\":\"99\""));
  CHECK(error_of([&] { (void)load_model<Lista>(path); }) ==
        start + "its metadata have layers = \"99\", expected at most 25");
  // Layers that share their weights need no room in the file, and yet are not without end.
  save_model(path, Lista{{}, d, ListaEncoder<float>(d, {.layers = 1234567, .tied = true})});
  CHECK(error_of([&] { (void)load_model<Lista>(path); }) ==
        start + "its metadata have layers = \"1234567\", expected at most 1000000");
}

TEST_CASE("model files and checkpoints: what is not finite is refused by name", "[model_file]") {
  const Folder folder;
  const fs::path path = folder / "file";
  const std::string start = "cannot read " + path.string() + ": its model.";
  using M = Model<LearnedBias<float>, DenseDictionary<float>, JumpReluEncoder<float>>;
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms};
  const M model{LearnedBias<float>(Vector<float>::Zero(dim)),
                DenseDictionary<float>(some_dictionary().atoms()), JumpReluEncoder<float>(init)};
  const auto check_refusal = [&](const M& broken, const std::string& field) {
    save_checkpoint(path, broken, State());
    const std::string expected = start + field + ": they hold a NaN or an infinity";
    CHECK(error_of([&] { (void)load_model<M>(path); }) == expected);
    M loaded = model;
    State state;
    CHECK(error_of([&] { load_checkpoint(path, loaded, state); }) == expected);
    check_same_model(loaded, model);
  };
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    M broken = model;
    broken.transform.parameters()[1] = bad;
    check_refusal(broken, "transform.parameters");
    for (const Index i : {Index(0), model.encoder.parameters().size() - 1}) {
      broken = model;
      broken.encoder.parameters()[i] = bad;
      check_refusal(broken, "encoder.parameters");
    }
  }
  // Dictionaries take no such atoms, so they must come from the file.
  save_checkpoint(path, model, State());
  const auto raw = [](float value) {
    std::string bytes(sizeof(value), '\0');
    std::memcpy(bytes.data(), &value, sizeof(value));
    return bytes;
  };
  (void)folder.holding(with_text(bytes_of(path), raw(model.dictionary.atoms()(2, 3)),
                                 raw(std::numeric_limits<float>::quiet_NaN())));
  CHECK(error_of([&] { (void)load_model<M>(path); }) ==
        start + "dictionary.atoms: they hold a NaN or an infinity");
}

TEST_CASE("checkpoints: model and state come back bit by bit", "[checkpoint]") {
  const Folder folder;
  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 3};
  using M = Model<LearnedBias<float>, UnitNormDictionary<float>, BatchTopKEncoder<float>>;
  M model{LearnedBias<float>(random_normal<float>(dim, 1, 2)), rounded_dictionary(),
          BatchTopKEncoder<float>(init, 2)};
  model.encoder.set_statistics(Vector<double>{{0.1, 7}});
  const State state = some_state();
  save_checkpoint(folder / "a", model, state, {{"step", "12"}});

  M again{LearnedBias<float>(Vector<float>::Zero(dim)), some_dictionary(5),
          BatchTopKEncoder<float>({.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = 9}, 2,
                                  {.threads = 2})};
  State state_again;
  const FileMetadata metadata = load_checkpoint(folder / "a", again, state_again);
  CHECK(metadata.at("step") == "12");
  check_same(state_again, state);
  check_same_model(again, model);
  CHECK(again.transform.bias() == model.transform.bias());
  CHECK(again.encoder.statistics() == model.encoder.statistics());
  CHECK(again.encoder.options().threads == 2);
  // A checkpoint is a model's file too.
  check_same_model(load_model<M>(folder / "a"), model);
  CHECK(read_model_kinds(folder / "a").transform == "learned_bias");
}

TEST_CASE("checkpoints: what does not fit changes neither model nor state", "[checkpoint]") {
  const Folder folder;
  const fs::path path = folder / "a";
  const std::string start = "cannot read " + path.string() + ": ";
  using M = Model<Identity, UnitNormDictionary<float>, TopKEncoder<float>>;
  const auto d = rounded_dictionary();
  const M model{{}, d, TopKEncoder<float>(tied_weights(d), 2)};
  const State state = some_state();
  save_checkpoint(path, model, state);

  const auto refusal_for = [&](const auto& other, const State& other_state) {
    auto loaded = other;
    State loaded_state = other_state;
    const std::string message = error_of([&] { load_checkpoint(path, loaded, loaded_state); });
    check_same_model(loaded, other);
    check_same(loaded_state, other_state);
    return message;
  };
  CHECK(refusal_for(Model{Identity{}, d, LinearReluEncoder<float>(tied_weights(d))}, State()) ==
        start + "its metadata: the encoder is top_k, expected linear_relu");
  CHECK(refusal_for(Model{Identity{}, DenseDictionary<float>(d.atoms()), model.encoder}, State()) ==
        start + "its metadata: the dictionary is unit_norm, expected dense");
  CHECK(refusal_for(
            M{{}, d, TopKEncoder<float>(tied_weights(d), 2, Vector<float>::Zero(num_atoms))},
            State()) == start + "its \"model.encoder.parameters\" is F32 [35], expected F32 [42]");
  State other = some_state();
  other.ages = {1};
  CHECK(refusal_for(model, other) == start + "its \"training.ages\" is I64 [3], expected I64 [1]");
  // A model of fewer atoms.
  const UnitNormDictionary<float> smaller(random_normal<float>(dim, 4, 1));
  M small{{}, smaller, TopKEncoder<float>(tied_weights(smaller), 2)};
  CHECK(error_of([&] {
          State any;
          load_checkpoint(path, small, any);
        }) == start + "its \"model.dictionary.atoms\" is F32 [7, 5], expected F32 [4, 5]");
  CHECK(small.dictionary.num_atoms() == 4);
  // Fields of another training.
  Inner inner;
  M same = model;
  CHECK(error_of([&] { load_checkpoint(path, same, inner); }) ==
        start + "it has no tensor \"training.weights\"");
  // Every file cut short.
  const std::string bytes = bytes_of(path);
  for (std::size_t length = 0; length < bytes.size(); length += 13) {
    write_whole(path, bytes.substr(0, length));
    CHECK(refusal_for(model, State()).starts_with(start));
  }
}

TEST_CASE("checkpoints: k is the file's, other settings must be those of the model",
          "[checkpoint]") {
  const Folder folder;
  const fs::path path = folder / "a";
  const auto d = some_dictionary();
  const State state = some_state();
  const auto refusal_for = [&](const auto& saved, const auto& other) {
    save_checkpoint(path, Model{Identity{}, d, saved}, state);
    Model model{Identity{}, d, other};
    State loaded;
    const std::string message = error_of([&] { load_checkpoint(path, model, loaded); });
    const std::string start = "cannot read " + path.string() + ": its metadata: the encoder's ";
    return message.starts_with(start) ? message.substr(start.size()) : message;
  };

  // A schedule went from 5 to 3; the model of the resumed training is made with 5 again.
  Model trained{Identity{}, d, TopKEncoder<float>(tied_weights(d), 5)};
  trained.encoder.set_k(3);
  save_checkpoint(path, trained, state);
  Model resumed{Identity{}, d, TopKEncoder<float>(tied_weights(d), 5)};
  State loaded;
  load_checkpoint(path, resumed, loaded);
  CHECK(resumed.encoder.k() == 3);
  check_same_model(resumed, trained);
  (void)folder.holding(with_text(bytes_of(path), "\"k\":\"3\"", "\"k\":\"0\""));
  CHECK(error_of([&] { load_checkpoint(folder / "file", resumed, loaded); }) ==
        "cannot read " + (folder / "file").string() + ": its metadata have k = \"0\"");

  const RandomWeights init{.dim = dim, .num_atoms = num_atoms, .seed = 3};
  using BatchTopK = BatchTopKEncoder<float>;
  CHECK(
      refusal_for(BatchTopK(init, 2, {.decay = 0.9}), BatchTopK(init, 4, {.decay = 0.9})).empty());
  CHECK(refusal_for(BatchTopK(init, 2, {.decay = 0.9}), BatchTopK(init, 2)) ==
        "decay is 0.9, expected 0.999");
  using JumpRelu = JumpReluEncoder<float>;
  CHECK(refusal_for(JumpRelu(init, {.bandwidth = 0.01}), JumpRelu(init, {.bandwidth = 0.02})) ==
        "bandwidth is 0.01, expected 0.02");
  CHECK(refusal_for(JumpRelu(init, {.threads = 2}), JumpRelu(init)).empty());
  using Lista = ListaEncoder<float>;
  CHECK(refusal_for(Lista(d, {.layers = 2}), Lista(d, {.layers = 2, .nonnegative = false})) ==
        "nonnegative is true, expected false");
  CHECK(refusal_for(Lista(d, {.layers = 2, .tied = true}), Lista(d, {.layers = 3, .tied = true})) ==
        "layers is 2, expected 3");
}

TEST_CASE("checkpoints: a training goes on from its file as if nothing had been", "[checkpoint]") {
  const auto model_with = [](std::uint64_t seed, auto encoder) {
    return Model{LearnedBias<float>(random_normal<float>(dim, 1, seed)), some_dictionary(seed),
                 std::move(encoder)};
  };
  const auto init = [](std::uint64_t seed) {
    return RandomWeights{.dim = dim, .num_atoms = num_atoms, .bias = true, .seed = seed};
  };
  const JointTrainerOptions options{
      .steps = 40, .k = Schedule::linear(4, 1), .max_gradient_norm = 1, .threads = 2};
  const Adam adam({.learning_rate = 0.01});
  check_resumed_from_file(
      JointTrainer(options, adam, AuxiliaryK({.window = 3})), [&](std::uint64_t seed) {
        return model_with(seed, TopKEncoder<float>(init(seed), 4, {.threads = 2}));
      });
  check_resumed_from_file(
      JointTrainer({.steps = 40}, adam, Resample({.window = 3, .every = 5})),
      [&](std::uint64_t seed) { return model_with(seed, BatchTopKEncoder<float>(init(seed), 2)); });
}

TEST_CASE("checkpoints: an alternating training goes on from its file too", "[checkpoint]") {
  // It remembers the statistics of the codes, the use of the atoms, and the encoder's k.
  check_alternating_resumed(
      AlternatingTrainer({.rounds = 24, .k = Schedule::linear(3, 1)},
                         BlockCoordinateUpdate({.memory = 70}),
                         ReplaceAtoms({.every = 3, .max_cosine = 0.3, .window = 200})),
      Truncated(TopKEncoder<float>(tied_weights(some_dictionary()), 6), 4));
}

TEST_CASE("checkpoints: a save that is cut off leaves the one before", "[checkpoint]") {
  const Folder folder;
  const fs::path path = folder / "a";
  using M = Model<Identity, UnitNormDictionary<float>, TopKEncoder<float>>;
  const auto d = rounded_dictionary();
  const M model{{}, d, TopKEncoder<float>(tied_weights(d), 2)};
  save_checkpoint(path, model, some_state());
  const std::string before = bytes_of(path);
  State later = some_state();
  later.steps = 1;
  for (std::size_t limit = 1; limit < before.size(); limit += 61) {
    const test::FileSizeLimit full_disk(limit);
    CHECK(says(error_of([&] { save_checkpoint(path, model, later); }), "File too large"));
    CHECK(bytes_of(path) == before);
  }
  CHECK(folder.entries() == 1);
  save_checkpoint(path, model, later);
  CHECK(bytes_of(path) != before);
}
