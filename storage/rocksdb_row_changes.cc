#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "base/status.h"
#include "storage/key_codec.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

Result<RowChanges> RocksdbReader::ChangesSince(EntityKind kind,
                                               std::uint64_t commit_sequence) const {
  RowChanges changes;
  // By this view as well: entries that were removed after its snapshot are in it.
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool trimmed, GetStored(Family::kMeta, ChangesTrimmedKey(), &value));
  std::uint64_t last_trimmed = 0;
  if (trimmed && !DecodeCounter(value, &last_trimmed)) {
    return Status::Corruption("meta counter cannot be decoded: " + ChangesTrimmedKey());
  }
  changes.complete = last_trimmed <= commit_sequence;
  const std::unique_ptr<rocksdb::Iterator> entries(
      state_.engine->db()->NewIterator(ReadOptions(), state_.engine->family(Family::kChanges)));
  std::vector<ChangeRun> runs;
  for (entries->Seek(ChangeKey(commit_sequence + 1)); entries->Valid(); entries->Next()) {
    std::uint64_t sequence = 0;
    if (!ParseChangeKey(ToView(entries->key()), &sequence)) {
      return Status::Corruption("changes has a key that is no commit sequence");
    }
    if (!DecodeChanges(ToView(entries->value()), &runs)) {
      return Status::Corruption("changes of a commit cannot be decoded: " +
                                std::to_string(sequence));
    }
    for (const ChangeRun& run : runs) {
      if (run.table == ChangedTableOf(kind)) {
        changes.entries.push_back({sequence, run});
      }
    }
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(entries->status(), "reading changes"));
  AddPendingChanges(kind, &changes);
  return changes;
}

void RocksdbReader::AddPendingChanges(EntityKind kind, RowChanges* changes) const {
  if (pending_.writes == nullptr) {
    return;
  }
  for (const auto& [key, entry] : pending_.writes->entries(RowFamily(kind))) {
    Ordinal ordinal{};
    DASHI_CHECK(ParseRowKey(key, &ordinal));
    ChangeOperation operation = ChangeOperation::kDelete;
    if (entry.value) {
      operation = entry.stored_before ? ChangeOperation::kUpdate : ChangeOperation::kInsert;
    }
    changes->entries.push_back(
        {RowChanges::kUncommitted, {ChangedTableOf(kind), operation, ordinal, /*count=*/1}});
  }
}

}  // namespace dashi::storage
