# Unpacks ARCHIVE into FOLDER and runs SCRIPT on the database in it, or on what is restored from the
# backups in it.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGV}")
  endif()
endfunction()

file(REMOVE_RECURSE "${FOLDER}")
file(ARCHIVE_EXTRACT INPUT "${ARCHIVE}" DESTINATION "${FOLDER}")
if(EXISTS "${FOLDER}/backups")
  run("${DASHI_COMMAND}" restore "${FOLDER}/backups" --backup 1 --to "${FOLDER}/db")
endif()
run("${SLT_RUNNER}" "${SCRIPT}" "${FOLDER}/db")
run("${DASHI_COMMAND}" check "${FOLDER}/db")
file(REMOVE_RECURSE "${FOLDER}")
