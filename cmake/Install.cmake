# dashi::dashi, the library as an embedder links it: one archive of all layers. And what
# `cmake --install` writes: the headers of include/dashi, libdashi.a, libdashi_torch.so, the command
# and the package that find_package(dashi) reads.

get_property(dashi_modules GLOBAL PROPERTY DASHI_MODULES)
get_property(dashi_dependencies GLOBAL PROPERTY DASHI_MODULE_DEPENDENCIES)
get_property(dashi_public_headers GLOBAL PROPERTY DASHI_PUBLIC_HEADERS)
list(FILTER dashi_dependencies INCLUDE REGEX "^dashi_dep::")
list(REMOVE_DUPLICATES dashi_dependencies)
list(TRANSFORM dashi_modules REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE dashi_objects)

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
if(TARGET dashi)
  install(TARGETS dashi RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(DASHI_TORCH)
  get_target_property(dashi_torch_type dashi_torch TYPE)
  if(dashi_torch_type STREQUAL "SHARED_LIBRARY")
    install(TARGETS dashi_torch LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  endif()
endif()

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
