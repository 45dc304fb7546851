#pragma once

#include <atomic>

#include "dashi/status.h"

namespace dashi::internal {

/// Notes that a call runs in a session, and refuses a second one meanwhile: of another thread, or
/// of a callback of the first.
///
/// Threads: several may try at once.
/// Cost:    two atomic operations.
class SessionUse {
 public:
  explicit SessionUse(std::atomic<bool>& in_use)
      : in_use_(in_use), entered_(!in_use.exchange(true, std::memory_order_acquire)) {}
  ~SessionUse() {
    if (entered_) {
      in_use_.store(false, std::memory_order_release);
    }
  }
  SessionUse(const SessionUse&) = delete;
  SessionUse& operator=(const SessionUse&) = delete;

  /// Errors: kFailedPrecondition (55006) when the session was in use.
  Status status() const {
    if (entered_) {
      return Status();
    }
    return Status::FailedPrecondition("the session is running another call")
        .WithSqlState("55006")
        .WithHint(
            "A session is for one thread at a time, and not for its own callbacks: open "
            "another one.");
  }

 private:
  std::atomic<bool>& in_use_;
  const bool entered_;
};

}  // namespace dashi::internal
