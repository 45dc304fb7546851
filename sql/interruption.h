#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "dashi/status.h"

namespace dashi::sql {

/// Whether the running statement has to stop: because Cancel was called, the session's owner says
/// so when asked, or its time is up.
///
/// Threads: Cancel from any thread; the rest from the session's thread.
class Interruption {
 public:
  /// Begins a statement. A Cancel that came while nothing ran is forgotten.
  void Begin(std::int64_t timeout_ms);
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  /// Has `cancelled` asked at every Poll; nullptr asks nobody.
  void set_cancel_check(std::function<bool()> cancelled) { cancel_check_ = std::move(cancelled); }

  bool Poll() const;
  /// The error of a statement that was interrupted. It is ok while there is no reason to stop.
  Status ToStatus() const;

  /// The monotonic time at which the current statement's time is up; 0 = never. A result set that
  /// is read later puts its own back.
  std::int64_t deadline_micros() const { return deadline_micros_; }
  void set_deadline_micros(std::int64_t deadline) { deadline_micros_ = deadline; }

 private:
  bool cancelled() const;

  std::atomic<bool> cancelled_{false};
  std::function<bool()> cancel_check_;
  std::int64_t deadline_micros_ = 0;
};

}  // namespace dashi::sql
