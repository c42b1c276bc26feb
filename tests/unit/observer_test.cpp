// SPDX-License-Identifier: MIT
// What watches a training: what each says at which step, what it leaves in a file, what it refuses.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lacuna/core/fields.hpp>
#include <lacuna/trainer/csv_log.hpp>
#include <lacuna/trainer/early_stop.hpp>
#include <lacuna/trainer/every.hpp>
#include <lacuna/trainer/observers.hpp>
#include <lacuna/trainer/progress_bar.hpp>

#include "support/archetypes.hpp"
#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using namespace lacuna::test;
namespace fs = std::filesystem;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

static_assert(Observer<ProgressBar> && Observer<CsvLog> && Observer<EarlyStop>);
static_assert(Observer<Every<void (*)(const Progress&)>> && Observer<Every<MinimalObserver&>>);
static_assert(Observer<Observers<NoObserver, MinimalObserver&, EarlyStop>>);
static_assert(HasFields<EarlyStop>);

/// A folder of its own, gone afterwards.
class Folder {
 public:
  Folder() {
    for (int i = 0;; ++i) {
      path_ = fs::temp_directory_path() / ("lacuna_observer_test_" + std::to_string(i));
      if (fs::create_directory(path_)) break;
    }
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A line of a log without its seconds.
std::string without_seconds(const std::string& line) { return line.substr(0, line.rfind(',')); }
double seconds_of(const std::string& line) { return std::stod(line.substr(line.rfind(',') + 1)); }

std::string runtime_message_of(const fs::path& path) {
  try {
    CsvLog log(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

/// A stream in memory on which a bar writes.
class Screen {
 public:
  [[nodiscard]] std::FILE* stream() const { return file_.get(); }
  [[nodiscard]] std::string text() const {
    std::fflush(file_.get());
    std::rewind(file_.get());
    std::string text;
    for (int c = std::fgetc(file_.get()); c != EOF; c = std::fgetc(file_.get()))
      text += static_cast<char>(c);
    return text;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_{std::tmpfile()};
};

std::size_t count_of(const std::string& text, char c) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

}  // namespace

TEST_CASE("several observers are all told, and one is enough to end", "[observer]") {
  std::string told;
  const auto saying = [&](char name, bool answer) {
    return [&told, name, answer](const Progress&) {
      told += name;
      return answer;
    };
  };
  CHECK(observers(saying('a', true), saying('b', true))({}));
  CHECK_FALSE(observers(saying('c', false), saying('d', true), saying('e', false))({}));
  CHECK(told == "abcde");
  CHECK(observers()({}));
  // A named observer is told itself, though it cannot be copied.
  MinimalObserver named;
  auto both = observers(named, observers(named, NoObserver{}));
  CHECK(both({}));
  CHECK(both({}));
  CHECK(named.seen == 4);
}

TEST_CASE("every n-th step, and the last", "[observer]") {
  std::vector<Index> seen;
  auto third = every(3, [&](const Progress& progress) { seen.push_back(progress.step); });
  for (Index step = 1; step <= 11; ++step) CHECK(third({.step = step, .total_steps = 11}));
  CHECK(seen == std::vector<Index>{3, 6, 9, 11});
  // Resumed, at the same steps; the last is told once.
  seen.clear();
  for (Index step = 8; step <= 9; ++step) CHECK(third({.step = step, .total_steps = 9}));
  CHECK(seen == std::vector<Index>{9});
  auto ends = every(2, [](const Progress&) { return false; });
  CHECK(ends({.step = 1, .total_steps = 11}));
  CHECK_FALSE(ends({.step = 2, .total_steps = 11}));
  MinimalObserver named;
  auto referring = every(2, named);
  for (Index step = 1; step <= 5; ++step) (void)referring({.step = step, .total_steps = 5});
  CHECK(named.seen == 3);
  CHECK(message_of([&] { (void)every(0, named); }) == "every: steps must be at least 1, is 0");
}

TEST_CASE("early stop by hand", "[observer]") {
  const auto step_of_end = [](EarlyStop stop, const std::vector<double>& losses) {
    for (std::size_t i = 0; i < losses.size(); ++i)
      if (!stop({.step = static_cast<Index>(i) + 1, .loss = losses[i]})) {
        CHECK(stop.stopped());
        CHECK_FALSE(stop({.loss = 0}));  // it does not change its mind
        return i + 1;
      }
    CHECK_FALSE(stop.stopped());
    return std::size_t{0};
  };
  // Better at 1, 2 and 5; worse at 3 and 4, then at 6, 7 and 8.
  const std::vector<double> losses{5, 4, 4.5, 4, 3, 3.5, 3, 9, 1};
  CHECK(step_of_end(EarlyStop({.checks = 3, .steps_a_check = 1}), losses) == 8);
  CHECK(step_of_end(EarlyStop({.checks = 2, .steps_a_check = 1}), losses) == 4);
  CHECK(step_of_end(EarlyStop({.checks = 4, .steps_a_check = 1}), losses) == 0);
  // Better by 1 is not better by more than 1. The best is the least, whether by enough or not.
  CHECK(step_of_end(EarlyStop({.delta = 1, .checks = 2, .steps_a_check = 1}), {5, 4, 3}) == 3);
  CHECK(step_of_end(EarlyStop({.delta = 0.9, .checks = 2, .steps_a_check = 1}), {5, 4, 3}) == 0);
  // Means of two steps: 3, 2, 2.5; a rest of one step is no check.
  const std::vector<double> noisy{1, 5, 4, 0, 0, 5, 100};
  CHECK(step_of_end(EarlyStop({.checks = 1, .steps_a_check = 2}), noisy) == 6);
  CHECK(step_of_end(EarlyStop({.checks = 2, .steps_a_check = 2}), noisy) == 0);
  for (const double bad : {not_a_number, infinity})
    CHECK(step_of_end(EarlyStop({.checks = 5, .steps_a_check = 3}), {1, bad, 1}) == 2);
}

TEST_CASE("an early stop made of another's fields goes on as it would", "[observer]") {
  const std::vector<double> losses{5, 4, 4.5, 4, 3, 3.5, 3, 9, 1, 8, 8, 8, 8, 8};
  const EarlyStop::Options options{.checks = 2, .steps_a_check = 2};
  for (std::size_t cut = 0; cut < losses.size(); ++cut) {
    EarlyStop whole(options), first(options), second(options);
    for (std::size_t i = 0; i < cut; ++i)
      CHECK(whole({.loss = losses[i]}) == first({.loss = losses[i]}));
    std::vector<double> numbers;
    EarlyStop::fields(std::as_const(first), [&](std::string_view, const auto& field) {
      numbers.push_back(static_cast<double>(field));
    });
    auto number = numbers.begin();
    EarlyStop::fields(second, [&](std::string_view, auto& field) {
      field = static_cast<std::remove_reference_t<decltype(field)>>(*number++);
    });
    for (std::size_t i = cut; i < losses.size(); ++i)
      REQUIRE(whole({.loss = losses[i]}) == second({.loss = losses[i]}));
    CHECK(whole.best() == second.best());
    CHECK(whole.stopped());
  }
}

TEST_CASE("early stop refuses options out of range", "[observer]") {
  for (const double bad : {-1.0, not_a_number, infinity})
    CHECK(message_of([&] { EarlyStop({.delta = bad}); }) ==
          "EarlyStop: delta must be finite and at least 0, is " + std::to_string(bad));
  CHECK(message_of([] { EarlyStop({.checks = 0}); }) ==
        "EarlyStop: checks must be at least 1, is 0");
  CHECK(message_of([] { EarlyStop({.steps_a_check = 0}); }) ==
        "EarlyStop: steps_a_check must be at least 1, is 0");
}

TEST_CASE("a CSV log has a line a step, on the disk at once", "[observer]") {
  const Folder folder;
  const fs::path path = folder / "loss.csv";
  CsvLog log(path);
  CHECK(log({.step = 1, .total_steps = 3, .loss = 0.1}));
  CHECK(lines_of(path).size() == 2);
  CHECK(log({.step = 2, .total_steps = 3, .loss = 1e-300, .mean_l0 = 2.5, .dead_share = 0.125}));
  CHECK(log({.step = 3, .total_steps = 3, .loss = -not_a_number}));
  const auto lines = lines_of(path);  // the log is still open
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "step,loss,mean_l0,dead_share,seconds");
  CHECK(without_seconds(lines[1]) == "1,0.1,nan,nan");
  CHECK(without_seconds(lines[2]) == "2,1e-300,2.5,0.125");
  CHECK(without_seconds(lines[3]) == "3,nan,nan,nan");
  CHECK(seconds_of(lines[1]) >= 0);
  CHECK(seconds_of(lines[1]) <= seconds_of(lines[2]));
}

TEST_CASE("a resumed training goes on in its log", "[observer]") {
  const Folder folder;
  const fs::path path = folder / "loss.csv";
  // Killed in its fifth step while it wrote, and resumed after the third.
  write_text(path,
             "step,loss,mean_l0,dead_share,seconds\n1,5,nan,nan,100\n2,4,nan,nan,200\n"
             "3,3,nan,nan,300\n4,2,nan,nan,400\n5,1,n");
  {
    CsvLog log(path);
    CHECK(log({.step = 4, .loss = 7}));
    CHECK(log({.step = 5, .loss = 8}));
  }
  auto lines = lines_of(path);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0] == CsvLog::header);
  CHECK(lines[3] == "3,3,nan,nan,300");
  CHECK(without_seconds(lines[4]) == "4,7,nan,nan");
  CHECK(without_seconds(lines[5]) == "5,8,nan,nan");
  CHECK(seconds_of(lines[4]) >= 300);
  CHECK(seconds_of(lines[4]) < 400);
  // Resumed after the last line: nothing is lost. Cut off: the rest of the line is.
  CHECK(CsvLog(path)({.step = 6, .loss = 9}));
  CHECK(lines_of(path).size() == 7);
  write_text(path, "step,loss,mean_l0,dead_share,seconds\n1,5,nan,nan,100\n2,4,nan,nan,2");
  CHECK(CsvLog(path)({.step = 6, .loss = 9}));
  lines = lines_of(path);
  REQUIRE(lines.size() == 3);
  CHECK(without_seconds(lines[2]) == "6,9,nan,nan");
  CHECK(seconds_of(lines[2]) < 200);
  // Begun anew, or cut off in its first line: a new log.
  CHECK(CsvLog(path)({.step = 1, .loss = 1}));
  CHECK(lines_of(path).size() == 2);
  write_text(path, "step,lo");
  CHECK(CsvLog(path)({.step = 1, .loss = 1}));
  lines = lines_of(path);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == CsvLog::header);
}

TEST_CASE("a CSV log touches nothing that is none, and says what it cannot do", "[observer]") {
  const Folder folder;
  const fs::path other = folder / "other.csv";
  for (const std::string text :
       {"a,b\n1,2\n", "step,loss\n", "step,loss,mean_l0,dead_share,seconds,\n", "\n", "no end"}) {
    write_text(other, text);
    CHECK(says(runtime_message_of(other), "other.csv: it is there and no log of a training"));
    std::stringstream after;
    after << std::ifstream(other, std::ios::binary).rdbuf();
    CHECK(after.str() == text);
  }
  CHECK(says(runtime_message_of(folder / "nowhere" / "loss.csv"), "loss.csv: it cannot be opened"));
  // /dev/full takes the open and refuses the write, as a full disk does.
  if (fs::exists("/dev/full")) {
    std::string message;
    try {
      CsvLog log("/dev/full");
      (void)log({.step = 1});
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK(message == "cannot write /dev/full: a line could not be written");
  }
}

TEST_CASE("what a progress bar says", "[observer]") {
  using detail::progress_text;
  CHECK(progress_text({.step = 5, .total_steps = 20, .loss = 0.123456}, 0) ==
        " 25 %  5/20  loss 0.1235");
  CHECK(progress_text({.step = 10, .total_steps = 20, .loss = 2}, 4) ==
        " 50 %  10/20  4.00 steps/s  0:03 left  loss 2");
  CHECK(progress_text(
            {.step = 0, .total_steps = 3600 * 1500, .loss = 1, .mean_l0 = 8.25, .dead_share = 0.5},
            1500) == "  0 %  0/5400000  1500 steps/s  1:00:00 left  loss 1  L0 8.25  dead 50.0 %");
  CHECK(progress_text({.step = 3, .total_steps = 0, .loss = not_a_number}, 0) ==
        "100 %  3/0  loss nan");
  CHECK(detail::clock_text(59.6) == "1:00");
  CHECK(detail::clock_text(3600 * 27 + 61) == "27:01:01");

  const Progress half{.step = 1, .total_steps = 2};
  CHECK(detail::with_bar("text", half, 100) == "[##########----------] text");
  CHECK(detail::with_bar("text", half, 16) == "[####----] text");
  CHECK(detail::with_bar("text", half, 12) == "[##--] text");
  CHECK(detail::with_bar("text", half, 11) == "text");
  CHECK(detail::with_bar("text", half, 4) == "tex");
  CHECK(detail::with_bar("text", half, 0).empty());
}

TEST_CASE("a bar moves on one line and ends it", "[observer]") {
  const Screen screen;
  {
    ProgressBar bar(screen.stream(), true, {.redraw_seconds = 0});
    for (Index step = 1; step <= 4; ++step) CHECK(bar({.step = step, .total_steps = 4, .loss = 1}));
    const std::string text = screen.text();
    CHECK(count_of(text, '\n') == 1);
    CHECK(text.back() == '\n');
    CHECK(says(text, "\r[#####---------------]  25 %  1/4"));
    CHECK(says(text, "100 %  4/4"));
    CHECK(says(text, "\x1b[K"));
  }
  CHECK(count_of(screen.text(), '\n') == 1);
}

TEST_CASE("a bar that is not redrawn shows the first and the last step", "[observer]") {
  const Screen screen;
  ProgressBar bar(screen.stream(), true, {.redraw_seconds = 1e9});
  for (Index step = 1; step <= 1000; ++step) (void)bar({.step = step, .total_steps = 1000});
  CHECK(count_of(screen.text(), '\r') == 2);
  // The next training has a line of its own, from its first step on.
  (void)bar({.step = 1, .total_steps = 50});
  CHECK(count_of(screen.text(), '\r') == 3);
}

TEST_CASE("a bar that was moved or ended early closes its line once", "[observer]") {
  const Screen screen;
  {
    ProgressBar bar(screen.stream(), true);
    (void)bar({.step = 1, .total_steps = 4});
    CHECK(count_of(screen.text(), '\n') == 0);
    const ProgressBar moved = std::move(bar);
  }
  CHECK(count_of(screen.text(), '\n') == 1);
}

TEST_CASE("without a terminal there are few lines, and the last", "[observer]") {
  const Screen screen;
  {
    ProgressBar bar(screen.stream(), false, {.line_seconds = 1e9});
    for (Index step = 501; step <= 1000; ++step) (void)bar({.step = step, .total_steps = 1000});
  }
  const std::string text = screen.text();
  CHECK(count_of(text, '\n') == 1);
  CHECK(count_of(text, '\r') == 0);
  CHECK(says(text, "100 %  1000/1000"));
  CHECK(says(text, " steps/s  0:00 left"));
  const Screen chatty;
  {
    ProgressBar bar(chatty.stream(), false, {.line_seconds = 0});
    for (Index step = 1; step <= 5; ++step) (void)bar({.step = step, .total_steps = 9});
  }
  CHECK(count_of(chatty.text(), '\n') == 5);
}
