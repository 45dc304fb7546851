#pragma once

#include <atomic>
#include <cstdint>

#include "base/thread_pool.h"
#include "index/vector_index.h"

namespace dashi::index {

/// What a step that links a graph runs on and reports to. Borrowed.
struct LinkingControl {
  /// Shares the work. No link depends on its number of threads.
  ThreadPool& pool;
  /// Called by the caller's thread every tenth of a second or so with rows done; may be empty.
  const BuildProgress& progress;
  /// Counts dot products, when it is not null.
  std::atomic<std::uint64_t>* num_scored = nullptr;

  void Count(std::uint64_t scored) const {
    if (num_scored != nullptr) {
      num_scored->fetch_add(scored, std::memory_order_relaxed);
    }
  }
  /// Returns whether to go on.
  bool Report(std::size_t done, std::size_t total) const {
    return !progress || progress(done, total);
  }
};

}  // namespace dashi::index
