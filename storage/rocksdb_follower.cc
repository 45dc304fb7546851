#include "storage/rocksdb_follower.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "storage/manifest_stamp.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_figures.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_recovery.h"
#include "storage/rocksdb_view.h"

namespace dashi::storage {

namespace {

// The one that is shown, and those that long statements still read from.
constexpr int kInstancesMax = 4;
// An opening that is quicker than this may be repeated at once.
constexpr std::int64_t kQuickMicros = 50'000;
constexpr std::int64_t kRestFactor = 4;

}  // namespace

struct RocksdbFollower::Instance {
  Instance(std::unique_ptr<RocksdbStoreState> opened, std::shared_ptr<std::atomic<int>> counter)
      : state(std::move(opened)), num_instances(std::move(counter)) {
    num_instances->fetch_add(1);
  }
  ~Instance() { num_instances->fetch_sub(1); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::unique_ptr<RocksdbStoreState> state;
  std::shared_ptr<std::atomic<int>> num_instances;
};

class RocksdbFollower::PinnedView : public RocksdbSnapshotView {
 public:
  explicit PinnedView(std::shared_ptr<Instance> instance)
      : RocksdbSnapshotView(*instance->state, instance->state->TakePicture()),
        instance_(std::move(instance)) {}

 private:
  std::shared_ptr<Instance> instance_;  // Sharers: other views on it, and the store.
};

RocksdbFollower::RocksdbFollower(const std::string& directory, const StoreOptions& options)
    : options_(options),
      paths_(directory),
      cache_(rocksdb::NewLRUCache(options.memory_bytes_max)),
      memory_(options.memory_bytes_max),
      num_instances_(std::make_shared<std::atomic<int>>(0)) {
  memory_.SetCache([cache = cache_](std::uint64_t bytes) { cache->SetCapacity(bytes); });
}

RocksdbFollower::~RocksdbFollower() = default;

std::vector<MemoryUsageRow> RocksdbFollower::MemoryUsage() const {
  return ListMemoryUsage(memory_, cache_->GetUsage(), /*memtable_bytes=*/0);
}

std::vector<StorageFigure> RocksdbFollower::Figures() const { return CacheFigures(*cache_); }

Result<std::unique_ptr<Store>> RocksdbFollower::Open(const std::string& directory,
                                                     const StoreOptions& options) {
  std::unique_ptr<RocksdbFollower> follower(new RocksdbFollower(directory, options));
  DASHI_ASSIGN_OR_RETURN(const std::string stamp, CommitStamp(follower->paths_.data));
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<Instance> first, follower->OpenInstance());
  DASHI_RETURN_IF_ERROR(CheckNoPendingLoad(*first->state));
  {
    MutexLock follow_lock(follower->follow_mutex_);
    follower->shown_stamp_ = stamp;
    MutexLock lock(follower->mutex_);
    follower->shown_ = first;
  }
  return std::unique_ptr<Store>(std::move(follower));
}

Result<std::shared_ptr<RocksdbFollower::Instance>> RocksdbFollower::OpenInstance() {
  auto state = std::make_unique<RocksdbStoreState>(paths_.root, options_);
  DASHI_RETURN_IF_ERROR(OpenForReading(state.get(), cache_));
  return std::make_shared<Instance>(std::move(state), num_instances_);
}

Status RocksdbFollower::Follow() {
  DASHI_ASSIGN_OR_RETURN(std::string stamp, CommitStamp(paths_.data));
  const std::int64_t start = options_.clock->MonotonicMicros();
  if (stamp == shown_stamp_ || start < next_micros_) {
    return Status::Ok();
  }
  if (num_instances_->load() >= kInstancesMax) {
    LogInfo("not following the writer: {} statements read older states", kInstancesMax - 1);
    return Status::Ok();
  }
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<Instance> opened, OpenInstance());
  const std::int64_t end = options_.clock->MonotonicMicros();
  next_micros_ = end - start < kQuickMicros ? 0 : end + kRestFactor * (end - start);
  DASHI_ASSIGN_OR_RETURN(const bool loading, HasPendingLoad(*opened->state));
  if (loading) {
    return Status::Ok();  // What is shown is the state from before the load.
  }
  shown_stamp_ = std::move(stamp);
  MutexLock lock(mutex_);
  shown_.swap(opened);
  return Status::Ok();
}

Result<CheckReport> RocksdbFollower::Check(TaskMonitor& monitor) {
  std::shared_ptr<Instance> shown;
  {
    MutexLock lock(mutex_);
    shown = shown_;
  }
  return CheckRocksdbStore(shown->state.get(), &monitor);
}

Result<BackupSummary> RocksdbFollower::Backup(const std::string& /*backup_directory*/,
                                              const BackupOptions& /*options*/,
                                              TaskMonitor& /*monitor*/) {
  return NotWritable();
}

Result<std::shared_ptr<const View>> RocksdbFollower::NewSnapshot() {
  if (follow_mutex_.TryLock()) {
    const Status status = Follow();
    follow_mutex_.Unlock();
    DASHI_RETURN_IF_ERROR(status);
  }
  MutexLock lock(mutex_);
  return std::shared_ptr<const View>(std::make_shared<PinnedView>(shown_));
}

Status RocksdbFollower::NotWritable() const {
  return Status::FailedPrecondition(
             fmt::format("the database is open for reading only: {}", paths_.root))
      .WithSqlState("25006");
}

Result<std::unique_ptr<Transaction>> RocksdbFollower::Begin() { return NotWritable(); }

Result<std::unique_ptr<BulkLoad>> RocksdbFollower::BeginRowLoad(EntityKind /*kind*/,
                                                                DuplicatePolicy /*policy*/) {
  return NotWritable();
}

Result<std::unique_ptr<BulkLoad>> RocksdbFollower::BeginRelevanceLoad(DuplicatePolicy /*policy*/) {
  return NotWritable();
}

Result<std::unique_ptr<BulkLoad>> RocksdbFollower::BeginEdgeLoad(const GraphRecord& /*graph*/,
                                                                 DuplicatePolicy /*policy*/) {
  return NotWritable();
}

Result<std::unique_ptr<BulkLoad>> RocksdbFollower::BeginClickLoad(const GraphRecord& /*graph*/) {
  return NotWritable();
}

Result<bool> RocksdbFollower::StepIndexWork() { return NotWritable(); }

Status RocksdbFollower::PutWeights(std::string_view /*name*/, std::string_view /*bytes*/) {
  return NotWritable();
}

Status RocksdbFollower::DeleteWeights(std::string_view /*name*/) { return NotWritable(); }

Result<std::unique_ptr<EmbeddingWriter>> RocksdbFollower::NewEmbeddingVersion(
    std::uint64_t /*version*/, std::uint32_t /*dim*/) {
  return NotWritable();
}

Status RocksdbFollower::DropEmbeddingVersion(std::uint64_t /*version*/) { return NotWritable(); }

Status RocksdbFollower::PutDeltaEmbeddings(std::uint64_t /*version*/, EntityKind /*kind*/,
                                           std::span<const DeltaEmbedding> /*embeddings*/) {
  return NotWritable();
}

Status RocksdbFollower::RemoveDeltaEmbeddings(std::uint64_t /*version*/, EntityKind /*kind*/,
                                              std::span<const Ordinal> /*ordinals*/) {
  return NotWritable();
}

}  // namespace dashi::storage
