# Installs the build in DASHI_BUILD below itself, configures and builds the examples of DASHI_SOURCE
# against what was installed, and runs them. Any step that fails ends the test.

set(work "${DASHI_BUILD}/tmp/install_find_package")
file(REMOVE_RECURSE "${work}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed with status ${status}: ${command}")
  endif()
endfunction()

function(expect_file path)
  if(NOT EXISTS "${work}/${path}")
    message(FATAL_ERROR "not there after the step before: ${path}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install "${DASHI_BUILD}" --prefix "${work}/prefix")
expect_file(prefix/bin/dashi)
expect_file(prefix/include/dashi/database.h)
expect_file(prefix/share/man/man1/dashi.1)
expect_file(prefix/share/bash-completion/completions/dashi)
expect_file(prefix/share/zsh/site-functions/_dashi)
expect_file(prefix/lib/sysusers.d/dashi.conf)
expect_file(prefix/lib/systemd/system/dashi@.socket)
expect_file(prefix/lib/systemd/system/dashi@.service)
file(READ "${work}/prefix/lib/systemd/system/dashi@.service" unit)
if(NOT unit MATCHES "\nExecStart=${work}/prefix/bin/dashi serve ")
  message(FATAL_ERROR "the unit does not start the installed program: ${unit}")
endif()
run(${CMAKE_COMMAND} -E env --unset=DASHI_SOURCE_DIR "${work}/prefix/bin/dashi" --version)

if(DASHI_LOCAL_SYMBOLS)
  file(GLOB archives "${work}/prefix/lib*/libdashi.a" "${work}/prefix/lib*/*/libdashi.a")
  run("${DASHI_PYTHON}" "${CMAKE_CURRENT_LIST_DIR}/exports_test.py" "${DASHI_NM}" "${archives}")
endif()

run(${CMAKE_COMMAND} -S "${DASHI_SOURCE}/examples" -B "${work}/build" -G "${DASHI_GENERATOR}"
    "-DCMAKE_MAKE_PROGRAM=${DASHI_MAKE_PROGRAM}"
    "-DCMAKE_PREFIX_PATH=${work}/prefix" "-DCMAKE_CXX_COMPILER=${DASHI_CXX_COMPILER}"
    -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build "${work}/build")

if(DASHI_LOCAL_SYMBOLS)
  run(${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}/outside" -B "${work}/outside"
      -G "${DASHI_GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${DASHI_MAKE_PROGRAM}"
      "-DCMAKE_PREFIX_PATH=${work}/prefix" "-DCMAKE_CXX_COMPILER=${DASHI_CXX_COMPILER}"
      -DCMAKE_BUILD_TYPE=Release)
  run(${CMAKE_COMMAND} --build "${work}/outside")
  file(MAKE_DIRECTORY "${work}/run")
  run("${work}/outside/own_versions" "${work}/run/own_versions.db")
  run("${work}/outside/binding_user" "${work}/outside/libbinding.so" "${work}/run/binding.db")
endif()

run("${DASHI_PYTHON}" "${CMAKE_CURRENT_LIST_DIR}/examples_test.py" --examples "${work}/build"
    --dashi "${work}/prefix/bin/dashi" --source "${DASHI_SOURCE}" --work "${work}/run")

file(REMOVE_RECURSE "${work}")
