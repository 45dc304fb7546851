#include "storage/rocksdb_load_ingest.h"

#include <array>
#include <memory>
#include <string>

#include <rocksdb/sst_file_reader.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/graph/rocksdb_edge_ingest.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_staged_file.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kDoing = "applying a load";
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

std::string PathOf(const RocksdbStoreState& state, const StagedFile& file) {
  return state.paths.tmp + "/" + file.name;
}

FamilyFiles FilesOf(const RocksdbStoreState& state, Family family,
                    const std::vector<StagedFile>& files) {
  FamilyFiles part;
  part.family = family;
  for (const StagedFile& file : files) {
    part.paths.push_back(PathOf(state, file));
    part.crc32cs.push_back(file.crc32c);
  }
  return part;
}

Status Ingest(const RocksdbStoreState& state, const LoadRecord& record, LoadFiles files) {
  DASHI_ASSIGN_OR_RETURN(const bool ingested, IsIngested(*state.engine, record));
  if (ingested) {
    return Status::Ok();
  }
  if (files == LoadFiles::kFoundAgain) {
    DASHI_RETURN_IF_ERROR(CheckStagedFiles(state.paths.tmp, record.row_files));
    DASHI_RETURN_IF_ERROR(CheckStagedFiles(state.paths.tmp, record.id_files));
  }
  const std::array parts = {FilesOf(state, RowFamily(record.kind), record.row_files),
                            FilesOf(state, Family::kIds, record.id_files)};
  return state.engine->IngestTogether(parts, kDoing);
}

// Hands the rows of a file to the applier.
Status CopyRows(const RocksdbStoreState& state, const LoadRecord& record, const StagedFile& file,
                LoadApplier* applier, const std::function<void(std::uint64_t rows)>& on_progress) {
  const std::string path = PathOf(state, file);
  rocksdb::SstFileReader reader(state.engine->FamilyFileOptions(RowFamily(record.kind)));
  DASHI_RETURN_IF_ERROR(FromRocksdb(reader.Open(path), kDoing));
  const std::unique_ptr<rocksdb::Iterator> rows(reader.NewIterator(rocksdb::ReadOptions()));
  std::string block;
  for (rows->SeekToFirst(); rows->Valid();) {
    Ordinal ordinal{};
    if (!ParseRowKey(ToView(rows->key()), &ordinal)) {
      return Status::Corruption("a file of a committed load is damaged: " + path);
    }
    AppendSpooledRow(&block, {ChangeOperation::kInsert, ordinal, ToView(rows->value())});
    rows->Next();
    if (block.size() < kBlockBytes && rows->Valid()) {
      continue;
    }
    DASHI_RETURN_IF_ERROR(applier->AddBlock(block));
    block.clear();
    if (applier->pending_bytes() >= LoadApplier::kChunkBytes) {
      DASHI_RETURN_IF_ERROR(applier->WriteChunk());
      DASHI_FAILPOINT("load.chunk");
      if (on_progress) {
        on_progress(applier->num_rows());
      }
    }
  }
  return FromRocksdb(rows->status(), "reading " + path);
}

Status WriteRowByRow(const RocksdbStoreState& state, const LoadRecord& record,
                     const std::function<void(std::uint64_t rows)>& on_progress) {
  DASHI_RETURN_IF_ERROR(CheckStagedFiles(state.paths.tmp, record.row_files));
  LoadApplier applier(state, ChangedTableOf(record.kind));
  for (const StagedFile& file : record.row_files) {
    DASHI_RETURN_IF_ERROR(CopyRows(state, record, file, &applier, on_progress));
  }
  DASHI_RETURN_IF_ERROR(applier.WriteChunk());
  if (on_progress) {
    on_progress(applier.num_rows());
  }
  DASHI_RETURN_IF_ERROR(applier.Flush());
  return applier.WriteLast(record.commit_sequence);
}

}  // namespace

// The load's ordinals were never used before, nor was its marker, and the files come at once.
Result<bool> IsIngested(const RocksdbEngine& engine, const LoadRecord& record) {
  std::string value;
  if (record.graph != 0) {
    DASHI_ASSIGN_OR_RETURN(const bool marked,
                           engine.Get(Family::kEdges, LoadMarkerKey(record.marker), &value));
    return marked;
  }
  const std::string key = RowKey(Ordinal{record.inserted.front().first});
  DASHI_ASSIGN_OR_RETURN(const bool found, engine.Get(RowFamily(record.kind), key, &value));
  return found && !record.row_by_row;
}

Status ApplyStagedFiles(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                        const std::function<void(std::uint64_t rows)>& on_progress) {
  if (record.graph != 0) {
    return ApplyEdgeFiles(state, record, files, on_progress);
  }
  if (record.row_by_row) {
    return WriteRowByRow(*state, record, on_progress);
  }
  state->NoteIngestion(record.commit_sequence);
  Status ingested = Ingest(*state, record, files);
  if (!ingested.ok() && state->engine->ingests_in_order()) {
    return ingested;
  }
  if (!ingested.ok()) {  // For a reason that is over, or the next write fails likewise.
    LogWarning("a load's files cannot be ingested, its rows are written one by one: {}",
               ingested.ToString());
    LoadRecord rewritten = record;
    rewritten.row_by_row = true;
    DASHI_RETURN_IF_ERROR(WriteLoadRecord(*state, rewritten));
    return WriteRowByRow(*state, rewritten, on_progress);
  }
  DASHI_FAILPOINT("load.ingested");
  LoadApplier applier(*state, ChangedTableOf(record.kind));
  for (const auto& [first, count] : record.inserted) {
    applier.AddInserted(first, count);
  }
  if (on_progress) {
    on_progress(applier.num_rows());
  }
  return applier.WriteLast(record.commit_sequence);
}

}  // namespace dashi::storage
