# SPDX-License-Identifier: MIT
#
# What every experiment promises: the same rows at 1 and 2 threads, timings aside, and for bad options
# one line on stderr, exit status 2, and nothing left behind.
#
#   cmake -DPROGRAM=<the experiment> -DSCRATCH=<a folder to work in> -DREFUSED=<its own bad options>
#         [-DSUBCOMMAND=<of the program>] -P check_promises.cmake
#
# REFUSED is a list of options with their values, "|" between the two.

cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")

foreach(threads 1 2)
  execute_process(
    COMMAND "${PROGRAM}" ${SUBCOMMAND} --quick --seed 7 --threads ${threads} --out "${SCRATCH}/${threads}"
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "--threads ${threads}: status ${status}\n${message}")
  endif()
  file(READ "${SCRATCH}/${threads}/${SUBCOMMAND}/results.json" rows)
  if(NOT rows MATCHES "_seconds\": [0-9]")
    message(FATAL_ERROR "no timings in results.json")
  endif()
  string(REGEX REPLACE "_seconds\": [0-9.e+-]+" "_seconds\": 0" rows "${rows}")
  string(REGEX REPLACE "\"threads\": [0-9]+" "\"threads\": 0" rows_${threads} "${rows}")
endforeach()
if(NOT rows_1 STREQUAL rows_2)
  message(FATAL_ERROR "results.json differs between 1 and 2 threads beyond the timings")
endif()

file(WRITE "${SCRATCH}/a_file" "")
foreach(given "--no-such-option" "--threads|-1" "--seed|x" "--seed|-1"
              "--out|${SCRATCH}/a_file/below" ${REFUSED})
  string(REPLACE "|" ";" options "${given}")
  set(out --out "${SCRATCH}/refused")
  if(options MATCHES "^--out")
    set(out "")
  endif()
  execute_process(COMMAND "${PROGRAM}" ${SUBCOMMAND} --quick ${options} ${out} RESULT_VARIABLE status
                  OUTPUT_VARIABLE output ERROR_VARIABLE message)
  if(NOT status EQUAL 2)
    message(FATAL_ERROR "${options}: status ${status}, expected 2\n${message}")
  endif()
  if(NOT message MATCHES "^[^\n]+\n$")
    message(FATAL_ERROR "${options}: expected one line on stderr, got\n${message}")
  endif()
  file(GLOB left "${SCRATCH}/refused/*")
  if(left)
    message(FATAL_ERROR "${options}: left ${left}")
  endif()
endforeach()
