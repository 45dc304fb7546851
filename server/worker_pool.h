#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"

namespace dashi {

/// Threads that run SQL, so that the I/O threads never do.
///
/// Threads: all methods may be called at once.
class WorkerPool {
 public:
  /// At most `num_waiting_max` jobs wait for a thread.
  static Result<std::unique_ptr<WorkerPool>> Start(int num_threads, std::size_t num_waiting_max);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Returns false, and does not take the job, when too many wait or the pool has stopped. Jobs
  /// must not throw.
  bool Submit(std::function<void()> job) DASHI_EXCLUDES(mutex_);
  /// Runs what waits, then ends the threads.
  void Stop() DASHI_EXCLUDES(mutex_);

 private:
  explicit WorkerPool(std::size_t num_waiting_max) : num_waiting_max_(num_waiting_max) {}
  void Work() DASHI_EXCLUDES(mutex_);

  const std::size_t num_waiting_max_;
  Mutex mutex_;
  CondVar has_job_;
  std::deque<std::function<void()>> jobs_ DASHI_GUARDED_BY(mutex_);
  bool stopped_ DASHI_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace dashi
