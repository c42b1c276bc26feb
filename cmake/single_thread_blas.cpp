// SPDX-License-Identifier: MIT
//
// The parallelism of this library is its own: it runs threads over blocks of signals. A BLAS that
// starts threads of its own inside each block would fight them for the same cores, and the bits of
// a result would depend on how many it started. An environment variable would do, but only where
// somebody remembers to set it.

#include <cstdio>
#include <cstdlib>

extern "C" {
// Weak: another BLAS has no such functions, their addresses are null and nothing happens.
__attribute__((weak)) void openblas_set_num_threads(int num_threads);
__attribute__((weak)) int openblas_get_parallel();
}

namespace {

const bool blas_is_on_one_thread = [] {
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);

  // OpenBLAS built without threads (0) has no locks either: products that run at once share a
  // buffer and come out wrong now and then. Configuring refuses such a library, but a shared one
  // can be exchanged behind a finished program.
  if (openblas_get_parallel != nullptr && openblas_get_parallel() == 0) {
    std::fputs(
        "this OpenBLAS was built without threads and gives wrong products when called from "
        "several threads; install libopenblas-pthread-dev, or configure with "
        "-DLACUNA_USE_BLAS=OFF\n",
        stderr);
    std::_Exit(EXIT_FAILURE);
  }
  return true;
}();

}  // namespace
