# Headers that the compiler reads once for many sources. Tests always share them: a test takes up to
# a third less to compile. The libraries have them under DASHI_PRECOMPILED_HEADERS, which the builds
# of `./run test` set: a source of the store takes half of the time, the trainer's a fifth less. In
# the other builds (debug, checked, clang) every source is seen to include what it uses.

include_guard(GLOBAL)

set(DASHI_STANDARD_HEADERS
    <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstdlib>
    <cstring> <filesystem> <fstream> <functional> <iostream> <limits> <map> <memory> <mutex>
    <numeric> <optional> <set> <span> <sstream> <string> <string_view> <thread> <tuple>
    <unordered_map> <unordered_set> <utility> <variant> <vector>)

file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/precompiled/main.cc"
     CONTENT "int main() { return 0; }\n")

# dashi_library_headers: what the modules share that have none of their own.
if(DASHI_PRECOMPILED_HEADERS)
  add_library(dashi_library_headers OBJECT "${PROJECT_BINARY_DIR}/precompiled/main.cc")
  dashi_configure_target(dashi_library_headers)
  target_link_libraries(dashi_library_headers PRIVATE dashi_dep::fmt)
  target_precompile_headers(dashi_library_headers PRIVATE
                            ${DASHI_STANDARD_HEADERS} <fmt/format.h>)
endif()

# Gives a library the standard headers, and those of other libraries that most of its sources read.
function(dashi_precompile_library_headers target)
  if(DASHI_PRECOMPILED_HEADERS AND NOT DASHI_TEST_FLAGS)
    if(ARGN)
      target_precompile_headers(${target} PRIVATE
                                ${DASHI_STANDARD_HEADERS} <fmt/format.h> ${ARGN})
    else()
      target_precompile_headers(${target} REUSE_FROM dashi_library_headers)
    endif()
  endif()
endfunction()

# Declares what the programs of the tests share: dashi_test_headers for GoogleTest's, and
# dashi_program_headers for the others. Called where those are declared, since a precompiled header
# holds only for the flags that it was made with.
function(dashi_precompile_test_headers)
  add_executable(dashi_test_headers "${PROJECT_BINARY_DIR}/precompiled/main.cc")
  dashi_configure_target(dashi_test_headers)
  target_link_libraries(dashi_test_headers PRIVATE GTest::gmock)
  target_precompile_headers(dashi_test_headers PRIVATE
                            ${DASHI_STANDARD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  add_executable(dashi_program_headers "${PROJECT_BINARY_DIR}/precompiled/main.cc")
  dashi_configure_target(dashi_program_headers)
  target_link_libraries(dashi_program_headers PRIVATE dashi_dep::fmt)
  target_precompile_headers(dashi_program_headers PRIVATE
                            ${DASHI_STANDARD_HEADERS} <fmt/format.h>)
endfunction()
