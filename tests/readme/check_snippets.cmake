# SPDX-License-Identifier: MIT
#
# Every C++ block of the README follows a line `<!-- FILE -->` and stands, but for its indentation, in
# that file, which is compiled and run by a test of its own.
#
#   cmake -DROOT=<the repository> -P check_snippets.cmake

cmake_minimum_required(VERSION 3.25)

# Without indentation and blank lines; semicolons and brackets would be lists to CMake.
function(normalise text result)
  string(REGEX REPLACE "\n[ \t\n]+" "\n" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(READ "${ROOT}/README.md" readme)
string(REGEX MATCHALL "```cpp\n" blocks "${readme}")
list(LENGTH blocks expected)

set(checked 0)
while(TRUE)
  string(FIND "${readme}" "```cpp\n" begin)
  if(begin EQUAL -1)
    break()
  endif()
  string(SUBSTRING "${readme}" 0 ${begin} before)
  if(NOT before MATCHES "<!-- ([^ \n]+) -->\n$")
    message(FATAL_ERROR "README.md: a C++ block does not follow a line <!-- FILE -->")
  endif()
  set(file "${CMAKE_MATCH_1}")
  math(EXPR begin "${begin} + 7")
  string(SUBSTRING "${readme}" ${begin} -1 readme)
  string(FIND "${readme}" "```" end)
  string(SUBSTRING "${readme}" 0 ${end} snippet)
  math(EXPR end "${end} + 3")
  string(SUBSTRING "${readme}" ${end} -1 readme)

  file(READ "${ROOT}/${file}" source)
  normalise("\n${source}" source)
  normalise("\n${snippet}" snippet)
  string(FIND "${source}" "${snippet}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "README.md: this block is not in ${file}:\n${snippet}")
  endif()
  math(EXPR checked "${checked} + 1")
endwhile()

if(checked EQUAL 0 OR NOT checked EQUAL expected)
  message(FATAL_ERROR "README.md: ${checked} of ${expected} C++ blocks checked")
endif()
message(STATUS "README.md: ${checked} C++ blocks stand in their files")
