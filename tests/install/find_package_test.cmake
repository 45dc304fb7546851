# Installs the build in DASHI_BUILD below itself, configures and builds DASHI_EXAMPLES_SOURCE
# against what was installed, and runs the example. Any step that fails ends the test.

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
run(${CMAKE_COMMAND} -E env --unset=DASHI_SOURCE_DIR "${work}/prefix/bin/dashi" --version)

run(${CMAKE_COMMAND} -S "${DASHI_EXAMPLES_SOURCE}" -B "${work}/build" -G "${DASHI_GENERATOR}"
    "-DCMAKE_MAKE_PROGRAM=${DASHI_MAKE_PROGRAM}"
    "-DCMAKE_PREFIX_PATH=${work}/prefix" "-DCMAKE_CXX_COMPILER=${DASHI_CXX_COMPILER}"
    -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build "${work}/build")
expect_file(build/embedded)
file(MAKE_DIRECTORY "${work}/run")
run("${work}/build/embedded" "${work}/run/example.db")

file(REMOVE_RECURSE "${work}")
