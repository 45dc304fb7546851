#pragma once

#include <cstdint>
#include <string>

#include "tests/crash/crash_event.h"

namespace dashi::crash {

struct CrashChildOptions {
  std::string directory;       ///< the database
  std::string load_directory;  ///< for files that are loaded
  std::uint64_t seed = 0;
  int num_writers = 3;
  std::int64_t work_ms = 0;  ///< 0: only opens, reads everything and closes
  std::string failpoint;     ///< do early what passes it; empty for no preference
  std::uint64_t memory_bytes_max = std::uint64_t{64} << 20;
};

/// The process that is killed: opens the database, tells what it holds, works, and closes it.
/// Returns the exit status.
int RunCrashChild(const CrashChildOptions& options, CrashEventWriter* events);

}  // namespace dashi::crash
