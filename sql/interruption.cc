#include "sql/interruption.h"

#include <algorithm>

#include "base/status.h"

namespace dashi::sql {

void Interruption::Begin(std::int64_t timeout_ms) {
  cancelled_.store(false, std::memory_order_relaxed);
  failure_.reset();
  deadline_micros_ = timeout_ms == 0 ? 0 : Clock::System().MonotonicMicros() + timeout_ms * 1000;
}

void Interruption::SetTimeLimit(std::optional<std::int64_t> micros) {
  // A limit of no time is over at once, and 0 means none.
  limit_micros_ =
      micros ? std::max<std::int64_t>(1, Clock::System().MonotonicMicros() + *micros) : 0;
}

bool Interruption::AskCancelCheck() const {
  const Result<bool> asked = CatchAsStatus("the application's cancel check",
                                           [&]() -> Result<bool> { return cancel_check_(); });
  if (!asked.ok()) {
    failure_ = asked.status();
    failure_->IgnoreError("ToStatus tells it");
    return true;
  }
  return *asked;
}

void Interruption::Fail(Status error) {
  failure_ = std::move(error);
  failure_->IgnoreError("ToStatus tells it, unless the statement cannot stop any more");
}

bool Interruption::cancelled() const {
  return cancelled_.load(std::memory_order_relaxed) || failure_ ||
         (cancel_check_ && AskCancelCheck());
}

Interruption::Limit Interruption::ReachedLimit() const {
  if (deadline_micros_ == 0 && limit_micros_ == 0) {
    return Limit::kNone;
  }
  const std::int64_t now = Clock::System().MonotonicMicros();
  if (limit_micros_ != 0 && now >= limit_micros_) {
    return Limit::kSession;
  }
  return deadline_micros_ != 0 && now >= deadline_micros_ ? Limit::kStatement : Limit::kNone;
}

std::optional<std::int64_t> Interruption::MicrosLeft() const {
  if (deadline_micros_ == 0 && limit_micros_ == 0) {
    return std::nullopt;
  }
  const std::int64_t end = deadline_micros_ == 0 || limit_micros_ == 0
                               ? std::max(deadline_micros_, limit_micros_)
                               : std::min(deadline_micros_, limit_micros_);
  return std::max<std::int64_t>(0, end - Clock::System().MonotonicMicros());
}

bool Interruption::Poll() const { return cancelled() || ReachedLimit() != Limit::kNone; }

Status Interruption::ToStatus() const {
  if (cancelled()) {
    return failure_
               ? *failure_
               : Status::Cancelled("the statement was cancelled by request").WithSqlState("57014");
  }
  const Limit limit = ReachedLimit();
  if (limit == Limit::kNone) {
    return Status();
  }
  return Status::DeadlineExceeded(limit == Limit::kSession
                                      ? "the session's time limit is over"
                                      : "the statement ran longer than statement_timeout")
      .WithSqlState("57014");
}

}  // namespace dashi::sql
