#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace dashi::crash {

/// Knows which releases may answer at a moment: the one that the last finished statement left
/// serving, and the one that a running statement is about to.
///
/// Threads: all methods may be called at once, Begin and End by one thread.
class ServedLedger {
 public:
  explicit ServedLedger(std::string served) { entries_.push_back({std::move(served), true}); }

  /// A statement begins after which `served` answers, if it is done.
  void Begin(std::string served) DASHI_EXCLUDES(mutex_);
  /// It was acknowledged, or it was refused and changed nothing.
  void End(bool done) DASHI_EXCLUDES(mutex_);
  std::string Served() const DASHI_EXCLUDES(mutex_);

  /// A query begins.
  std::size_t Mark() const DASHI_EXCLUDES(mutex_);
  /// It has ended: whether this release may have answered it.
  bool MayHaveServed(std::size_t mark, std::string_view release) const DASHI_EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string release;
    bool settled = false;
  };
  mutable Mutex mutex_;
  std::vector<Entry> entries_ DASHI_GUARDED_BY(mutex_);  // Only the last may be unsettled.
};

}  // namespace dashi::crash
