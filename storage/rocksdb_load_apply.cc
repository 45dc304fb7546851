#include "storage/rocksdb_load_apply.h"

#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/byte_codec.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/index_entries.h"
#include "storage/neighbour_codec.h"
#include "storage/rocksdb_load_ingest.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

Status DamagedSpool() { return Status::Corruption("the spool file holds a row that is malformed"); }

Ordinal NodeOf(const SpooledPair& pair, RelevanceSide side) {
  return side == RelevanceSide::kLabelsOfDocument ? pair.document : pair.label;
}

Ordinal NeighbourOf(const SpooledPair& pair, RelevanceSide side) {
  return side == RelevanceSide::kLabelsOfDocument ? pair.label : pair.document;
}

// Stages one delta per document or label. Sorts *pairs by it; pairs given twice keep their order.
Status StageSide(RelevanceSide side, rocksdb::ColumnFamilyHandle* family,
                 std::vector<SpooledPair>* pairs, rocksdb::WriteBatch* batch) {
  std::stable_sort(pairs->begin(), pairs->end(),
                   [side](const SpooledPair& a, const SpooledPair& b) {
                     return NodeOf(a, side) < NodeOf(b, side);
                   });
  std::vector<NeighbourChange> changes;
  for (std::size_t i = 0; i < pairs->size(); ++i) {
    changes.push_back({NeighbourOf((*pairs)[i], side), (*pairs)[i].weight});
    const Ordinal node = NodeOf((*pairs)[i], side);
    if (i + 1 < pairs->size() && NodeOf((*pairs)[i + 1], side) == node) {
      continue;
    }
    CollapseChanges(&changes);
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch->Merge(family, RelevanceKey(side, node), EncodeNeighbourDelta(changes)),
                    "applying a load"));
    changes.clear();
  }
  return Status::Ok();
}

}  // namespace

LoadApplier::LoadApplier(const RocksdbStoreState& state, ChangedTable table)
    : engine_(state.engine.get()),
      table_(table),
      schema_(table == ChangedTable::kRelevance || table == ChangedTable::kEdges
                  ? nullptr
                  : state.CurrentSchema(static_cast<EntityKind>(table))) {}

Status LoadApplier::AddBlock(std::string_view block) {
  pending_bytes_ += block.size();
  while (!block.empty()) {
    ++num_rows_;
    if (table_ == ChangedTable::kRelevance) {
      SpooledPair pair;
      if (!TakeSpooledPair(&block, &pair)) {
        return DamagedSpool();
      }
      pairs_.push_back(pair);
      changes_.Add(table_, ChangeOperation::kUpdate, pair.document);
      continue;
    }
    if (table_ == ChangedTable::kEdges) {
      DASHI_RETURN_IF_ERROR(AddList(&block));
      continue;
    }
    SpooledRow row;
    if (!TakeSpooledRow(&block, &row)) {
      return DamagedSpool();
    }
    DASHI_RETURN_IF_ERROR(AddRow(row));
  }
  return Status::Ok();
}

Status LoadApplier::AddRow(const SpooledRow& row) {
  const auto kind = static_cast<EntityKind>(table_);
  std::string_view id;
  if (!DecodeRowId(row.row, &id)) {
    return DamagedSpool();
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      batch_.Put(engine_->family(RowFamily(kind)), RowKey(row.ordinal), ToSlice(row.row)),
      "applying a load"));
  if (has_indexes()) {
    DASHI_RETURN_IF_ERROR(AddIndexEntries(kind, row));
  }
  if (row.operation == ChangeOperation::kInsert) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        batch_.Put(engine_->family(Family::kIds), IdKey(kind, id), EncodeOrdinal(row.ordinal)),
        "applying a load"));
    next_ordinal_ = std::max(next_ordinal_, std::uint64_t{ToInteger(row.ordinal)} + 1);
  }
  changes_.Add(table_, row.operation, row.ordinal);
  return Status::Ok();
}

// What a row replaces is looked up as it is now, also when it is new to the load: an earlier
// attempt may have written it already.
Status LoadApplier::AddIndexEntries(EntityKind kind, const SpooledRow& row) {
  EntityRow after;
  if (!DecodeRow(row.row, &after)) {
    return DamagedSpool();
  }
  const auto in_batch = batch_rows_.find(ToInteger(row.ordinal));
  EntityRow before;
  bool has_before = in_batch != batch_rows_.end();
  if (has_before) {
    before = std::move(in_batch->second);
  } else {
    std::string stored;
    DASHI_ASSIGN_OR_RETURN(has_before, engine_->Get(RowFamily(kind), RowKey(row.ordinal), &stored));
    if (has_before && !DecodeRow(stored, &before)) {
      return DamagedRow(EntityTableName(kind), row.ordinal);
    }
  }
  rocksdb::ColumnFamilyHandle* attributes = engine_->family(Family::kAttributes);
  DASHI_RETURN_IF_ERROR(ForEachIndexChange(
      *schema_, row.ordinal, has_before ? &before : nullptr, &after,
      [&](const std::string& key, bool add) {
        return FromRocksdb(add ? batch_.Put(attributes, key, "") : batch_.Delete(attributes, key),
                           "applying a load");
      }));
  after.text.clear();
  batch_rows_[ToInteger(row.ordinal)] = std::move(after);
  return Status::Ok();
}

void LoadApplier::AddInserted(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    changes_.Add(table_, ChangeOperation::kInsert, Ordinal{first + i});
  }
  num_rows_ += count;
  next_ordinal_ = std::max(next_ordinal_, std::uint64_t{first} + count);
}

// Takes a key and its delta from the front of *block; events have none.
Status LoadApplier::AddList(std::string_view* block) {
  ByteReader reader(*block);
  std::string_view key;
  std::string_view delta;
  if (!reader.ReadLengthPrefixed(&key) || !reader.ReadLengthPrefixed(&delta)) {
    return DamagedSpool();
  }
  *block = reader.rest();
  rocksdb::ColumnFamilyHandle* edges = engine_->family(Family::kEdges);
  std::uint32_t graph = 0;
  EdgeSide side{};
  GraphNode node;
  if (!ParseEdgeKey(key, &graph, &side, &node)) {
    return FromRocksdb(batch_.Put(edges, ToSlice(key), ToSlice(delta)), "applying a load");
  }
  changes_.Add(table_, ChangeOperation::kUpdate, Ordinal{graph});
  return FromRocksdb(batch_.Merge(edges, ToSlice(key), ToSlice(delta)), "applying a load");
}

void LoadApplier::AddGraph(std::uint32_t graph, std::uint64_t marker) {
  changes_.Add(table_, ChangeOperation::kUpdate, Ordinal{graph});
  marker_ = marker;
}

Status LoadApplier::StagePairs() {
  rocksdb::ColumnFamilyHandle* family = engine_->family(Family::kRelevance);
  DASHI_RETURN_IF_ERROR(StageSide(RelevanceSide::kLabelsOfDocument, family, &pairs_, &batch_));
  DASHI_RETURN_IF_ERROR(StageSide(RelevanceSide::kDocumentsOfLabel, family, &pairs_, &batch_));
  pairs_.clear();
  return Status::Ok();
}

Status LoadApplier::WriteChunk() {
  DASHI_RETURN_IF_ERROR(StagePairs());
  DASHI_RETURN_IF_ERROR(has_indexes() ? engine_->Write(&batch_, /*sync=*/false, "applying a load")
                                      : engine_->WriteUnlogged(&batch_, "applying a load"));
  batch_.Clear();
  batch_rows_.clear();
  pending_bytes_ = 0;
  return Status::Ok();
}

Status LoadApplier::Flush() {
  if (has_indexes()) {
    return Status::Ok();  // The synced write of the end covers the log before it.
  }
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  if (table_ == ChangedTable::kRelevance) {
    families = {engine_->family(Family::kRelevance)};
  } else {
    families = {engine_->family(RowFamily(static_cast<EntityKind>(table_))),
                engine_->family(Family::kIds)};
  }
  return engine_->Flush(families, "applying a load");
}

Status LoadApplier::StageEnd(std::uint64_t commit_sequence) {
  rocksdb::ColumnFamilyHandle* meta = engine_->family(Family::kMeta);
  rocksdb::Status status =
      batch_.Put(engine_->family(Family::kChanges), ChangeKey(commit_sequence), changes_.Encode());
  if (status.ok()) {
    status = batch_.Merge(meta, CommitSequenceKey(), EncodeCounter(commit_sequence));
  }
  if (status.ok() && marker_ > 0) {
    status = batch_.Delete(engine_->family(Family::kEdges), LoadMarkerKey(marker_));
  }
  if (status.ok() && next_ordinal_ > 0) {
    status = batch_.Merge(meta, OrdinalCounterKey(static_cast<EntityKind>(table_)),
                          EncodeCounter(next_ordinal_));
  }
  if (status.ok()) {
    status = batch_.Delete(meta, PendingLoadKey());
  }
  return FromRocksdb(status, "applying a load");
}

Status LoadApplier::WriteLast(std::uint64_t commit_sequence) {
  DASHI_RETURN_IF_ERROR(StagePairs());
  DASHI_RETURN_IF_ERROR(StageEnd(commit_sequence));
  return engine_->Write(&batch_, /*sync=*/true, "applying a load");
}

namespace {

// Applies the spool file from the beginning.
Status ApplySpool(const RocksdbStoreState& state, const LoadRecord& record,
                  const std::function<void(std::uint64_t rows)>& on_progress) {
  DASHI_ASSIGN_OR_RETURN(
      const std::unique_ptr<LoadSpoolReader> spool,
      LoadSpoolReader::Open(state.paths.tmp + "/" + record.spool, record.spool_bytes));
  LoadApplier applier(state, spool->table());
  std::string block;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, spool->Next(&block));
    if (more) {
      DASHI_RETURN_IF_ERROR(applier.AddBlock(block));
    }
    if (!more || applier.pending_bytes() >= LoadApplier::kChunkBytes) {
      DASHI_RETURN_IF_ERROR(applier.WriteChunk());
      DASHI_FAILPOINT("load.chunk");
      if (on_progress) {
        on_progress(applier.num_rows());
      }
    }
    if (!more) {
      break;
    }
  }
  DASHI_RETURN_IF_ERROR(applier.Flush());
  return applier.WriteLast(record.commit_sequence);
}

}  // namespace

Status WriteLoadRecord(const RocksdbStoreState& state, const LoadRecord& record) {
  RocksdbEngine* engine = state.engine.get();
  rocksdb::WriteBatch batch;
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      batch.Put(engine->family(Family::kMeta), PendingLoadKey(), EncodeLoadRecord(record)),
      "committing a load"));
  return engine->Write(&batch, /*sync=*/true, "committing a load");
}

Status ApplyLoad(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                 const std::function<void(std::uint64_t rows)>& on_progress) {
  DASHI_RETURN_IF_ERROR(record.is_staged() ? ApplyStagedFiles(state, record, files, on_progress)
                                           : ApplySpool(*state, record, on_progress));
  DASHI_FAILPOINT("load.applied");
  return Status::Ok();
}

void RemoveLoadFile(RocksdbStoreState& state, const std::string& name) {
  const Status removed = RemoveFile(state.paths.tmp + "/" + name, state.disk);
  if (!removed.ok() && removed.code() != StatusCode::kNotFound) {
    LogWarning("cannot remove a load's file: {}", removed.message());
  }
}

void RemoveLoadFiles(RocksdbStoreState& state, const LoadRecord& record) {
  if (!record.is_staged()) {
    RemoveLoadFile(state, record.spool);
  }
  for (const std::vector<StagedFile>* files : {&record.row_files, &record.id_files}) {
    for (const StagedFile& file : *files) {
      RemoveLoadFile(state, file.name);
    }
  }
}

}  // namespace dashi::storage
