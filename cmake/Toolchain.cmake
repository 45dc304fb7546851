# ccache and a fast linker, where they are installed.

find_program(DASHI_CCACHE ccache)
mark_as_advanced(DASHI_CCACHE)
if(DASHI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the project are made relative, so that all build folders share what is cached.
  set(dashi_ccache_launcher
      ${CMAKE_COMMAND} -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_ctime,include_file_mtime
      ${DASHI_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${dashi_ccache_launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${dashi_ccache_launcher})
endif()

# Not mold: version 1.10.1, which Debian 12 has, can link for ever (seen with one test, again and
# again with the same inputs).
find_program(DASHI_LLD ld.lld)
mark_as_advanced(DASHI_LLD)
if(DASHI_LLD)
  add_link_options(-fuse-ld=lld)
  # A hundred programs hold the same debug information: this makes the build folder a third smaller,
  # and a link a tenth of a second longer.
  add_link_options(-Wl,--compress-debug-sections=zlib)
endif()
