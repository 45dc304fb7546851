#include "sql/interruption.h"

namespace dashi::sql {

void Interruption::Begin(std::int64_t timeout_ms) {
  cancelled_.store(false, std::memory_order_relaxed);
  deadline_micros_ = timeout_ms == 0 ? 0 : Clock::System().MonotonicMicros() + timeout_ms * 1000;
}

bool Interruption::cancelled() const {
  return cancelled_.load(std::memory_order_relaxed) || (cancel_check_ && cancel_check_());
}

bool Interruption::Poll() const {
  return cancelled() ||
         (deadline_micros_ != 0 && Clock::System().MonotonicMicros() >= deadline_micros_);
}

Status Interruption::ToStatus() const {
  if (cancelled()) {
    return Status::Cancelled("the statement was cancelled by request").WithSqlState("57014");
  }
  if (Poll()) {
    return Status::DeadlineExceeded("the statement ran longer than statement_timeout")
        .WithSqlState("57014");
  }
  return Status();
}

}  // namespace dashi::sql
