#pragma once

#include <map>
#include <string>

#include "base/memory_account.h"
#include "base/mutex.h"

namespace dashi::sql {

/// Who has how much memory of a database: all sessions, and those of each role.
///
/// Threads: all methods may be called at once.
class RoleMemory {
 public:
  RoleMemory();

  /// The account that the sessions of a role share, without a limit when it is made.
  MemoryAccountRef Of(const std::string& role) DASHI_EXCLUDES(mutex_);
  /// The one of all sessions.
  const MemoryAccountRef& all() const { return all_; }

 private:
  const MemoryAccountRef all_;
  Mutex mutex_;
  std::map<std::string, MemoryAccountRef> roles_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::sql
