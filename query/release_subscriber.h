#pragma once

#include <cstdint>
#include <thread>

#include "base/mutex.h"
#include "dashi/release_event.h"
#include "dashi/subscription.h"

namespace dashi::internal {

/// A callback of the application, and whether it may still be called.
///
/// Threads: all methods may be called at once, but for Call, by one thread at a time.
class ReleaseSubscriber {
 public:
  /// It is told of events with higher numbers than `last_event`.
  ReleaseSubscriber(ReleaseCallback callback, std::uint64_t last_event);

  std::uint64_t last_event() const { return last_event_; }
  /// Calls the callback, unless it is cancelled. What it throws is logged.
  void Call(const ReleaseEvent& event) DASHI_EXCLUDES(mutex_);
  /// See Subscription::Cancel.
  void Cancel() DASHI_EXCLUDES(mutex_);
  bool is_cancelled() const DASHI_EXCLUDES(mutex_);

 private:
  bool BeginCall() DASHI_EXCLUDES(mutex_);
  void EndCall() DASHI_EXCLUDES(mutex_);

  const std::uint64_t last_event_;
  mutable Mutex mutex_;
  CondVar returned_;
  bool cancelled_ DASHI_GUARDED_BY(mutex_) = false;
  bool is_called_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread::id caller_ DASHI_GUARDED_BY(mutex_);  // Who calls, while is_called_.
  /// Belongs to the thread that calls it while is_called_, and to whoever holds mutex_ else.
  ReleaseCallback callback_;
};

}  // namespace dashi::internal
