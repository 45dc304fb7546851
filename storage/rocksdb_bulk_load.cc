#include "storage/rocksdb_bulk_load.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <rocksdb/write_batch.h>

#include "base/logging.h"
#include "base/status.h"
#include "storage/graph/rocksdb_edge_load.h"
#include "storage/rocksdb_load_apply.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

// Asked once the load has its place, since the load before it may have left something to do.
Status CheckBegin(RocksdbStoreState* state) {
  DASHI_RETURN_IF_ERROR(FinishUnfinishedLoad(state));
  return state->disk.CheckRoom(0, "a load");
}

}  // namespace

Result<std::unique_ptr<BulkLoad>> BeginRocksdbRowLoad(RocksdbStoreState* state, EntityKind kind,
                                                      DuplicatePolicy policy) {
  state->EnterLoad();
  std::unique_ptr<BulkLoad> load = NewRocksdbRowLoad(state, kind, policy);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return load;
}

Result<std::unique_ptr<BulkLoad>> BeginRocksdbRelevanceLoad(RocksdbStoreState* state,
                                                            DuplicatePolicy policy) {
  state->EnterLoad();
  std::unique_ptr<BulkLoad> load = NewRocksdbRelevanceLoad(state, policy);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return load;
}

Result<std::unique_ptr<BulkLoad>> BeginRocksdbEdgeLoad(RocksdbStoreState* state,
                                                       const GraphRecord& graph,
                                                       DuplicatePolicy policy) {
  state->EnterLoad();
  std::unique_ptr<BulkLoad> load = NewRocksdbEdgeLoad(state, graph, policy);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return load;
}

Result<std::unique_ptr<BulkLoad>> BeginRocksdbClickLoad(RocksdbStoreState* state,
                                                        const GraphRecord& graph) {
  state->EnterLoad();
  std::unique_ptr<BulkLoad> load = NewRocksdbClickLoad(state, graph);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return load;
}

Status FinishUnfinishedLoad(RocksdbStoreState* state) {
  if (!state->has_unfinished_load()) {
    return state->CheckWorking();
  }
  const LonePass pass(state->gate);
  const std::optional<UnfinishedLoad> load = state->GetUnfinishedLoad();
  if (!load || load->why.sqlstate() != "53100") {
    return state->CheckWorking();
  }
  RocksdbEngine* engine = state->engine.get();
  Status status;
  if (load->committed) {
    status = ApplyLoad(state, load->record, LoadFiles::kFoundAgain, {});
  } else {
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Delete(engine->family(Family::kMeta), PendingLoadKey()), "load"));
    status = engine->Write(&batch, /*sync=*/true, "taking back a load");
  }
  if (status.ok()) {
    LogInfo("a load that met a full disk was {}", load->committed ? "finished" : "taken back");
    if (load->committed) {
      state->ThawPicture();
    }
    state->ClearUnfinishedLoad();
    RemoveLoadFiles(*state, load->record);
  } else {
    state->SetUnfinishedLoad({load->record, load->committed, status});
  }
  return state->CheckWorking();
}

Status FinishPendingLoad(RocksdbStoreState* state) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool pending,
                         state->engine->Get(Family::kMeta, PendingLoadKey(), &value));
  if (!pending) {
    return Status::Ok();
  }
  LoadRecord record;
  if (!DecodeLoadRecord(value, &record)) {
    return Status::Corruption("catalog record cannot be decoded: load");
  }
  LogInfo("finishing a load that was committed before the last end");
  return ApplyLoad(state, record, LoadFiles::kFoundAgain, {});
}

}  // namespace dashi::storage
