#pragma once

#include <chrono>
#include <optional>

#include "base/mutex.h"
#include "base/on_demand_thread.h"
#include "dashi/status.h"
#include "storage/store.h"

namespace dashi::sql {

/// Builds indexes and removes what dropped ones leave, in a thread of its own that lives while
/// there is something to do.
///
/// Threads: all methods may be called at once.
class IndexBuilder {
 public:
  /// The end of a builder ends the step that runs and leaves the rest to the next open.
  explicit IndexBuilder(storage::Store* store);
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  /// Tells that there may be something to do.
  void Wake() { thread_.Wake(); }
  /// Waits for the end of a step, or a moment.
  void WaitForStep();
  /// What the last step ended with.
  Status LastStatus() const DASHI_EXCLUDES(mutex_);

 private:
  std::optional<std::chrono::milliseconds> Step() DASHI_EXCLUDES(mutex_);

  storage::Store* const store_;
  mutable Mutex mutex_;
  Status last_ DASHI_GUARDED_BY(mutex_);
  OnDemandThread thread_;  // Last: it uses what stands before it.
};

}  // namespace dashi::sql
