#pragma once

#include "dashi/status.h"
#include "server/command_line.h"
#include "sql/shell/console.h"

namespace dashi {

/// `dashi recover`: makes a copy of a damaged database that opens, and says on standard output what
/// is kept and what is dropped. Returns the exit status: 0 when the copy is there, 1 when there is
/// none because acknowledged commits would be missing from it.
Result<int> RunRecover(const CommandLine& command_line, const Console& console);

}  // namespace dashi
