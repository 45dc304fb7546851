# dashi::dashi, the library as an embedder links it: one archive of all layers up to sql. And what
# `cmake --install` writes of it: the headers of include/dashi, libdashi.a, libdashi_torch.so and
# the package that find_package(dashi) reads.
#
# All objects become one, in which only the names of include/dashi are left for other objects to
# see (exported_symbols.txt). The rest, and the code of header-only libraries in it (nlohmann-json,
# fmt's and RocksDB's templates), cannot meet other versions of itself in the embedder's program.
# Sections that objects share by name (groups) are made each one's own first, or the linker would
# drop ours.
#
# SQLite comes along, where it is there as an archive, since programs often have their own. RocksDB
# cannot: what Debian has is not made for shared objects, which bindings are.

get_property(dashi_modules GLOBAL PROPERTY DASHI_MODULES)
get_property(dashi_dependencies GLOBAL PROPERTY DASHI_MODULE_DEPENDENCIES)
get_property(dashi_public_headers GLOBAL PROPERTY DASHI_PUBLIC_HEADERS)
list(FILTER dashi_dependencies INCLUDE REGEX "^dashi_dep::")
list(REMOVE_DUPLICATES dashi_dependencies)
list(REMOVE_ITEM dashi_dependencies dashi_dep::json dashi_dep::spdlog)  # Headers alone.
find_program(DASHI_LD_BFD ld.bfd)  # ld.lld cannot take groups apart.
# That of binutils leaves unique symbols (static variables of inline functions) as they are, which
# lld then finds twice.
find_program(DASHI_OBJCOPY NAMES llvm-objcopy llvm-objcopy-14)
mark_as_advanced(DASHI_LD_BFD DASHI_OBJCOPY)
if(DASHI_LD_BFD AND DASHI_OBJCOPY AND NOT DASHI_SANITIZERS)
  set(DASHI_LOCAL_SYMBOLS ON)
  find_library(DASHI_SQLITE_ARCHIVE NAMES libsqlite3.a)
  mark_as_advanced(DASHI_SQLITE_ARCHIVE)
  set(dashi_own_libraries)
  if(DASHI_SQLITE_ARCHIVE)
    set(dashi_own_libraries "${DASHI_SQLITE_ARCHIVE}")
    list(REMOVE_ITEM dashi_dependencies dashi_dep::sqlite3)
  endif()
  set(dashi_objects "${PROJECT_BINARY_DIR}/dashi.o")
  set(dashi_exports "${PROJECT_SOURCE_DIR}/cmake/exported_symbols.txt")
  list(TRANSFORM dashi_modules REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE dashi_archives)
  add_custom_command(OUTPUT "${dashi_objects}"
    COMMAND "${DASHI_LD_BFD}" -r --force-group-allocation -o "${dashi_objects}"
            --whole-archive ${dashi_archives} --no-whole-archive ${dashi_own_libraries}
    COMMAND "${DASHI_OBJCOPY}" --wildcard "--keep-global-symbols=${dashi_exports}"
            "${dashi_objects}"
    DEPENDS ${dashi_modules} ${dashi_archives} "${dashi_exports}"
    COMMENT "Joining the objects of libdashi.a" VERBATIM)
  set_source_files_properties("${dashi_objects}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
else()
  set(DASHI_LOCAL_SYMBOLS OFF)
  list(TRANSFORM dashi_modules REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE dashi_objects)
endif()

add_library(dashi_library STATIC ${dashi_objects})
add_library(dashi::dashi ALIAS dashi_library)
target_sources(dashi_library PUBLIC FILE_SET HEADERS
               BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${dashi_public_headers})
target_compile_features(dashi_library PUBLIC cxx_std_20)
target_link_libraries(dashi_library PRIVATE ${dashi_dependencies})
# A program of an embedder finds libdashi_torch.so by this run path.
target_link_options(dashi_library INTERFACE
  "$<BUILD_INTERFACE:-Wl,-rpath,${CMAKE_LIBRARY_OUTPUT_DIRECTORY}>")
set_target_properties(dashi_library PROPERTIES
  OUTPUT_NAME dashi
  EXPORT_NAME dashi
  LINKER_LANGUAGE CXX)

set(dashi_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/dashi")
install(TARGETS dashi_library EXPORT dashi-targets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT dashi-targets NAMESPACE dashi:: DESTINATION "${dashi_package_folder}")
if(DASHI_TORCH)
  get_target_property(dashi_torch_type dashi_torch TYPE)
  if(dashi_torch_type STREQUAL "SHARED_LIBRARY")
    install(TARGETS dashi_torch LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  endif()
endif()

# The libraries that the package looks for.
list(TRANSFORM dashi_dependencies REPLACE "^dashi_dep::" "" OUTPUT_VARIABLE dashi_dependency_names)
list(APPEND dashi_dependency_names fmt)

include(CMakePackageConfigHelpers)
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/dashi-config.cmake.in" "${PROJECT_BINARY_DIR}/dashi-config.cmake"
  INSTALL_DESTINATION "${dashi_package_folder}" PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dashi-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/dashi-config.cmake"
  "${PROJECT_BINARY_DIR}/dashi-config-version.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake"
  DESTINATION "${dashi_package_folder}")
