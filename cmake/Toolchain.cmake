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

find_program(DASHI_MOLD NAMES ld.mold mold)
find_program(DASHI_LLD ld.lld)
mark_as_advanced(DASHI_MOLD DASHI_LLD)
if(DASHI_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(DASHI_LLD)
  add_link_options(-fuse-ld=lld)
endif()
