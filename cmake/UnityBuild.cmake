# Sources that the compiler reads several at a time (DASHI_UNITY_BUILD): what a library takes to
# compile falls by a third to a half, since most of it is spent on the headers of other libraries
# and on the same templates in every source. tools/source_groups.py says at each configuration which
# sources go together: those that use no name of each other's unnamed namespaces. CMake keeps a
# source's group for a whole folder, so a group is named after its target: a source that several
# targets have is compiled apart from the other sources in all but the last of them.

include_guard(GLOBAL)

set(DASHI_SOURCES_AT_ONCE 8)
find_program(DASHI_PYTHON3 python3)
if(DASHI_UNITY_BUILD AND NOT DASHI_PYTHON3)
  message(STATUS "python3 not found: every source is compiled alone")
endif()

function(dashi_unite_sources target)
  if(NOT DASHI_UNITY_BUILD OR NOT DASHI_PYTHON3)
    return()
  endif()
  set(sources ${ARGN})
  list(FILTER sources INCLUDE REGEX "\\.cc$")
  list(TRANSFORM sources PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  execute_process(
    COMMAND "${DASHI_PYTHON3}" "${PROJECT_SOURCE_DIR}/tools/source_groups.py"
            ${DASHI_SOURCES_AT_ONCE} ${sources}
    OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\n" ";" lines "${lines}")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^([0-9]+) (.*)$" matched "${line}")
    set_source_files_properties("${CMAKE_MATCH_2}"
                                PROPERTIES UNITY_GROUP ${target}_${CMAKE_MATCH_1})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A class of one source may well have a member of a type that is that source's own.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()
