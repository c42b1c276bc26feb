# Compiles SOURCE twice with COMPILER, FLAGS and INCLUDES. As it stands it must be refused, and the
# compiler's output must contain the word of its first line, `// expect: Word`: the name of the
# clause that a reader needs to see. With -DCONTROL it must compile, or else the refusal may have
# had any cause, a mistyped path for one.

file(STRINGS "${SOURCE}" first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be `// expect: Word`")
endif()
set(word "${CMAKE_MATCH_1}")

list(TRANSFORM INCLUDES PREPEND "-I")
set(compile "${COMPILER}" ${FLAGS} ${INCLUDES} -fsyntax-only)

execute_process(COMMAND ${compile} -DCONTROL "${SOURCE}" RESULT_VARIABLE status
                ERROR_VARIABLE output OUTPUT_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the control build of ${SOURCE} does not compile:\n${output}")
endif()

execute_process(COMMAND ${compile} "${SOURCE}" RESULT_VARIABLE status ERROR_VARIABLE output
                OUTPUT_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, but must not")
endif()
string(FIND "${output}" "${word}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "${SOURCE} is refused, but without a word of `${word}`:\n${output}")
endif()
