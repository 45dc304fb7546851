#include "sql/load_turns.h"

#include <chrono>

#include "base/clock.h"
#include "base/status.h"

namespace dashi::sql {

namespace {
constexpr std::chrono::milliseconds kPoll{20};  // between two looks at Cancel and the clock
}

Result<std::unique_ptr<LoadTurns::Turn>> LoadTurns::Take(const Interruption& interruption,
                                                         std::int64_t timeout_ms) {
  const std::int64_t began = Clock::System().MonotonicMicros();
  const MutexLock lock(mutex_);
  while (taken_) {
    DASHI_RETURN_IF_ERROR(interruption.ToStatus());
    if (timeout_ms > 0 && Clock::System().MonotonicMicros() - began >= timeout_ms * 1000) {
      return Status::Unavailable("canceling statement due to lock timeout")
          .WithSqlState("55P03")
          .WithHint("Another session's COPY is loading: one loads at a time.");
    }
    given_back_.WaitFor(mutex_, kPoll);
  }
  taken_ = true;
  return std::make_unique<Turn>(*this);
}

void LoadTurns::GiveBack() {
  const MutexLock lock(mutex_);
  taken_ = false;
  given_back_.NotifyOne();
}

}  // namespace dashi::sql
