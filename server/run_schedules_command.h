#pragma once

#include "dashi/status.h"
#include "server/command_line.h"
#include "sql/shell/console.h"

namespace dashi {

/// `dashi run-schedules`: runs the schedules of a database for programs that have no server, until
/// it is asked to stop (SIGINT, SIGTERM); with --once, runs what is due and ends, for a timer of
/// the system. A line on standard error for each run. Returns the exit status: 1 when --once saw
/// one fail.
Result<int> RunSchedules(const CommandLine& command_line, const Console& console);

}  // namespace dashi
