#include "storage/graph/rocksdb_edge_ingest.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/sst_file_reader.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/graph/edge_codec.h"
#include "storage/rocksdb_load_ingest.h"
#include "storage/rocksdb_staged_file.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kDoing = "applying a load";
constexpr std::size_t kChunkBytes = std::size_t{4} << 20;

Status Ingest(const RocksdbStoreState& state, const LoadRecord& record, LoadFiles files) {
  DASHI_ASSIGN_OR_RETURN(const bool ingested, IsIngested(*state.engine, record));
  if (ingested) {
    return Status::Ok();
  }
  if (files == LoadFiles::kFoundAgain) {
    DASHI_RETURN_IF_ERROR(CheckStagedFiles(state.paths.tmp, record.row_files));
  }
  FamilyFiles part;
  part.family = Family::kEdges;
  for (const StagedFile& file : record.row_files) {
    part.paths.push_back(state.paths.tmp + "/" + file.name);
    part.crc32cs.push_back(file.crc32c);
  }
  return state.engine->IngestTogether({&part, 1}, kDoing);
}

/// Writes lists one by one, from where an earlier attempt ended.
class ListCopier {
 public:
  ListCopier(const RocksdbStoreState& state, const LoadRecord& record)
      : state_(state), record_(record), edges_(state.engine->family(Family::kEdges)) {}

  Status CopyFile(const StagedFile& file) {
    const std::string path = state_.paths.tmp + "/" + file.name;
    rocksdb::SstFileReader reader(state_.engine->FamilyFileOptions(Family::kEdges));
    DASHI_RETURN_IF_ERROR(FromRocksdb(reader.Open(path), kDoing));
    const std::unique_ptr<rocksdb::Iterator> lists(reader.NewIterator(rocksdb::ReadOptions()));
    for (lists->SeekToFirst(); lists->Valid(); lists->Next()) {
      if (num_seen_++ < record_.num_copied || IsLoadMarkerKey(ToView(lists->key()))) {
        continue;
      }
      DASHI_RETURN_IF_ERROR(CopyList(*lists, path));
      if (batch_.GetDataSize() >= kChunkBytes) {
        DASHI_RETURN_IF_ERROR(WriteChunk());
      }
    }
    return FromRocksdb(lists->status(), "reading " + path);
  }

  Status WriteChunk() {
    record_.num_copied = std::max(record_.num_copied, num_seen_);
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch_.Put(state_.engine->family(Family::kMeta),
                                                 PendingLoadKey(), EncodeLoadRecord(record_)),
                                      kDoing));
    DASHI_RETURN_IF_ERROR(state_.engine->Write(&batch_, /*sync=*/false, kDoing));
    batch_.Clear();
    DASHI_FAILPOINT("load.chunk");
    return Status::Ok();
  }

 private:
  // The reader shows operands as the list that they make of nothing.
  Status CopyList(const rocksdb::Iterator& lists, const std::string& path) {
    std::uint32_t graph = 0;
    EdgeSide side{};
    GraphNode node;
    if (!ParseEdgeKey(ToView(lists.key()), &graph, &side, &node)) {
      return FromRocksdb(batch_.Put(edges_, lists.key(), lists.value()), kDoing);  // An event.
    }
    std::vector<Edge> edges;
    std::int64_t half_life_micros = 0;
    if (!DecodeEdges(ToView(lists.value()), &half_life_micros, &edges)) {
      return Status::Corruption("a file of a committed load is damaged: " + path);
    }
    std::vector<EdgeChange> changes;
    changes.reserve(edges.size());
    for (const Edge& edge : edges) {
      changes.push_back(
          {edge.neighbour, record_.adds ? EdgeOperation::kAdd : EdgeOperation::kPut, edge.values});
    }
    return FromRocksdb(
        batch_.Merge(edges_, lists.key(), EncodeEdgeDelta(half_life_micros, changes)), kDoing);
  }

  const RocksdbStoreState& state_;
  LoadRecord record_;
  rocksdb::ColumnFamilyHandle* const edges_;
  rocksdb::WriteBatch batch_;
  std::uint64_t num_seen_ = 0;
};

Status CopyLists(const RocksdbStoreState& state, const LoadRecord& record) {
  DASHI_RETURN_IF_ERROR(CheckStagedFiles(state.paths.tmp, record.row_files));
  ListCopier copier(state, record);
  for (const StagedFile& file : record.row_files) {
    DASHI_RETURN_IF_ERROR(copier.CopyFile(file));
  }
  return copier.WriteChunk();
}

Status BringIn(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files) {
  if (record.row_by_row) {
    return CopyLists(*state, record);
  }
  state->NoteIngestion(record.commit_sequence);
  Status ingested = Ingest(*state, record, files);
  if (ingested.ok() || state->engine->ingests_in_order()) {
    return ingested;
  }
  // For a reason that is over, or the next write fails likewise.
  LogWarning("a load's files cannot be ingested, its edges are written one by one: {}",
             ingested.ToString());
  LoadRecord rewritten = record;
  rewritten.row_by_row = true;
  DASHI_RETURN_IF_ERROR(WriteLoadRecord(*state, rewritten));
  return CopyLists(*state, rewritten);
}

}  // namespace

Status ApplyEdgeFiles(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                      const std::function<void(std::uint64_t rows)>& on_progress) {
  DASHI_RETURN_IF_ERROR(BringIn(state, record, files));
  DASHI_FAILPOINT("load.ingested");
  LoadApplier applier(*state, ChangedTable::kEdges);
  applier.AddGraph(record.graph, record.marker);
  if (on_progress) {
    on_progress(record.num_edges);
  }
  return applier.WriteLast(record.commit_sequence);
}

}  // namespace dashi::storage
