# Takes the library in one WAY, as a project of its own in a scratch folder:
#   installed        installs it, finds the package, builds and runs
#   version_refused  installs it, and must not be given a version that is not there
#   subdirectory, fetch_content   take the source tree, build and run
cmake_minimum_required(VERSION 3.25)

set(work "${SCRATCH}/${WAY}")
file(REMOVE_RECURSE "${work}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Preset environments must not reach the consumer: its build is a default one.
unset(ENV{CXXFLAGS})
unset(ENV{CMAKE_BUILD_TYPE})
set(configure
    "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${work}/build" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DEigen3_DIR=${EIGEN}")

if(WAY STREQUAL "installed" OR WAY STREQUAL "version_refused")
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/prefix")
  list(APPEND configure -DLACUNA_WAY=package "-DCMAKE_PREFIX_PATH=${work}/prefix")
else()
  list(APPEND configure -DLACUNA_WAY=${WAY} "-DLACUNA_SOURCE=${SOURCE}")
endif()

if(WAY STREQUAL "version_refused")
  execute_process(COMMAND ${configure} -DLACUNA_VERSION=9.0 RESULT_VARIABLE status
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status EQUAL 0)
    message(FATAL_ERROR "find_package(lacuna 9.0) was satisfied:\n${output}")
  endif()
  # Refused for its version, that is, and not for a package that was never found.
  if(NOT output MATCHES "lacunaConfig.cmake, version: [0-9]")
    message(FATAL_ERROR "refused, but not for the version:\n${output}")
  endif()
  return()
endif()

run(${configure})
run("${CMAKE_COMMAND}" --build "${work}/build")
run("${work}/build/consumer")
