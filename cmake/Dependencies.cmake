# Every third-party library of dashi, as one imported target each. This file is also installed
# beside the package configuration, so that an outside project finds the same libraries.
#
# Write these names in DEPS (your headers include the library's) or PRIVATE_DEPS (they do not):
#
#   dashi_dep::rocksdb     <rocksdb/...>              storage/rocksdb_*
#   dashi_dep::faiss       <faiss/...>, OpenBLAS, OpenMP   tests/index/faiss_*
#   dashi_dep::hwy         <hwy/...>                  index/
#   dashi_dep::roaring     <roaring/roaring.hh>       index/row_set.*
#   dashi_dep::sqlite3     <sqlite3.h>                sql/
#   dashi_dep::pq          <postgresql/libpq-fe.h>    tests/differential/
#   dashi_dep::readline    <readline/...>             sql/shell*
#   dashi_dep::boost       <boost/...>, headers only  server/ for boost/asio
#   dashi_dep::openssl     <openssl/...>              server/
#   dashi_dep::prometheus  <prometheus/...>           server/
#   dashi_dep::torch       <ATen/...>, <c10/...>, <torch/...>      trainer/torch/
#   dashi_dep::utf8proc    <utf8proc.h>               trainer/
#   dashi_dep::cctz        <cctz/...>                sql/schedule/
#   dashi_dep::re2         <re2/re2.h>                sql/postgres/regular_expression.*
#   dashi_dep::fmt         <fmt/...>                  anywhere
#   dashi_dep::spdlog      <spdlog/...>               base/
#   dashi_dep::json        <nlohmann/json.hpp>        anywhere
#   dashi_dep::simdjson    <simdjson.h>               storage/ (bulk import)
#   dashi_dep::xxhash      <xxhash.h>                 anywhere
#   dashi_dep::zstd        <zstd.h>                   storage/
#   dashi_dep::zlib        <zlib.h>                   storage/
#   dashi_dep::cli11       <CLI/CLI.hpp>              server/dashi_main.cc
#   dashi_dep::threads     std::thread
#   dashi_dep::dl          dlopen
#
# Tests and benchmarks get GTest::gmock and benchmark::benchmark from dashi_add_test and
# dashi_add_benchmark.
#
# When DASHI_DEPENDENCIES is a list of names, the others are not looked for.

include_guard(GLOBAL)

find_package(Threads REQUIRED)

# dashi_import(<name> HEADER <file> [LIBRARIES <name>...] [LINK <target or file>...]
#              [DEFINITIONS <macro>...] [HINTS <folder>...] PACKAGE <Debian package>)
# Declares dashi_dep::<name>, or stops with a sentence that names the missing Debian package.
function(dashi_import name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER;PACKAGE" "LIBRARIES;LINK;DEFINITIONS;HINTS")
  if(TARGET dashi_dep::${name} OR (DASHI_DEPENDENCIES AND NOT name IN_LIST DASHI_DEPENDENCIES))
    return()
  endif()
  find_path(DASHI_${name}_INCLUDE_DIR ${arg_HEADER} HINTS ${arg_HINTS})
  mark_as_advanced(DASHI_${name}_INCLUDE_DIR)
  if(NOT DASHI_${name}_INCLUDE_DIR)
    message(FATAL_ERROR "${arg_HEADER} not found: install ${arg_PACKAGE}, or run ./run setup")
  endif()
  set(files)
  foreach(library IN LISTS arg_LIBRARIES)
    find_library(DASHI_${name}_${library}_LIBRARY ${library} HINTS ${arg_HINTS})
    mark_as_advanced(DASHI_${name}_${library}_LIBRARY)
    if(NOT DASHI_${name}_${library}_LIBRARY)
      message(FATAL_ERROR "lib${library} not found: install ${arg_PACKAGE}, or run ./run setup")
    endif()
    list(APPEND files ${DASHI_${name}_${library}_LIBRARY})
  endforeach()
  add_library(dashi_dep::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(dashi_dep::${name} SYSTEM INTERFACE ${DASHI_${name}_INCLUDE_DIR})
  target_link_libraries(dashi_dep::${name} INTERFACE ${files} ${arg_LINK})
  target_compile_definitions(dashi_dep::${name} INTERFACE ${arg_DEFINITIONS})
endfunction()

if(NOT TARGET dashi_dep::threads)
  add_library(dashi_dep::threads INTERFACE IMPORTED GLOBAL)
  target_link_libraries(dashi_dep::threads INTERFACE Threads::Threads)
  add_library(dashi_dep::dl INTERFACE IMPORTED GLOBAL)
  target_link_libraries(dashi_dep::dl INTERFACE ${CMAKE_DL_LIBS})
endif()

dashi_import(fmt HEADER fmt/format.h LIBRARIES fmt PACKAGE libfmt-dev)
# Its headers alone: a program that uses dashi may have another version.
dashi_import(spdlog HEADER spdlog/spdlog.h LINK dashi_dep::fmt Threads::Threads
             DEFINITIONS SPDLOG_FMT_EXTERNAL PACKAGE libspdlog-dev)
dashi_import(rocksdb HEADER rocksdb/db.h LIBRARIES rocksdb LINK Threads::Threads
             PACKAGE librocksdb-dev)
dashi_import(hwy HEADER hwy/highway.h LIBRARIES hwy DEFINITIONS HWY_SHARED_DEFINE
             PACKAGE libhwy-dev)
dashi_import(roaring HEADER roaring/roaring.hh LIBRARIES roaring PACKAGE libroaring-dev)
dashi_import(sqlite3 HEADER sqlite3.h LIBRARIES sqlite3 PACKAGE libsqlite3-dev)
if(DASHI_TESTS)
  dashi_import(pq HEADER postgresql/libpq-fe.h LIBRARIES pq PACKAGE libpq-dev)
endif()
dashi_import(readline HEADER readline/readline.h LIBRARIES readline PACKAGE libreadline-dev)
dashi_import(boost HEADER boost/asio.hpp LINK Threads::Threads PACKAGE libboost1.81-dev)
dashi_import(openssl HEADER openssl/ssl.h LIBRARIES ssl crypto PACKAGE libssl-dev)
dashi_import(prometheus HEADER prometheus/registry.h LIBRARIES prometheus-cpp-core
             LINK Threads::Threads PACKAGE prometheus-cpp-dev)
dashi_import(utf8proc HEADER utf8proc.h LIBRARIES utf8proc PACKAGE libutf8proc-dev)
dashi_import(cctz HEADER cctz/time_zone.h LIBRARIES cctz PACKAGE libcctz-dev)
dashi_import(re2 HEADER re2/re2.h LIBRARIES re2 LINK Threads::Threads PACKAGE libre2-dev)
dashi_import(json HEADER nlohmann/json.hpp PACKAGE nlohmann-json3-dev)
dashi_import(simdjson HEADER simdjson.h LIBRARIES simdjson LINK Threads::Threads
             DEFINITIONS SIMDJSON_THREADS_ENABLED=1 PACKAGE libsimdjson-dev)
dashi_import(xxhash HEADER xxhash.h LIBRARIES xxhash PACKAGE libxxhash-dev)
dashi_import(zstd HEADER zstd.h LIBRARIES zstd PACKAGE libzstd-dev)
dashi_import(zlib HEADER zlib.h LIBRARIES z PACKAGE zlib1g-dev)
dashi_import(cli11 HEADER CLI/CLI.hpp PACKAGE libcli11-dev)

# FAISS is a static archive that calls BLAS, LAPACK and OpenMP.
#
# OpenBLAS is linked as an archive, and not through libblas.so.3: that may be the (very slow)
# reference BLAS, and a shared OpenBLAS would also answer the sgemm_ that LibTorch, loaded later,
# means to be its own (measured: LibTorch then ignores its thread limit). A program also starts
# 15 ms sooner.
#
# OpenMP's run-time library is the compiler's libgomp, under clang too: LibTorch uses the same one.
if(DASHI_DEPENDENCIES AND NOT "faiss" IN_LIST DASHI_DEPENDENCIES)
  return()
endif()
find_library(DASHI_OPENBLAS_ARCHIVE NAMES libopenblas.a PATH_SUFFIXES openblas-pthread
             HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
find_library(DASHI_GFORTRAN_LIBRARY NAMES libgfortran.so.5
             HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
execute_process(COMMAND g++ -print-file-name=libgomp.so OUTPUT_VARIABLE dashi_gomp_file
                OUTPUT_STRIP_TRAILING_WHITESPACE)
get_filename_component(dashi_gomp_folder "${dashi_gomp_file}" DIRECTORY)
find_library(DASHI_GOMP_LIBRARY gomp HINTS "${dashi_gomp_folder}")
mark_as_advanced(DASHI_OPENBLAS_ARCHIVE DASHI_GFORTRAN_LIBRARY DASHI_GOMP_LIBRARY)
if(NOT DASHI_OPENBLAS_ARCHIVE OR NOT DASHI_GFORTRAN_LIBRARY OR NOT DASHI_GOMP_LIBRARY)
  message(FATAL_ERROR "OpenBLAS or libgomp not found: install libopenblas-dev and g++, "
                      "or run ./run setup")
endif()
dashi_import(faiss HEADER faiss/Index.h LIBRARIES faiss
             LINK "${DASHI_OPENBLAS_ARCHIVE}" "${DASHI_GFORTRAN_LIBRARY}" "${DASHI_GOMP_LIBRARY}"
                  Threads::Threads
             PACKAGE libfaiss-dev)
