#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/on_demand_thread.h"
#include "dashi/status.h"
#include "query/serving_index.h"

namespace dashi::query {

/// Tends indexes and does other work that can wait, one after the other, on a thread of its own
/// that lives while there is something to do and gives way to others.
///
/// Threads: all methods may be called at once.
class IndexCaretaker {
 public:
  /// The end of a caretaker ends what runs; what is not done then is begun again when the index is
  /// next opened.
  IndexCaretaker();
  IndexCaretaker(const IndexCaretaker&) = delete;
  IndexCaretaker& operator=(const IndexCaretaker&) = delete;

  /// Says that an index may have something to be done.
  void Tend(std::weak_ptr<const ServingIndex> index) DASHI_EXCLUDES(mutex_);
  /// Does something later; it must end soon when `should_stop` says so. What fails is logged.
  void Do(std::function<Status(const std::function<bool()>& should_stop)> task)
      DASHI_EXCLUDES(mutex_);
  /// Waits until nothing is left to do. For tests.
  void WaitUntilIdle() { thread_.WaitUntilIdle(); }

 private:
  std::optional<std::chrono::milliseconds> Step() DASHI_EXCLUDES(mutex_);

  Mutex mutex_;
  std::deque<std::function<Status(const std::function<bool()>& should_stop)>> waiting_
      DASHI_GUARDED_BY(mutex_);
  OnDemandThread thread_;  // Last: it uses what stands before it.
};

}  // namespace dashi::query
