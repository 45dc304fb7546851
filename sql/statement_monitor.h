#pragma once

#include <string>

#include "sql/progress_meter.h"
#include "sql/session_state.h"
#include "storage/task_monitor.h"

namespace dashi::sql {

/// Passes a storage operation's progress on to the session's callback, and the session's
/// cancellation on to the operation.
///
/// Threads: the session's.
class StatementMonitor : public storage::TaskMonitor {
 public:
  StatementMonitor(SessionState& session, std::string operation)
      : session_(session), meter_(session.on_progress, std::move(operation)) {}

  void BeginPhase(std::string_view phase, std::string_view unit, std::uint64_t total) override {
    meter_.BeginPhase(std::string(phase), std::string(unit), total);
  }
  Status Advance(std::uint64_t done) override {
    meter_.Update(done);
    return session_.interruption.ToStatus();
  }
  void EndPhase(std::uint64_t done) override { meter_.EndPhase(done); }

 private:
  SessionState& session_;
  ProgressMeter meter_;
};

}  // namespace dashi::sql
