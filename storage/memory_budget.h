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

/// One limit for what a database keeps in memory: what is reserved here is taken from the block
/// cache, which holds the memtables too and keeps three eighths of the limit at least.
///
/// Threads: all methods may be called at once.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Hands the cache's share to `resize`, now and whenever it changes.
  void SetCache(std::function<void(std::uint64_t bytes)> resize) DASHI_EXCLUDES(mutex_);

  /// Errors: kResourceExhausted (53200) with the numbers; nothing is reserved then.
  Status Reserve(MemoryUse use, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);
  void Release(MemoryUse use, std::uint64_t bytes) DASHI_EXCLUDES(mutex_);

  std::uint64_t limit_bytes() const { return limit_bytes_; }
  std::uint64_t reserved_bytes(MemoryUse use) const DASHI_EXCLUDES(mutex_);

 private:
  std::uint64_t Reserved() const DASHI_REQUIRES(mutex_);
  void ResizeCache() DASHI_REQUIRES(mutex_);

  const std::uint64_t limit_bytes_;
  mutable Mutex mutex_;
  std::array<std::uint64_t, kNumMemoryUses> reserved_ DASHI_GUARDED_BY(mutex_){};
  std::function<void(std::uint64_t)> resize_cache_ DASHI_GUARDED_BY(mutex_);
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

 private:
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
