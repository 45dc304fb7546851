#include "storage/rocksdb_check.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kKeysPerReport = 1024;

std::shared_ptr<const rocksdb::Snapshot> SnapshotNow(const RocksdbStoreState& state) {
  if (state.options.read_only) {
    return nullptr;  // Nothing changes.
  }
  rocksdb::DB* db = state.engine->db();
  return std::shared_ptr<const rocksdb::Snapshot>(
      db->GetSnapshot(),
      [db](const rocksdb::Snapshot* snapshot) { db->ReleaseSnapshot(snapshot); });
}

std::uint64_t EstimateKeys(const RocksdbEngine& engine, rocksdb::ColumnFamilyHandle* family) {
  std::uint64_t num_keys = 0;
  engine.db()->GetIntProperty(family, rocksdb::DB::Properties::kEstimateNumKeys, &num_keys);
  return num_keys;
}

}  // namespace

CheckRun::CheckRun(RocksdbStoreState* state, TaskMonitor* monitor)
    : state_(state), monitor_(monitor) {
  // Under the lock a version's family and its record come and go together.
  MutexLock lock(state->embedding_mutex);
  picture_ = state->TakePicture();
  catalog_snapshot_ = SnapshotNow(*state);
  for (const std::uint64_t version : state->engine->EmbeddingVersions()) {
    embedding_families_[version] = state->engine->EmbeddingFamily(version);
  }
  report_.commit_sequence = picture_.commit_sequence;
}

void CheckRun::Report(std::string_view object, std::string_view problem, std::string detail) {
  ++report_.num_problems;
  if (report_.problems.size() < CheckReport::kNumProblemsMax) {
    report_.problems.push_back({std::string(object), std::string(problem), std::move(detail)});
  }
}

const rocksdb::Snapshot* CheckRun::SnapshotOf(rocksdb::ColumnFamilyHandle* family) const {
  for (const Family rows :
       {Family::kDocuments, Family::kLabels, Family::kAnchors, Family::kIds, Family::kRelevance,
        Family::kEdges, Family::kChanges, Family::kAttributes}) {
    if (family == state_->engine->family(rows)) {
      return picture_.snapshot.get();
    }
  }
  return catalog_snapshot_.get();
}

rocksdb::ReadOptions CheckRun::PictureOptions() const {
  rocksdb::ReadOptions options;
  options.snapshot = picture_.snapshot.get();
  return options;
}

Status CheckRun::Walk(Family family, std::string_view object, std::string_view prefix,
                      bool* complete, const Visit& visit) {
  return WalkFamily(state_->engine->family(family), object, prefix, complete, visit);
}

Status CheckRun::WalkFamily(rocksdb::ColumnFamilyHandle* family, std::string_view object,
                            std::string_view prefix, bool* complete, const Visit& visit) {
  *complete = false;
  rocksdb::ReadOptions options;
  options.snapshot = SnapshotOf(family);
  options.fill_cache = false;
  options.total_order_seek = true;
  options.readahead_size = std::size_t{2} << 20;
  const std::unique_ptr<rocksdb::Iterator> keys(state_->engine->db()->NewIterator(options, family));
  monitor_->BeginPhase(object, "keys", EstimateKeys(*state_->engine, family));
  std::uint64_t num_keys = 0;
  for (keys->Seek(ToSlice(prefix)); keys->Valid() && keys->key().starts_with(ToSlice(prefix));
       keys->Next()) {
    if (++num_keys % kKeysPerReport == 0) {
      DASHI_RETURN_IF_ERROR(monitor_->Advance(num_keys));
    }
    DASHI_RETURN_IF_ERROR(visit(ToView(keys->key()), ToView(keys->value())));
  }
  monitor_->EndPhase(num_keys);
  *complete = keys->status().ok();
  if (!*complete) {
    Report(object, "it cannot be read to its end",
           fmt::format("after {} keys: {}", num_keys, keys->status().ToString()));
  }
  return monitor_->Advance(num_keys);
}

std::string CheckRun::NameOf(EntityKind kind, Ordinal ordinal) const {
  std::string value;
  std::string_view id;
  const rocksdb::Status got = state_->engine->db()->Get(
      PictureOptions(), state_->engine->family(RowFamily(kind)), RowKey(ordinal), &value);
  return got.ok() && DecodeRowId(value, &id)
             ? fmt::format("'{}' (ordinal {})", id, ToInteger(ordinal))
             : fmt::format("ordinal {}", ToInteger(ordinal));
}

Result<CheckReport> CheckRocksdbStore(RocksdbStoreState* state, TaskMonitor* monitor) {
  CheckRun run(state, monitor);
  for (Status (*step)(CheckRun*) :
       {CheckDataFiles, CheckMeta, CheckRows, CheckRelevance, CheckEdges, CheckIndexEntries,
        CheckChangeLog, CheckEmbeddings, CheckWeights, CheckHistory, CheckIndexFiles}) {
    DASHI_RETURN_IF_ERROR(step(&run));
  }
  return std::move(run.report());
}

}  // namespace dashi::storage
