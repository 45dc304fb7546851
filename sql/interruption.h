#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "dashi/status.h"

namespace dashi::sql {

/// Whether the running statement has to stop: because Cancel was called, the session's owner says
/// so when asked, its time is up, or a callback of the application has thrown.
///
/// Threads: Cancel from any thread; the rest from the session's thread.
class Interruption {
 public:
  /// Begins a statement. A Cancel that came while nothing ran is forgotten.
  void Begin(std::int64_t timeout_ms);
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  /// Has `cancelled` asked at every Poll; nullptr asks nobody.
  void set_cancel_check(std::function<bool()> cancelled) { cancel_check_ = std::move(cancelled); }
  /// Ends all that runs from now on when so much time is over; nullopt takes the limit away.
  void SetTimeLimit(std::optional<std::int64_t> micros);
  /// Ends the statement with this error.
  void Fail(Status error);
  bool has_failed() const { return failure_.has_value(); }

  bool Poll() const;
  /// The error of a statement that was interrupted. It is ok while there is no reason to stop.
  Status ToStatus() const;

  /// The time until one of the limits is reached, from 0; nullopt: never.
  std::optional<std::int64_t> MicrosLeft() const;

  /// The monotonic time at which the current statement's time is up; 0 = never. A result set that
  /// is read later puts its own back.
  std::int64_t deadline_micros() const { return deadline_micros_; }
  void set_deadline_micros(std::int64_t deadline) { deadline_micros_ = deadline; }

 private:
  enum class Limit { kNone, kStatement, kSession };

  bool cancelled() const;
  bool AskCancelCheck() const;
  Limit ReachedLimit() const;

  std::atomic<bool> cancelled_{false};
  std::function<bool()> cancel_check_;
  std::int64_t deadline_micros_ = 0;
  std::int64_t limit_micros_ = 0;          // The monotonic time of SetTimeLimit; 0 = never.
  mutable std::optional<Status> failure_;  // What a callback has thrown.
};

}  // namespace dashi::sql
