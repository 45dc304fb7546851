#pragma once

#include "tests/crash/crash_child.h"
#include "tests/crash/crash_event.h"

namespace dashi::crash {

/// The process that is killed: opens the database, tells which release serves, and has it queried
/// by `options.num_writers` threads while another trains, publishes and drops releases and a third
/// commits rows. Returns the exit status.
///
/// Events: kDumped has the release that serves as its text; kRow counts what was done since the
/// last.
int RunReleaseChild(const CrashChildOptions& options, CrashEventWriter* events);

}  // namespace dashi::crash
