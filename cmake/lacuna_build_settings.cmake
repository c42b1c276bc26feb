# How we build our own programs. `lacuna_build_settings` is never exported and never linked to
# `lacuna`: warnings, macros and a BLAS are a consumer's own choice.

set(CMAKE_CXX_EXTENSIONS OFF)

add_library(lacuna_build_settings INTERFACE)
target_compile_options(
  lacuna_build_settings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                  $<$<BOOL:${LACUNA_WERROR}>:-Werror>)
# g++ 12 calls the deliberately undefined registers of its own AVX-512 header uninitialised, deep
# inside Eigen (GCC bug 105593, mended in 13), and at -O3 sees std::string copy onto itself (GCC bug
# 105651, mended in 13). clang++ keeps the warnings.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(lacuna_build_settings INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized
                                                         -Wno-restrict)
endif()
# The usual linker takes over a second for each of some fifty test programs, lld a third of one.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld LACUNA_HAS_LLD)
if(LACUNA_HAS_LLD)
  target_link_options(lacuna_build_settings INTERFACE -fuse-ld=lld)
endif()
# Eigen must not start threads under our own, should somebody add -fopenmp.
target_compile_definitions(lacuna_build_settings INTERFACE EIGEN_DONT_PARALLELIZE)

function(lacuna_use_blas)
  # Only OpenBLAS is looked for unasked. The reference BLAS, which many machines have, is several
  # times slower than Eigen's own product; whoever has another fast one can name it in BLA_VENDOR.
  if(NOT BLA_VENDOR)
    set(BLA_VENDOR OpenBLAS)
  endif()
  find_package(BLAS QUIET)
  if(NOT BLAS_FOUND)
    message(STATUS "Lacuna: no BLAS (${BLA_VENDOR}) found, matrix products by Eigen itself")
    return()
  endif()

  # An OpenBLAS built without threads has no locks: called from two threads, it returns wrong
  # products now and then. dgemm_ is named so that a linker that drops unused libraries keeps it.
  include(CheckCXXSourceRuns)
  set(CMAKE_REQUIRED_LIBRARIES BLAS::BLAS)
  check_cxx_source_runs(
    "extern \"C\" void dgemm_();
     extern \"C\" __attribute__((weak)) int openblas_get_parallel();
     void (*volatile product)() = dgemm_;
     int main() { return openblas_get_parallel != nullptr && openblas_get_parallel() == 0; }"
    LACUNA_BLAS_MAY_BE_CALLED_FROM_THREADS)
  if(NOT LACUNA_BLAS_MAY_BE_CALLED_FROM_THREADS)
    message(WARNING "Lacuna: ${BLAS_LIBRARIES} was built without threads and must not be called "
                    "from several; matrix products by Eigen itself. On Debian and Ubuntu install "
                    "libopenblas-pthread-dev, then configure with --fresh.")
    return()
  endif()

  message(STATUS "Lacuna: matrix products by ${BLAS_LIBRARIES}")
  target_compile_definitions(lacuna_build_settings INTERFACE EIGEN_USE_BLAS)
  target_link_libraries(lacuna_build_settings INTERFACE BLAS::BLAS)
  # Objects and not an archive: nothing refers to the initialiser by name, so a linker would leave
  # it in the archive.
  add_library(lacuna_single_thread_blas OBJECT cmake/single_thread_blas.cpp)
  target_sources(lacuna_build_settings INTERFACE $<TARGET_OBJECTS:lacuna_single_thread_blas>)
endfunction()

if(LACUNA_USE_BLAS)
  lacuna_use_blas()
endif()
