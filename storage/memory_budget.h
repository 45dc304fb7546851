#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"

namespace dashi::storage {

/// What memory is reserved for. The rest of the budget is the block cache's.
enum class MemoryUse : std::uint8_t { kReleases, kLoads, kTransactions };
inline constexpr std::size_t kNumMemoryUses = 3;

class MemoryReclaimer;

/// One limit for what a database keeps in memory: what is reserved here is taken from the block
/// cache, which holds the memtables too and keeps three eighths of the limit at least. Before a
/// reservation is refused, reclaimers give back what is kept for later use alone.
///
/// Threads: all methods may be called at once. Reserve may run reclaimers in the calling thread: it
///          must not hold a lock that one of them takes.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Hands the cache's share to `resize`, now and whenever it changes.
  void SetCache(std::function<void(std::uint64_t bytes)> resize) DASHI_EXCLUDES(mutex_);

  /// Errors: kResourceExhausted (53200) with the numbers, once no reclaimer has anything to give
  ///         back; nothing is reserved then.
  Status Reserve(MemoryUse use, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);
  /// The same without asking reclaimers.
  Status TryReserve(MemoryUse use, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);
  void Release(MemoryUse use, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);

  std::uint64_t limit_bytes() const { return limit_bytes_; }
  std::uint64_t reserved_bytes(MemoryUse use) const DASHI_EXCLUDES(mutex_);

 private:
  friend class MemoryReclaimer;

  /// Has one reclaimer give something back. False when none has anything.
  bool Reclaim() DASHI_EXCLUDES(mutex_);
  void AddReclaimer(MemoryReclaimer* reclaimer) DASHI_EXCLUDES(mutex_);
  /// Waits for the calls that run.
  void RemoveReclaimer(MemoryReclaimer* reclaimer) DASHI_EXCLUDES(mutex_);
  std::uint64_t Reserved() const DASHI_REQUIRES(mutex_);
  void ResizeCache() DASHI_REQUIRES(mutex_);

  const std::uint64_t limit_bytes_;
  mutable Mutex mutex_;
  std::array<std::uint64_t, kNumMemoryUses> reserved_ DASHI_GUARDED_BY(mutex_){};
  std::function<void(std::uint64_t)> resize_cache_ DASHI_GUARDED_BY(mutex_);
  std::vector<MemoryReclaimer*> reclaimers_ DASHI_GUARDED_BY(mutex_);
  std::size_t num_reclaiming_ DASHI_GUARDED_BY(mutex_) = 0;  // Calls that run.
  CondVar reclaimed_;                                        // One has ended.
};

/// Lets a budget take back, for as long as it lives, memory that is reserved and that nobody uses.
class MemoryReclaimer {
 public:
  /// `give_back` releases something of what is kept for later use and returns true, or false when
  /// there is nothing. It is called by threads whose reservation does not fit, several at once, and
  /// without a lock of the budget's. What it reserves itself is refused without another call.
  MemoryReclaimer(MemoryBudget* budget, std::function<bool()> give_back);
  /// Waits for calls that run: no lock that `give_back` takes may be held.
  ~MemoryReclaimer();
  MemoryReclaimer(const MemoryReclaimer&) = delete;
  MemoryReclaimer& operator=(const MemoryReclaimer&) = delete;

 private:
  friend class MemoryBudget;

  MemoryBudget* const budget_;
  const std::function<bool()> give_back_;
};

/// A reservation that ends with its owner.
///
/// Threads: one thread at a time. The budget must outlive it.
class MemoryLease {
 public:
  MemoryLease(MemoryBudget* budget, MemoryUse use) : budget_(budget), use_(use) {}
  ~MemoryLease() { budget_->Release(use_, bytes_); }
  MemoryLease(const MemoryLease&) = delete;
  MemoryLease& operator=(const MemoryLease&) = delete;

  /// Makes the reservation as large as `bytes`, in steps of 64 KiB so that small changes cost
  /// nothing.
  ///
  /// Errors: as MemoryBudget::Reserve; the reservation stays as it was.
  Status Resize(std::uint64_t bytes);
  /// The same for what can be left out: nobody gives anything back for it. May be called under
  /// locks that reclaimers take. False: the reservation stays as it was.
  bool TryResize(std::uint64_t bytes);

 private:
  Status ResizeBy(std::uint64_t bytes,
                  Status (MemoryBudget::*reserve)(MemoryUse use, std::uint64_t bytes));

  MemoryBudget* const budget_;
  const MemoryUse use_;
  std::uint64_t bytes_ = 0;
};

/// A line of SHOW MEMORY.
struct MemoryUsageRow {
  std::string name;
  std::uint64_t bytes = 0;
  std::string description;
};

/// Who uses how much; parts that use nothing are left out. `cache_bytes` is all that the block
/// cache counts, the memtables among it.
std::vector<MemoryUsageRow> ListMemoryUsage(const MemoryBudget& budget, std::uint64_t cache_bytes,
                                            std::uint64_t memtable_bytes);

}  // namespace dashi::storage
