#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/blocking_observer.h"

namespace dashi {

/// Threads that run SQL, so that the I/O threads never do. While jobs wait for their clients, other
/// threads take their place: clients that do not send or read keep nobody else from being served.
///
/// Threads: all methods may be called at once.
class WorkerPool final : public BlockingObserver {
 public:
  /// At most `num_waiting_max` jobs wait for a thread. A thread that took another's place and finds
  /// nothing to do for `idle_max` ends.
  static Result<std::unique_ptr<WorkerPool>> Start(
      int num_threads, std::size_t num_waiting_max,
      std::chrono::milliseconds idle_max = std::chrono::seconds(5));
  ~WorkerPool() override;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Returns false, and does not take the job, when too many wait or the pool has stopped. Jobs
  /// must not throw.
  bool Submit(std::function<void()> job) DASHI_EXCLUDES(mutex_);
  void BeginBlocking() override DASHI_EXCLUDES(mutex_);
  void EndBlocking() override DASHI_EXCLUDES(mutex_);
  struct Load {
    std::size_t num_threads = 0;
    std::size_t num_blocked = 0;
    std::size_t num_waiting = 0;  ///< jobs
  };
  Load load() const DASHI_EXCLUDES(mutex_);
  /// Runs what waits, then ends the threads.
  void Stop() DASHI_EXCLUDES(mutex_);

 private:
  WorkerPool(std::size_t num_threads, std::size_t num_waiting_max,
             std::chrono::milliseconds idle_max)
      : num_threads_(num_threads), num_waiting_max_(num_waiting_max), idle_max_(idle_max) {}
  void Work() DASHI_EXCLUDES(mutex_);
  /// Takes the next job. Returns false when the thread is to end.
  bool TakeJob(std::function<void()>* job) DASHI_EXCLUDES(mutex_);
  void ReplaceBlocked() DASHI_REQUIRES(mutex_);
  Status AddThread() DASHI_REQUIRES(mutex_);

  const std::size_t num_threads_;  // that do not wait for their clients
  const std::size_t num_waiting_max_;
  const std::chrono::milliseconds idle_max_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> jobs_ DASHI_GUARDED_BY(mutex_);
  bool stopped_ DASHI_GUARDED_BY(mutex_) = false;
  std::size_t num_live_ DASHI_GUARDED_BY(mutex_) = 0;
  std::size_t num_idle_ DASHI_GUARDED_BY(mutex_) = 0;
  std::size_t num_blocked_ DASHI_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_ DASHI_GUARDED_BY(mutex_);
  std::vector<std::thread::id> ended_ DASHI_GUARDED_BY(mutex_);  // of threads_, not yet joined
};

}  // namespace dashi
