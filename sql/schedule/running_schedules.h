#pragma once

#include <set>
#include <string>

#include "base/mutex.h"

namespace dashi::sql {

/// The schedules of a database that run, so that none runs twice at once.
///
/// Threads: all methods may be called at once.
class RunningSchedules {
 public:
  /// Returns false where it runs already.
  bool Begin(const std::string& name) DASHI_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return names_.insert(name).second;
  }
  void End(const std::string& name) DASHI_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    names_.erase(name);
  }
  bool Has(const std::string& name) const DASHI_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return names_.contains(name);
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> names_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::sql
