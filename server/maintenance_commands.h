#pragma once

#include "dashi/status.h"
#include "server/command_line.h"
#include "sql/shell/console.h"

namespace dashi {

// Commands that work on a database's files without opening the database. Each returns the exit
// status; rows go to standard output, everything else to standard error.

/// `dashi check`: 0 when nothing is wrong, 1 when there are problems, one row each.
Result<int> RunCheck(const CommandLine& command_line, const Console& console);
/// `dashi restore --list`: one row a backup.
Result<int> RunListBackups(const CommandLine& command_line, const Console& console);
/// `dashi restore --backup N --to DIR`.
Result<int> RunRestore(const CommandLine& command_line, const Console& console);

}  // namespace dashi
