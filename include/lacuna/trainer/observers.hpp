// SPDX-License-Identifier: MIT
#ifndef LACUNA_TRAINER_OBSERVERS_HPP
#define LACUNA_TRAINER_OBSERVERS_HPP

#include <tuple>
#include <utility>

#include <lacuna/concepts/observer.hpp>

namespace lacuna {

/// Several observers as one: all are told of every step, in order, and the training goes on if all
/// say so. Models `Observer`. Made by `observers`.
template <Observer... Os>
class Observers {
 public:
  explicit Observers(Os&&... parts) : parts_(std::forward<Os>(parts)...) {}

  bool operator()(const Progress& progress) {
    bool go_on = true;
    // The call stands first: one that ends the training keeps the step from no other.
    const auto tell = [&](auto& part) { go_on = part(progress) && go_on; };
    std::apply([&](auto&... parts) { (tell(parts), ...); }, parts_);
    return go_on;
  }

 private:
  std::tuple<Os...> parts_;
};

/// @param parts  observers; a named one is referred to, so that it can be asked afterwards, and
/// must
///               live as long; a temporary is moved in.
///
/// @code
/// EarlyStop stop({.checks = 20, .steps_a_check = 500});
/// trainer.fit(model, source, observers(ProgressBar(), CsvLog("loss.csv"), stop));
/// if (stop.stopped()) std::puts("the loss had settled");
/// @endcode
template <Observer... Os>
[[nodiscard]] Observers<Os...> observers(Os&&... parts) {
  return Observers<Os...>(std::forward<Os>(parts)...);
}

}  // namespace lacuna

#endif  // LACUNA_TRAINER_OBSERVERS_HPP
