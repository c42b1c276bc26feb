# Checks every header below ROOT/lacuna (ROOT is an include directory):
#  - it includes headers of its own folder and of the folders to the left of its own, no others;
#  - its first line is the licence, and its include guard is its path;
#  - the umbrella lacuna.hpp includes every header but those of io/, and those not.
# All breaches are reported, not just the first.
cmake_minimum_required(VERSION 3.25)

# From left to right; folders of one line never include each other.
set(layers
    "core"
    "concepts"
    "operator"
    "penalty|optimizer|transform"
    "dictionary|encoder|update|metric|synthetic|signal"
    "trainer"
    "io")

set(breaches "")
macro(report text)
  string(APPEND breaches "  ${text}\n")
endmacro()

# Sets <result> to the place of <folder> in `layers`, -1 where it has none.
function(layer_of folder result)
  set(place 0)
  foreach(layer IN LISTS layers)
    if(folder MATCHES "^(${layer})$")
      set(${result} ${place} PARENT_SCOPE)
      return()
    endif()
    math(EXPR place "${place} + 1")
  endforeach()
  set(${result} -1 PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE headers RELATIVE "${ROOT}" "${ROOT}/lacuna/*")
if(NOT headers)
  report("${ROOT}: no headers found")
endif()
list(REMOVE_ITEM headers lacuna/lacuna.hpp)
set(umbrella_headers ${headers})
list(FILTER umbrella_headers EXCLUDE REGEX "^lacuna/io/")

foreach(header IN LISTS headers ITEMS lacuna/lacuna.hpp)
  if(NOT EXISTS "${ROOT}/${header}")
    report("${header}: missing")
    continue()
  endif()

  file(STRINGS "${ROOT}/${header}" first_line LIMIT_COUNT 1)
  if(NOT first_line STREQUAL "// SPDX-License-Identifier: MIT")
    report("${header}: the first line must be `// SPDX-License-Identifier: MIT`")
  endif()

  string(MAKE_C_IDENTIFIER "${header}" guard)
  string(TOUPPER "${guard}" guard)
  file(STRINGS "${ROOT}/${header}" directives REGEX "^[ \t]*#[ \t]*(ifndef|define|pragma)")
  list(SUBLIST directives 0 2 opening)
  if(NOT opening STREQUAL "#ifndef ${guard};#define ${guard}")
    report("${header}: the include guard must be ${guard}")
  endif()

  file(STRINGS "${ROOT}/${header}" includes REGEX "^[ \t]*#[ \t]*include")
  set(own_includes "")
  foreach(line IN LISTS includes)
    if(line MATCHES "\"")
      report("${header}: `${line}` must be written with <> and the full path")
    elseif(line MATCHES "<(lacuna/[^>]+)>")
      list(APPEND own_includes "${CMAKE_MATCH_1}")
    endif()
  endforeach()

  if(header STREQUAL "lacuna/lacuna.hpp")
    foreach(wanted IN LISTS umbrella_headers)
      if(NOT wanted IN_LIST own_includes)
        report("${header}: leaves out ${wanted}")
      endif()
    endforeach()
    foreach(included IN LISTS own_includes)
      if(NOT included IN_LIST umbrella_headers)
        report("${header}: must not include ${included}")
      endif()
    endforeach()
    continue()
  endif()

  if(NOT header MATCHES "^lacuna/([a-z_]+)/[a-z0-9_]+\\.hpp$")
    report("${header}: a header is lacuna/<folder>/<lower_case>.hpp")
    continue()
  endif()
  set(folder "${CMAKE_MATCH_1}")
  layer_of("${folder}" place)
  if(place EQUAL -1)
    report("${header}: ${folder}/ has no place among the layers")
    continue()
  endif()
  foreach(included IN LISTS own_includes)
    if(NOT included MATCHES "^lacuna/([a-z_]+)/")
      report("${header}: must not include ${included}")
      continue()
    endif()
    set(included_folder "${CMAKE_MATCH_1}")
    layer_of("${included_folder}" included_place)
    if(NOT EXISTS "${ROOT}/${included}")
      report("${header}: includes ${included}, which does not exist")
    elseif(NOT included_folder STREQUAL folder AND NOT included_place LESS place)
      report("${header}: ${folder}/ must not include ${included_folder}/ (${included})")
    endif()
  endforeach()
endforeach()

if(breaches)
  message(FATAL_ERROR "the layout of the headers is broken:\n${breaches}")
endif()
list(LENGTH headers count)
message(STATUS "${count} headers keep to their layers")
