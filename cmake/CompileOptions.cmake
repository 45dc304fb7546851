# dashi_compile_options: what every translation unit of dashi is compiled with. It is linked
# PRIVATE, so nothing of it reaches a program that uses dashi.

add_library(dashi_compile_options INTERFACE)
target_compile_features(dashi_compile_options INTERFACE cxx_std_20)
target_compile_options(dashi_compile_options INTERFACE
  -Wall -Wextra -Wpedantic $<$<BOOL:${DASHI_WARNINGS_AS_ERRORS}>:-Werror>
  -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wundef -Wcast-align
  -Wunused -Wformat=2 -Wold-style-cast -Wimplicit-fallthrough -Wvla
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(dashi_compile_options INTERFACE
    -Wduplicated-cond -Wlogical-op -Wsuggest-override
    # g++ 12 reports these inside libstdc++ at -O2 and above (GCC bugs 105651, 105329, 107852).
    -Wno-restrict -Wno-error=maybe-uninitialized -Wno-error=array-bounds
    -Wno-error=stringop-overflow -Wno-error=stringop-overread)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(dashi_compile_options INTERFACE
    -Wthread-safety -Wthread-safety-beta -Wsuggest-override -Wdocumentation
    # GoogleTest's macros need the GNU extension; g++ accepts them silently.
    -Wno-gnu-zero-variadic-macro-arguments)
endif()

if(DASHI_STATUS_CHECKED)
  target_compile_definitions(dashi_compile_options INTERFACE DASHI_STATUS_CHECKED=1)
endif()
