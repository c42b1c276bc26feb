// SPDX-License-Identifier: MIT
//
// The whole library in two translation units of one program: a definition that is not inline would
// be defined twice. The program also looks at the BLAS it was linked to, if it was.
#include <cstdio>

#include <lacuna/lacuna.hpp>

const char* version_seen_elsewhere();

extern "C" __attribute__((weak)) int openblas_get_num_threads();

int main() {
  if (lacuna::version.data() != version_seen_elsewhere()) {
    std::puts("the two files do not share one lacuna::version");
    return 1;
  }
#ifdef EIGEN_USE_BLAS
  // Also keeps the BLAS among the program's libraries where the linker drops unused ones.
  const lacuna::Matrix<double> a = lacuna::Matrix<double>::Identity(32, 32);
  const lacuna::Matrix<double> b = a * a;
  if (b != a) return 1;
  if (openblas_get_num_threads != nullptr && openblas_get_num_threads() != 1) {
    std::puts("OpenBLAS was not put on one thread");
    return 1;
  }
#endif
  return 0;
}
