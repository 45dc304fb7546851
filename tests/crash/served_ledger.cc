#include "tests/crash/served_ledger.h"

#include <algorithm>
#include <utility>

namespace dashi::crash {

void ServedLedger::Begin(std::string served) {
  MutexLock lock(mutex_);
  entries_.push_back({std::move(served), false});
}

void ServedLedger::End(bool done) {
  MutexLock lock(mutex_);
  if (done) {
    entries_.back().settled = true;
  } else {
    // Marks of queries name earlier entries, so that they stay right.
    entries_.pop_back();
  }
}

std::string ServedLedger::Served() const {
  MutexLock lock(mutex_);
  return entries_.back().settled ? entries_.back().release : entries_[entries_.size() - 2].release;
}

std::size_t ServedLedger::Mark() const {
  MutexLock lock(mutex_);
  return entries_.back().settled ? entries_.size() - 1 : entries_.size() - 2;
}

bool ServedLedger::MayHaveServed(std::size_t mark, std::string_view release) const {
  MutexLock lock(mutex_);
  return std::any_of(entries_.begin() + static_cast<std::ptrdiff_t>(mark), entries_.end(),
                     [&](const Entry& entry) { return entry.release == release; });
}

}  // namespace dashi::crash
