# The functions with which every folder declares what it builds:
#
#   dashi_add_module(<name> [HEADERS ...] [SOURCES ...] [DEPS ...] [PRIVATE_DEPS ...]
#                    [PRECOMPILED ...])
#   dashi_add_shared_module(<name> [HEADERS ...] SOURCES ... [PRIVATE_DEPS ...] [PRECOMPILED ...])
#   dashi_add_executable(<name> SOURCES ... [DEPS ...])
#   dashi_add_test(<name> [SOURCES ...] [DEPS ...] [LABELS ...] [TIMEOUT <seconds>])
#   dashi_add_benchmark(<name> [SOURCES ...] [DEPS ...])
#   dashi_add_benchmark_program(<name> SOURCES ... [DEPS ...])
#   dashi_add_fuzzer(<name> [SOURCES ...] [DEPS ...])
#
# PRECOMPILED names headers of other libraries that most of the sources read; the precompiled header
# of the library then has them as well.
#
# SOURCES and HEADERS are relative to the calling folder. A test, benchmark or fuzzer without
# sources is nothing; a module without sources is header-only.

include_guard(GLOBAL)

set(DASHI_RUN_PATH "$ORIGIN/../lib")

# Gives `target` the include root (the project's folder), the common options and the run path.
function(dashi_configure_target target)
  target_link_libraries(${target} PRIVATE dashi_compile_options)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    BUILD_RPATH "${DASHI_RUN_PATH}"
    INSTALL_RPATH "${DASHI_RUN_PATH}")
endfunction()

# Static library dashi_<name>, alias dashi::<name>. Its headers compile alone
# (target all_verify_interface_header_sets).
function(dashi_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;DEPS;PRIVATE_DEPS;PRECOMPILED")
  set(target dashi_${name})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    dashi_configure_target(${target})
    target_link_libraries(${target} PUBLIC ${arg_DEPS} PRIVATE ${arg_PRIVATE_DEPS})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}")
    dashi_precompile_library_headers(${target} ${arg_PRECOMPILED})
    dashi_unite_sources(${target} ${arg_SOURCES})
    set_property(GLOBAL APPEND PROPERTY DASHI_MODULES ${target})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_link_libraries(${target} INTERFACE ${arg_DEPS} ${arg_PRIVATE_DEPS})
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}")
  endif()
  set_property(GLOBAL APPEND PROPERTY DASHI_MODULE_DEPENDENCIES ${arg_DEPS} ${arg_PRIVATE_DEPS})
  if(arg_HEADERS)
    target_sources(${target} ${scope} FILE_SET HEADERS
                   BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${arg_HEADERS})
  endif()
  add_library(dashi::${name} ALIAS ${target})
endfunction()

# Shared library libdashi_<name>.so that is loaded at run time and exports only what says so.
function(dashi_add_shared_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;PRIVATE_DEPS;PRECOMPILED")
  set(target dashi_${name})
  if(NOT arg_SOURCES)
    add_custom_target(${target})
    return()
  endif()
  add_library(${target} SHARED ${arg_SOURCES})
  dashi_configure_target(${target})
  target_link_libraries(${target} PRIVATE ${arg_PRIVATE_DEPS})
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs)
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  dashi_precompile_library_headers(${target} ${arg_PRECOMPILED})
  dashi_unite_sources(${target} ${arg_SOURCES})
  if(arg_HEADERS)
    target_sources(${target} PRIVATE ${arg_HEADERS})
  endif()
endfunction()

function(dashi_add_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  add_executable(${name} ${arg_SOURCES})
  dashi_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  if(DASHI_TEST_FLAGS)
    target_precompile_headers(${name} REUSE_FROM dashi_program_headers)
  endif()
  dashi_unite_sources(${name} ${arg_SOURCES})
endfunction()

# Sets what every ctest case has: label, time limit, temporary folder, sanitizer options. The limit
# ends what hangs: it is many times what a test takes, since other work may slow a machine down.
# Tests with longer limits begin first, so that none is left alone at the end.
function(dashi_set_test_defaults test)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "LABELS")
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  if(DASHI_SANITIZERS)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 5")
  endif()
  set(supp "${PROJECT_SOURCE_DIR}/cmake/sanitizers")
  set_tests_properties(${test} PROPERTIES
    LABELS "${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT}
    COST ${arg_TIMEOUT}
    ENVIRONMENT "TEST_TMPDIR=${PROJECT_BINARY_DIR}/tmp;DASHI_SOURCE_DIR=${PROJECT_SOURCE_DIR};\
ASAN_OPTIONS=detect_container_overflow=0:strict_string_checks=1:detect_stack_use_after_return=1;\
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1;\
LSAN_OPTIONS=suppressions=${supp}/lsan.supp:print_suppressions=0;\
TSAN_OPTIONS=suppressions=${supp}/tsan.supp:halt_on_error=1:ignore_noninstrumented_modules=1")
endfunction()

# One GoogleTest program, one ctest case.
function(dashi_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPS;LABELS")
  if(NOT DASHI_TESTS OR NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  dashi_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gmock GTest::gmock_main)
  if(TARGET dashi_test_headers)
    target_precompile_headers(${name} REUSE_FROM dashi_test_headers)
  endif()
  dashi_unite_sources(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name} --gtest_random_seed=1)
  dashi_set_test_defaults(${name} LABELS ${arg_LABELS} TIMEOUT ${arg_TIMEOUT})
endfunction()

# One Google Benchmark program, in build/<preset>/bench. `./run bench` runs all of them.
function(dashi_add_benchmark name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  if(NOT DASHI_BENCHMARKS OR NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  dashi_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} benchmark::benchmark benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  add_dependencies(dashi_benchmarks ${name})
endfunction()

# One that is not a Google Benchmark and has a main() of its own.
function(dashi_add_benchmark_program name)
  dashi_add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  add_dependencies(dashi_benchmarks ${name})
endfunction()

# One fuzz target. A ctest case runs it for a minute, from the corpus of its name and the files or
# folders INPUTS: with libFuzzer in the preset fuzz, and in that of the address sanitizer, which
# every ./run test builds, on inputs that are changed without looking at what they reach.
function(dashi_add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;INPUTS")
  if(NOT arg_SOURCES)
    return()
  endif()
  if(NOT DASHI_FUZZERS AND DASHI_SANITIZERS MATCHES "address")
    add_executable(${name} ${arg_SOURCES} ${DASHI_FUZZ_MAIN})
    dashi_configure_target(${name})
    target_link_libraries(${name} PRIVATE ${arg_DEPS} dashi::base)
    set_target_properties(${name} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
    add_test(NAME ${name}
      COMMAND ${name} 60 1 "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}" ${arg_INPUTS})
    dashi_set_test_defaults(${name} LABELS fuzz TIMEOUT 180)
  endif()
  if(NOT DASHI_FUZZERS)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  dashi_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  set(found "${PROJECT_BINARY_DIR}/fuzz/${name}_found")
  file(MAKE_DIRECTORY "${found}")
  set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
  if(NOT EXISTS "${corpus}")
    set(corpus)
  endif()
  add_test(NAME ${name} COMMAND ${name} -max_total_time=60 -seed=1 -timeout=10 -rss_limit_mb=2048
           "${found}" ${corpus})
  dashi_set_test_defaults(${name} LABELS fuzz TIMEOUT 180)
endfunction()
