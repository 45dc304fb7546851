#include "storage/rocksdb_store_state.h"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/rocksdb_status.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};

std::size_t IndexOf(EntityKind kind) { return static_cast<std::size_t>(kind) - 1; }

}  // namespace

Result<std::uint64_t> ReadCounter(const RocksdbEngine& engine, std::string_view key) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found, engine.Get(Family::kMeta, key, &value));
  std::uint64_t counter = 0;
  if (found && !DecodeCounter(value, &counter)) {
    return Status::Corruption(fmt::format("meta counter cannot be decoded: {}", key));
  }
  return counter;
}

RocksdbStoreState::RocksdbStoreState(const std::string& directory,
                                     const StoreOptions& store_options)
    : options(store_options),
      paths(directory),
      growing(*store_options.file_gate, paths.data),
      disk(growing, paths.root, store_options.reserved_disk_bytes),
      memory(store_options.memory_bytes_max) {}

Status RocksdbStoreState::ReadCounters() {
  for (const EntityKind kind : kKinds) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t next, ReadCounter(*engine, OrdinalCounterKey(kind)));
    next_ordinals_[IndexOf(kind)] = next;
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t last, ReadCounter(*engine, CommitSequenceKey()));
  sequencer = std::make_unique<CommitSequencer>(last);
  return Status::Ok();
}

void RocksdbStoreState::NoteCommit(std::uint64_t commit_sequence, std::uint64_t engine_sequence,
                                   bool synced) {
  if (watermark == nullptr) {
    return;  // It begins with what the recovery has committed.
  }
  if (synced) {
    watermark->NoteSynced(commit_sequence, engine_sequence);
  } else {
    watermark->NoteUnsynced();
  }
}

Status RocksdbStoreState::LoadSchemas() {
  for (const EntityKind kind : kKinds) {
    std::string value;
    DASHI_ASSIGN_OR_RETURN(const bool found, engine->Get(Family::kMeta, SchemaKey(kind), &value));
    DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const SchemaRecord> schema,
                           schemas.Decode(kind, found ? value : std::string_view()));
    const MutexLock lock(schemas_mutex_);
    current_schemas_[IndexOf(kind)] = std::move(schema);
  }
  return Status::Ok();
}

std::shared_ptr<const SchemaRecord> RocksdbStoreState::CurrentSchema(EntityKind kind) const {
  const MutexLock lock(schemas_mutex_);
  return current_schemas_[IndexOf(kind)];
}

std::uint64_t RocksdbStoreState::NextOrdinal(EntityKind kind) const {
  return next_ordinals_[IndexOf(kind)];
}

Result<Ordinal> RocksdbStoreState::TakeOrdinal(EntityKind kind) {
  const std::uint64_t ordinal = next_ordinals_[IndexOf(kind)].fetch_add(1);
  if (ordinal >= std::numeric_limits<std::uint32_t>::max()) {
    return Status::ResourceExhausted(
               fmt::format("no ordinals left: table {}", EntityTableName(kind)))
        .WithSqlState("54000");
  }
  return Ordinal{static_cast<std::uint32_t>(ordinal)};
}

Result<std::uint64_t> RocksdbStoreState::TakeId(std::string_view counter) {
  DASHI_RETURN_IF_ERROR(CheckName("counter", counter));
  const std::string key = CounterKey(counter);
  std::uint64_t id = 0;
  {
    MutexLock lock(counters_mutex_);
    auto found = counters_.find(counter);
    if (found == counters_.end()) {
      DASHI_ASSIGN_OR_RETURN(const std::uint64_t last, ReadCounter(*engine, key));
      found = counters_.emplace(counter, last).first;
    }
    id = ++found->second;
  }
  rocksdb::WriteBatch batch;
  DASHI_RETURN_IF_ERROR(
      FromRocksdb(batch.Merge(engine->family(Family::kMeta), key, EncodeCounter(id)), "counter"));
  DASHI_RETURN_IF_ERROR(engine->Write(&batch, /*sync=*/true, "writing a counter"));
  return id;
}

Picture RocksdbStoreState::NewPicture() {
  if (options.read_only) {
    return Picture{nullptr, sequencer->Completed()};
  }
  // Before the snapshot, whose releases have not been dropped yet.
  std::shared_ptr<const EmbeddingFamilies> families = engine->AllEmbeddingFamilies();
  std::uint64_t completed = 0;
  {
    // Counted before the number can be seen as unread, and before the snapshot: the snapshot then
    // holds every commit up to it.
    const MutexLock lock(live_mutex_);
    completed = sequencer->Completed();
    live_pictures_.insert(completed);
  }
  rocksdb::DB* db = engine->db();
  return Picture{std::shared_ptr<const rocksdb::Snapshot>(
                     db->GetSnapshot(),
                     [this, db, completed](const rocksdb::Snapshot* snapshot) {
                       db->ReleaseSnapshot(snapshot);
                       const MutexLock lock(live_mutex_);
                       live_pictures_.erase(live_pictures_.find(completed));
                     }),
                 completed, std::move(families)};
}

std::uint64_t RocksdbStoreState::OldestPicture() const {
  const MutexLock lock(live_mutex_);
  return live_pictures_.empty() ? sequencer->Completed() : *live_pictures_.begin();
}

Picture RocksdbStoreState::TakePicture() {
  MutexLock lock(picture_mutex_);
  return frozen_ ? *frozen_ : NewPicture();
}

Picture RocksdbStoreState::BeginPicture(rocksdb::Transaction* transaction, bool* behind_load) {
  MutexLock lock(picture_mutex_);
  std::shared_ptr<const EmbeddingFamilies> families = engine->AllEmbeddingFamilies();
  const std::uint64_t completed = sequencer->Completed();
  transaction->SetSnapshot();
  *behind_load = frozen_ != nullptr;
  if (frozen_) {
    return *frozen_;
  }
  // The transaction owns the snapshot and outlives the picture.
  const rocksdb::Snapshot* snapshot = transaction->GetSnapshot();
  return Picture{std::shared_ptr<const rocksdb::Snapshot>(snapshot, [](const auto*) {}), completed,
                 std::move(families)};
}

void RocksdbStoreState::FreezePicture() {
  MutexLock lock(picture_mutex_);
  frozen_ = std::make_unique<Picture>(NewPicture());
}

void RocksdbStoreState::ThawPicture() {
  std::unique_ptr<Picture> before;  // Goes after the lock: it may delete files.
  MutexLock lock(picture_mutex_);
  before = std::move(frozen_);
}

void RocksdbStoreState::SetUnfinishedLoad(UnfinishedLoad load) {
  MutexLock lock(unfinished_mutex_);
  unfinished_load_ = std::move(load);
  unfinished_ = true;
}

void RocksdbStoreState::ClearUnfinishedLoad() {
  MutexLock lock(unfinished_mutex_);
  unfinished_load_.reset();
  unfinished_ = false;
}

std::optional<UnfinishedLoad> RocksdbStoreState::GetUnfinishedLoad() const {
  MutexLock lock(unfinished_mutex_);
  return unfinished_load_;
}

Status RocksdbStoreState::CheckWorking() const {
  DASHI_RETURN_IF_ERROR(disk.CheckSyncs());
  if (schemas_unread_) {
    return Status::IoError("the columns of a table were altered and could not be read back: " +
                           paths.root)
        .WithHint("Close the database and open it again.");
  }
  if (!unfinished_) {
    return Status::Ok();
  }
  MutexLock lock(unfinished_mutex_);
  if (!unfinished_load_ || !unfinished_load_->committed) {
    return Status::Ok();
  }
  const Status& why = unfinished_load_->why;
  return Status(why)
      .WithContext("a load is committed but not applied yet, and nothing is written before it is")
      .WithHint(why.sqlstate() == "53100"
                    ? "Free space on the disk of the database directory: the load is finished "
                      "then. Do not run it again."
                    : "Remove the cause, close the database and open it again: the open finishes "
                      "the load. Do not run it again.");
}

std::string RocksdbStoreState::NextLoadName() { return fmt::format("load-{}", ++num_loads_); }

void RocksdbStoreState::EnterLoad() {
  MutexLock lock(load_mutex_);
  while (loading_) {
    load_left_.Wait(load_mutex_);
  }
  loading_ = true;
}

void RocksdbStoreState::LeaveLoad() {
  MutexLock lock(load_mutex_);
  loading_ = false;
  load_left_.NotifyOne();
}

}  // namespace dashi::storage
