#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"

namespace dashi::trainer {

/// Makes the batches of an epoch ahead of the steps that use them, on a thread of its own, in their
/// order.
///
/// Threads: one thread at a time; `make` is called by the reader's thread, one call at a time, and
///          whatever it reads must not change before the reader is gone.
template <typename Batch>
class BatchReader {
 public:
  /// Reads batches first .. end. At most `depth` wait to be used; 0: each is made in Next, by the
  /// calling thread.
  BatchReader(std::uint32_t first, std::uint32_t end, std::size_t depth,
              std::function<Batch(std::uint32_t index)> make)
      : end_(end), depth_(depth), make_(std::move(make)), next_(first) {
    if (depth_ > 0 && next_ < end_) {
      thread_ = std::thread([this] { Work(); });
    }
  }
  ~BatchReader() {
    if (thread_.joinable()) {
      {
        MutexLock lock(mutex_);
        closing_ = true;
      }
      changed_.NotifyAll();
      thread_.join();
    }
  }
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;

  /// The next batch; called at most once for each. What `make` throws (std::bad_alloc) comes out of
  /// the call for that batch, behind which there is none.
  Batch Next() {
    const Stopwatch since_call;
    if (depth_ == 0) {
      Batch batch = make_(next_++);
      wait_seconds_ += since_call.Seconds();
      return batch;
    }
    Batch batch = Take();
    changed_.NotifyAll();
    wait_seconds_ += since_call.Seconds();
    return batch;
  }

  /// How long calls of Next took.
  double wait_seconds() const { return wait_seconds_; }

 private:
  Batch Take() {
    MutexLock lock(mutex_);
    while (ready_.empty() && failure_ == nullptr) {
      changed_.Wait(mutex_);
    }
    if (ready_.empty()) {
      std::rethrow_exception(failure_);
    }
    Batch batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  bool MayGoOn() {
    MutexLock lock(mutex_);
    while (ready_.size() >= depth_ && !closing_) {
      changed_.Wait(mutex_);
    }
    return !closing_;
  }

  void Work() {
    try {
      for (; next_ < end_ && MayGoOn(); ++next_) {
        Batch batch = make_(next_);
        {
          MutexLock lock(mutex_);
          ready_.push_back(std::move(batch));
        }
        changed_.NotifyAll();
      }
    } catch (...) {
      {
        MutexLock lock(mutex_);
        failure_ = std::current_exception();
      }
      changed_.NotifyAll();
    }
  }

  const std::uint32_t end_;
  const std::size_t depth_;
  const std::function<Batch(std::uint32_t index)> make_;
  std::uint32_t next_;  // to be made; of the thread, where there is one
  double wait_seconds_ = 0;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Batch> ready_ DASHI_GUARDED_BY(mutex_);
  std::exception_ptr failure_ DASHI_GUARDED_BY(mutex_);
  bool closing_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dashi::trainer
