#pragma once

#include <thread>

#include "base/mutex.h"
#include "storage/store.h"

namespace dashi::sql {

/// Builds indexes and removes what dropped ones leave, in a thread of its own that lives while
/// there is something to do.
///
/// Threads: all methods may be called at once.
class IndexBuilder {
 public:
  explicit IndexBuilder(storage::Store* store) : store_(store) {}
  /// Ends the step that runs and leaves the rest to the next open.
  ~IndexBuilder();
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  /// Tells that there may be something to do.
  void Wake() DASHI_EXCLUDES(mutex_);
  /// Waits for the end of a step, or a moment.
  void WaitForStep() DASHI_EXCLUDES(mutex_);
  /// What the last step ended with.
  Status LastStatus() const DASHI_EXCLUDES(mutex_);

 private:
  void Run() DASHI_EXCLUDES(mutex_);

  storage::Store* const store_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::thread thread_ DASHI_GUARDED_BY(mutex_);
  bool running_ DASHI_GUARDED_BY(mutex_) = false;
  bool woken_ DASHI_GUARDED_BY(mutex_) = false;
  bool stopping_ DASHI_GUARDED_BY(mutex_) = false;
  Status last_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::sql
