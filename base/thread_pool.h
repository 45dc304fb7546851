#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace dashi {

/// A fixed set of threads for loops over independent ranges.
///
/// Threads: ParallelFor may be called by several threads at once, and from inside a body (it then
///          runs in the calling thread).
class ThreadPool {
 public:
  /// `num_threads` counts the caller, so 1 makes no thread; 0 means one per core.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const;

  /// Calls body(begin, end) over [0, size) in chunks of at most `chunk`, and returns when all are
  /// done. Chunk borders depend on `size` and `chunk` alone, never on the number of threads, so a
  /// body that writes only its own range gives the same bits with any number of threads.
  /// What a body throws (std::bad_alloc) comes out of the call once no thread is in a body any
  /// more; chunks that had not begun by then are left out.
  void ParallelFor(std::size_t size, std::size_t chunk,
                   const std::function<void(std::size_t begin, std::size_t end)>& body);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi
