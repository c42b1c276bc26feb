// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_SUPPORT_INTERRUPT_HPP
#define LACUNA_EXAMPLES_SUPPORT_INTERRUPT_HPP

#include <csignal>

namespace lacuna::examples {

/// Ctrl-C and a polite kill set a flag: long work looks at it between steps, keeps what is finished and
/// ends. A second signal ends the program at once.
class Interrupt {
 public:
  static void install() {
    std::signal(SIGINT, &on_signal);
    std::signal(SIGTERM, &on_signal);
  }

  [[nodiscard]] static bool requested() noexcept { return signal_ != 0; }

  /// 128 + the signal's number, as a shell reports it.
  [[nodiscard]] static int exit_status() noexcept { return 128 + static_cast<int>(signal_); }

 private:
  static void on_signal(int number) noexcept {
    signal_ = number;
    std::signal(number, SIG_DFL);
  }

  inline static volatile std::sig_atomic_t signal_ = 0;
};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_SUPPORT_INTERRUPT_HPP
