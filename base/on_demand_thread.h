#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "base/thread_priority.h"

namespace dashi {

/// A thread that lives while there is work: it starts when it is woken, does one step after the
/// other, ends when a step says that nothing is left, and is joined at the latest when its owner
/// goes.
///
/// Threads: all methods may be called at once, and from a step, but for the destructor.
class OnDemandThread {
 public:
  /// Does a part of the work. Returns how long to wait before the next step (0: not at all), or
  /// nullopt when nothing is left to do: the thread ends then, unless it was woken since the step
  /// began. Must not throw, and should end soon once is_stopping().
  using Step = std::function<std::optional<std::chrono::milliseconds>()>;

  /// `priority`, where given, is lowered for the thread.
  explicit OnDemandThread(Step step, std::optional<ThreadPriority> priority = std::nullopt);
  /// Waits for the step that runs; nothing is begun after it.
  ~OnDemandThread();
  OnDemandThread(const OnDemandThread&) = delete;
  OnDemandThread& operator=(const OnDemandThread&) = delete;

  /// Says that there may be work. A wait between two steps is not cut short.
  void Wake() DASHI_EXCLUDES(mutex_);
  /// Whether the thread has work, as far as it knows.
  bool is_running() const DASHI_EXCLUDES(mutex_);
  /// Whether the owner waits for its end.
  bool is_stopping() const { return stopping_.load(std::memory_order_relaxed); }
  /// Waits until the thread has ended, or at most so long for the end of a step.
  void WaitForStep(std::chrono::milliseconds timeout) DASHI_EXCLUDES(mutex_);
  /// Waits until nothing is left to do. Not from a step.
  void WaitUntilIdle() DASHI_EXCLUDES(mutex_);

 private:
  void Run() DASHI_EXCLUDES(mutex_);

  const Step step_;
  const std::optional<ThreadPriority> priority_;
  std::atomic<bool> stopping_{false};  // Set under mutex_.
  mutable Mutex mutex_;
  CondVar changed_;  // A step has ended, or the thread.
  CondVar stopped_;  // The owner goes.
  std::thread thread_ DASHI_GUARDED_BY(mutex_);
  bool running_ DASHI_GUARDED_BY(mutex_) = false;
  bool woken_ DASHI_GUARDED_BY(mutex_) = false;  // Since the step that runs began.
};

}  // namespace dashi
