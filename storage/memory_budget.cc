#include "storage/memory_budget.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kStepBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct UseInfo {
  std::string_view name;
  std::string_view description;
};
constexpr std::array<UseInfo, kNumMemoryUses> kUses = {
    {{"releases", "encoders and label vectors of loaded releases, with what came after them"},
     {"loads", "what COPY remembers of the rows it has seen"},
     {"transactions", "changes that are not yet committed"}}};

std::size_t IndexOf(MemoryUse use) { return static_cast<std::size_t>(use); }

std::uint64_t MiB(std::uint64_t bytes) { return (bytes + kMiB - 1) / kMiB; }

/// Whether the thread is giving memory back: what it needs for that must not ask for more.
thread_local bool is_reclaiming = false;

}  // namespace

std::uint64_t MemoryBudget::Reserved() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t bytes : reserved_) {
    sum += bytes;
  }
  return sum;
}

void MemoryBudget::ResizeCache() {
  if (resize_cache_) {
    resize_cache_(limit_bytes_ - Reserved());
  }
}

void MemoryBudget::SetCache(std::function<void(std::uint64_t bytes)> resize) {
  const MutexLock lock(mutex_);
  resize_cache_ = std::move(resize);
  ResizeCache();
}

Status MemoryBudget::Reserve(MemoryUse use, std::uint64_t bytes) {
  for (;;) {
    Status reserved = TryReserve(use, bytes);
    if (reserved.ok() || !Reclaim()) {
      return reserved;
    }
  }
}

bool MemoryBudget::Reclaim() {
  if (is_reclaiming) {
    return false;
  }
  std::vector<MemoryReclaimer*> reclaimers;
  {
    const MutexLock lock(mutex_);
    reclaimers = reclaimers_;
    ++num_reclaiming_;  // They stay until it is over.
  }
  is_reclaiming = true;
  const bool reclaimed =
      std::any_of(reclaimers.begin(), reclaimers.end(),
                  [](MemoryReclaimer* reclaimer) { return reclaimer->give_back_(); });
  is_reclaiming = false;
  const MutexLock lock(mutex_);
  --num_reclaiming_;
  reclaimed_.NotifyAll();
  return reclaimed;
}

void MemoryBudget::AddReclaimer(MemoryReclaimer* reclaimer) {
  const MutexLock lock(mutex_);
  reclaimers_.push_back(reclaimer);
}

void MemoryBudget::RemoveReclaimer(MemoryReclaimer* reclaimer) {
  const MutexLock lock(mutex_);
  std::erase(reclaimers_, reclaimer);
  while (num_reclaiming_ > 0) {
    reclaimed_.Wait(mutex_);
  }
}

MemoryReclaimer::MemoryReclaimer(MemoryBudget* budget, std::function<bool()> give_back)
    : budget_(budget), give_back_(std::move(give_back)) {
  budget_->AddReclaimer(this);
}

MemoryReclaimer::~MemoryReclaimer() { budget_->RemoveReclaimer(this); }

Status MemoryBudget::TryReserve(MemoryUse use, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  const std::uint64_t reservable = limit_bytes_ - limit_bytes_ / 8 * 3;
  const std::uint64_t reserved = Reserved();
  if (bytes > reservable - reserved) {
    return Status::ResourceExhausted(
               fmt::format("out of memory for {}: {} MiB more are needed, {} of {} MiB are in use, "
                           "and the limit of {} MiB leaves the rest to the cache",
                           kUses[IndexOf(use)].name, MiB(bytes), MiB(reserved), MiB(reservable),
                           MiB(limit_bytes_)))
        .WithSqlState("53200")
        .WithHint("Open the database with a larger memory limit; SHOW MEMORY tells who uses it.");
  }
  reserved_[IndexOf(use)] += bytes;
  ResizeCache();
  return Status::Ok();
}

void MemoryBudget::Release(MemoryUse use, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  DASHI_CHECK(bytes <= reserved_[IndexOf(use)]);
  reserved_[IndexOf(use)] -= bytes;
  if (bytes > 0) {
    ResizeCache();
  }
}

std::uint64_t MemoryBudget::reserved_bytes(MemoryUse use) const {
  const MutexLock lock(mutex_);
  return reserved_[IndexOf(use)];
}

std::vector<MemoryUsageRow> ListMemoryUsage(const MemoryBudget& budget, std::uint64_t cache_bytes,
                                            std::uint64_t memtable_bytes) {
  std::vector<MemoryUsageRow> rows = {
      {"cache", cache_bytes > memtable_bytes ? cache_bytes - memtable_bytes : 0,
       "blocks of the database's files"},
      {"memtables", memtable_bytes, "rows that are not yet in files"}};
  for (std::size_t i = 0; i < kNumMemoryUses; ++i) {
    rows.push_back({std::string(kUses[i].name), budget.reserved_bytes(static_cast<MemoryUse>(i)),
                    std::string(kUses[i].description)});
  }
  std::erase_if(rows, [](const MemoryUsageRow& row) { return row.bytes == 0; });
  return rows;
}

Status MemoryLease::Resize(std::uint64_t bytes) { return ResizeBy(bytes, &MemoryBudget::Reserve); }

bool MemoryLease::TryResize(std::uint64_t bytes) {
  return ResizeBy(bytes, &MemoryBudget::TryReserve).ok();
}

Status MemoryLease::ResizeBy(std::uint64_t bytes,
                             Status (MemoryBudget::*reserve)(MemoryUse use, std::uint64_t bytes)) {
  const std::uint64_t wanted = (bytes + kStepBytes - 1) / kStepBytes * kStepBytes;
  if (wanted > bytes_) {
    DASHI_RETURN_IF_ERROR((budget_->*reserve)(use_, wanted - bytes_));
  } else if (wanted < bytes_) {
    budget_->Release(use_, bytes_ - wanted);
  }
  bytes_ = wanted;
  return Status::Ok();
}

}  // namespace dashi::storage
