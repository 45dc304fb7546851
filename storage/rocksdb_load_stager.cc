#include "storage/rocksdb_load_stager.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/status.h"
#include "storage/load_spool.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kBlocksMax = 8;

std::uint64_t IdBytesMax(std::uint64_t memory_bytes_max) {
  return std::clamp<std::uint64_t>(memory_bytes_max / 16, std::uint64_t{1} << 20,
                                   std::uint64_t{32} << 20);
}

Status DamagedBlock() { return Status::Corruption("a load's block holds a row that is malformed"); }

}  // namespace

LoadStager::LoadStager(RocksdbStoreState* state, EntityKind kind, const std::string& name)
    : state_(state),
      kind_(kind),
      id_bytes_max_(IdBytesMax(state->options.memory_bytes_max)),
      rows_(state, RowFamily(kind), name + "-rows"),
      ids_(state, Family::kIds, name + "-ids") {}

Result<std::unique_ptr<LoadStager>> LoadStager::Start(RocksdbStoreState* state, EntityKind kind,
                                                      const std::string& name) {
  std::unique_ptr<LoadStager> stager(new LoadStager(state, kind, name));
  DASHI_RETURN_IF_ERROR(CatchAsStatus("start of a thread", [&stager] {
    stager->thread_ = std::thread([raw = stager.get()] { raw->Run(); });
  }));
  return stager;
}

LoadStager::~LoadStager() {
  {
    const MutexLock lock(mutex_);
    dropped_ = !keeps_files_;
  }
  Join();
  if (!keeps_files_) {
    rows_.Remove();
    ids_.Remove();
  }
}

void LoadStager::Join() {
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

Status LoadStager::Add(std::string* block) {
  const MutexLock lock(mutex_);
  while (status_.ok() && full_.size() >= kBlocksMax) {
    changed_.Wait(mutex_);
  }
  DASHI_RETURN_IF_ERROR(Status(status_));
  pending_bytes_ += block->size();
  full_.push_back(std::exchange(*block, {}));
  if (!used_.empty()) {
    block->swap(used_.back());
    used_.pop_back();
  }
  changed_.NotifyAll();
  return Status::Ok();
}

Status LoadStager::Finish() {
  Join();
  {
    const MutexLock lock(mutex_);
    DASHI_RETURN_IF_ERROR(Status(status_));
  }
  return SyncFolder(state_->paths.tmp, state_->disk);
}

bool LoadStager::TakeBlock(std::string* block) {
  const MutexLock lock(mutex_);
  if (block->capacity() > 0) {
    block->clear();
    used_.push_back(std::move(*block));
  }
  while (full_.empty() && !ended_) {
    changed_.Wait(mutex_);
  }
  if (full_.empty() || dropped_) {
    return false;
  }
  *block = std::move(full_.front());
  full_.pop_front();
  changed_.NotifyAll();
  return true;
}

void LoadStager::Run() {
  std::string block;
  Status status;
  while (status.ok() && TakeBlock(&block)) {
    status = CatchAsStatus("writing a load's files", [&] { return WriteBlock(block); });
  }
  bool dropped = false;
  {
    const MutexLock lock(mutex_);
    dropped = dropped_;
  }
  if (status.ok() && !dropped) {
    status = CatchAsStatus("writing a load's files", [this]() -> Status {
      DASHI_RETURN_IF_ERROR(WriteIds());
      DASHI_RETURN_IF_ERROR(rows_.Finish());
      return ids_.Finish();
    });
  }
  const MutexLock lock(mutex_);
  status_ = std::move(status);
  changed_.NotifyAll();
}

Status LoadStager::WriteBlock(std::string_view block) {
  const std::uint64_t block_bytes = block.size();
  const std::uint64_t id_bytes_before = id_run_.bytes();
  while (!block.empty()) {
    SpooledRow row;
    std::string_view id;
    if (!TakeSpooledRow(&block, &row) || !DecodeRowId(row.row, &id)) {
      return DamagedBlock();
    }
    DASHI_RETURN_IF_ERROR(rows_.Add(RowKey(row.ordinal), row.row));
    id_run_.Add(id, row.ordinal);
  }
  pending_bytes_ += id_run_.bytes() - id_bytes_before;
  pending_bytes_ -= block_bytes;
  return id_run_.bytes() < id_bytes_max_ ? Status::Ok() : WriteIds();
}

Status LoadStager::WriteIds() {
  const std::uint64_t bytes = id_run_.bytes();
  DASHI_RETURN_IF_ERROR(id_run_.Drain([this](std::string_view id, Ordinal ordinal) {
    return ids_.Add(IdKey(kind_, id), EncodeOrdinal(ordinal));
  }));
  pending_bytes_ -= bytes;
  return Status::Ok();
}

}  // namespace dashi::storage
