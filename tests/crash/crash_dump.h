#pragma once

#include <string>

#include "tests/crash/crash_rows.h"
#include "tests/crash/crash_session.h"

namespace dashi::crash {

/// Reads everything that the database holds, each thing in every way that there is (by scan and by
/// id, relevance from both sides), and reports what does not fit together: rows that one way
/// shows and another does not, a release that cannot answer, a file that nothing names.
///
/// Errors: those of the statements that read.
Result<Rows> DumpDatabase(CrashSession& session, const std::string& directory);

}  // namespace dashi::crash
