// SPDX-License-Identifier: MIT
#include <cstdio>

#include <lacuna/core/version.hpp>
#if __has_include(<lacuna/lacuna.hpp>)
#include <lacuna/lacuna.hpp>
#endif

int main() {
  std::printf("lacuna %s\n", lacuna::version.data());
  return 0;
}
