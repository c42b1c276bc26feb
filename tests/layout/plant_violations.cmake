# A check that never refuses proves nothing: writes a small tree below SCRATCH that keeps every
# rule, then breaks one rule at a time and expects check_layers.cmake to name it.
cmake_minimum_required(VERSION 3.25)

set(licence "// SPDX-License-Identifier: MIT\n")

function(write_header path)
  string(MAKE_C_IDENTIFIER "${path}" guard)
  string(TOUPPER "${guard}" guard)
  set(text "${licence}#ifndef ${guard}\n#define ${guard}\n")
  foreach(included IN LISTS ARGN)
    string(APPEND text "#include <${included}>\n")
  endforeach()
  file(WRITE "${SCRATCH}/${path}" "${text}#endif\n")
endfunction()

function(write_clean_tree)
  file(REMOVE_RECURSE "${SCRATCH}")
  write_header(lacuna/core/a.hpp vector)
  write_header(lacuna/core/b.hpp lacuna/core/a.hpp)
  write_header(lacuna/encoder/c.hpp lacuna/core/a.hpp)
  write_header(lacuna/dictionary/d.hpp lacuna/core/b.hpp)
  write_header(lacuna/io/e.hpp lacuna/dictionary/d.hpp)
  write_header(lacuna/lacuna.hpp lacuna/core/a.hpp lacuna/core/b.hpp lacuna/encoder/c.hpp
               lacuna/dictionary/d.hpp)
endfunction()

function(check status output)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" "-DROOT=${SCRATCH}" -P
            "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_layers.cmake"
    RESULT_VARIABLE result ERROR_VARIABLE text OUTPUT_QUIET)
  # message() wraps its lines; a sentence to look for may be wrapped too.
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  set(${status} "${result}" PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

function(expect_refusal sentence)
  check(status output)
  string(FIND "${output}" "${sentence}" position)
  if(status EQUAL 0 OR position EQUAL -1)
    message(FATAL_ERROR "not refused with `${sentence}`:\n${output}")
  endif()
  write_clean_tree()
endfunction()

write_clean_tree()
check(status output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "a tree that keeps the rules is refused:\n${output}")
endif()

write_header(lacuna/core/a.hpp lacuna/encoder/c.hpp)
expect_refusal("core/ must not include encoder/")

write_header(lacuna/encoder/c.hpp lacuna/dictionary/d.hpp)
expect_refusal("encoder/ must not include dictionary/")

write_header(lacuna/encoder/c.hpp lacuna/lacuna.hpp)
expect_refusal("encoder/c.hpp: must not include lacuna/lacuna.hpp")

write_header(lacuna/encoder/c.hpp lacuna/core/gone.hpp)
expect_refusal("which does not exist")

write_header(lacuna/elsewhere/f.hpp)
expect_refusal("elsewhere/ has no place among the layers")

write_header(lacuna/lacuna.hpp lacuna/core/a.hpp lacuna/core/b.hpp lacuna/encoder/c.hpp)
expect_refusal("leaves out lacuna/dictionary/d.hpp")

file(APPEND "${SCRATCH}/lacuna/lacuna.hpp" "#include <lacuna/io/e.hpp>\n")
expect_refusal("lacuna/lacuna.hpp: must not include lacuna/io/e.hpp")

file(APPEND "${SCRATCH}/lacuna/core/b.hpp" "#include \"a.hpp\"\n")
expect_refusal("must be written with <>")

file(WRITE "${SCRATCH}/lacuna/core/a.hpp" "${licence}#pragma once\n")
expect_refusal("the include guard must be LACUNA_CORE_A_HPP")

file(WRITE "${SCRATCH}/lacuna/core/a.hpp" "#ifndef LACUNA_CORE_A_HPP\n#define LACUNA_CORE_A_HPP\n#endif\n")
expect_refusal("the first line must be")
