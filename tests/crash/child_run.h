#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/crash/crash_child.h"
#include "tests/crash/crash_event.h"

namespace dashi::crash {

/// When a child is killed.
enum class KillPhase : std::uint8_t {
  kOpening,  ///< so long after its start, which may be while it opens the database
  kWorking,  ///< so long after it told what it found
  kClosing,  ///< so long after it began to close the database
  kNever,    ///< it ends by itself
};

struct ChildPlan {
  CrashChildOptions child;
  KillPhase phase = KillPhase::kNever;
  std::int64_t delay_micros = 0;
  std::string failpoint;  ///< "load.chunk:2": the child dies there, unless it is killed before
};

struct ChildOutcome {
  bool killed = false;        ///< by us
  bool at_failpoint = false;  ///< it died at its failpoint
  bool hung = false;          ///< it did not get on for three minutes
  std::string trouble;        ///< another signal, or an exit status that is not 0
  double open_seconds = -1;   ///< from its start until the database was open; -1 if it never was
};

/// Starts this program again as a child, hands its events to `on_event`, and kills it as planned.
/// The child's output is appended to the file `log_path`.
ChildOutcome RunChild(const ChildPlan& plan, const std::string& log_path,
                      const std::function<void(const CrashEvent&)>& on_event);

/// What RunChild gave the child as arguments.
CrashChildOptions ParseChildArguments(int argc, char** argv);
/// The descriptor that a child writes its events to.
inline constexpr int kEventDescriptor = 3;

}  // namespace dashi::crash
