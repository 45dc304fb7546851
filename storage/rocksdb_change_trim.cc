#include "storage/rocksdb_change_trim.h"

#include <algorithm>
#include <memory>

#include <rocksdb/db.h>

#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

// The last commit whose entry nobody needs.
Result<std::uint64_t> LastUnread(RocksdbStoreState* state) {
  std::uint64_t last = state->OldestPicture();
  const RocksdbReader reader(*state, state->TakePicture(), {});
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, reader.ListReleases());
  for (const ReleaseRecord& release : releases) {
    last = std::min(last, release.snapshot_sequence);
  }
  return last;
}

}  // namespace

Status TrimChanges(RocksdbStoreState* state, std::uint64_t num_entries_max) {
  const MutexLock lock(state->trim_mutex);
  RocksdbEngine* engine = state->engine.get();
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t last_unread, LastUnread(state));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t trimmed, ReadCounter(*engine, ChangesTrimmedKey()));
  rocksdb::ColumnFamilyHandle* family = engine->family(Family::kChanges);
  const std::unique_ptr<rocksdb::Iterator> entries(
      engine->db()->NewIterator(rocksdb::ReadOptions(), family));
  rocksdb::WriteBatch batch;
  std::uint64_t last = trimmed;
  std::uint64_t num_entries = 0;
  for (entries->Seek(ChangeKey(trimmed + 1)); entries->Valid() && num_entries < num_entries_max;
       entries->Next()) {
    std::uint64_t sequence = 0;
    if (!ParseChangeKey(ToView(entries->key()), &sequence)) {
      return Status::Corruption("changes has a key that is no commit sequence");
    }
    if (sequence > last_unread) {
      break;
    }
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(family, entries->key()), "trimming changes"));
    last = sequence;
    ++num_entries;
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(entries->status(), "trimming changes"));
  if (num_entries < kEntriesPerTrimMin) {
    return Status::Ok();
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      batch.Merge(engine->family(Family::kMeta), ChangesTrimmedKey(), EncodeCounter(last)),
      "trimming changes"));
  // What a crash forgets is trimmed again.
  return engine->Write(&batch, /*sync=*/false, "trimming changes");
}

}  // namespace dashi::storage
