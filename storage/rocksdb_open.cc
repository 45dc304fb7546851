#include "storage/rocksdb_open.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/rocksdb_recovery.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_watermark.h"

namespace dashi::storage {

namespace {

// The key `format` says again what the marker file says: a marker copied from elsewhere is noticed.
Status CheckStoredFormat(RocksdbStoreState* state, DirectoryState found) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool present,
                         state->engine->Get(Family::kMeta, FormatKey(), &value));
  if (!present && found == DirectoryState::kDatabase) {
    return Status::Corruption(
        fmt::format("the database has no format record: {}", state->paths.root));
  }
  if (!present) {
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        batch.Put(state->engine->family(Family::kMeta), FormatKey(), EncodeFormat(kFormatVersion)),
        "writing the format record"));
    return state->engine->Write(&batch, /*sync=*/true, "writing the format record");
  }
  FormatVersion version;
  if (!DecodeFormat(value, &version)) {
    return Status::Corruption(
        fmt::format("the format record cannot be decoded: {}", state->paths.root));
  }
  return CheckFormat(version);
}

Result<std::unique_ptr<RocksdbEngine>> OpenEngine(RocksdbStoreState* state,
                                                  const EngineOptions& special) {
  EngineOptions options = special;
  options.memory_bytes_max = state->options.memory_bytes_max;
  options.disk = &state->disk;
  return CatchAsStatus("opening the database", [&]() -> Result<std::unique_ptr<RocksdbEngine>> {
    return RocksdbEngine::Open(state->paths.data, options);
  });
}

// Before RocksDB opens for writing, since it would go on without the logs that it does not find, as
// if there had never been any: nothing could be mended then. What it is opened for here only reads.
Status RefuseLostLogs(RocksdbStoreState* state, const WatermarkHistory& history,
                      const FoundLogs& logs) {
  std::vector<LostLog> lost = FindLostLogs(logs, history);
  if (lost.empty()) {
    return Status::Ok();
  }
  {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RocksdbEngine> tables,
                           OpenEngine(state, {.read_only = true, .without_logs = true}));
    KeepNeededLogs(*tables, &lost);
  }
  if (lost.empty()) {
    return Status::Ok();  // A process that was killed had removed them since the list was made.
  }
  const Result<std::unique_ptr<RocksdbEngine>> rest = OpenEngine(state, {.read_only = true});
  if (rest.ok()) {
    // When the end is missing, it is known exactly what.
    DASHI_RETURN_IF_ERROR(CheckWatermark(**rest, history, state->paths.root));
  }
  return CheckLostLogs(lost, state->paths.root);
}

}  // namespace

Status OpenForReading(RocksdbStoreState* state, std::shared_ptr<rocksdb::Cache> cache) {
  // Read first: what is opened then, even beside a writer, must hold all that it speaks of.
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory watermark,
                         ReadWatermarkFile(state->paths.watermark));
  DASHI_RETURN_IF_ERROR(CheckManifest(state->paths, watermark));
  // A log that is gone now was either needed by no later manifest, such as the one read next, or is
  // lost.
  DASHI_ASSIGN_OR_RETURN(const FoundLogs logs, FindLogs(state->paths.data));
  std::vector<LostLog> lost = FindLostLogs(logs, watermark);
  DASHI_ASSIGN_OR_RETURN(state->engine,
                         OpenEngine(state, {.read_only = true, .cache = std::move(cache)}));
  KeepNeededLogs(*state->engine, &lost);
  if (!lost.empty()) {
    DASHI_RETURN_IF_ERROR(CheckWatermark(*state->engine, watermark, state->paths.root));
    return CheckLostLogs(lost, state->paths.root);
  }
  DASHI_RETURN_IF_ERROR(CheckStoredFormat(state, DirectoryState::kDatabase));
  DASHI_RETURN_IF_ERROR(CheckWatermark(*state->engine, watermark, state->paths.root));
  return state->ReadCounters();
}

Status OpenForWriting(RocksdbStoreState* state, DirectoryState found) {
  if (found != DirectoryState::kDatabase) {
    DASHI_RETURN_IF_ERROR(CreateFolders(state->paths, state->disk));
  }
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory watermark,
                         ReadWatermarkFile(state->paths.watermark));
  DASHI_RETURN_IF_ERROR(CheckManifest(state->paths, watermark));
  DASHI_ASSIGN_OR_RETURN(const FoundLogs logs, FindLogs(state->paths.data));
  DASHI_RETURN_IF_ERROR(RefuseLostLogs(state, watermark, logs));
  DASHI_RETURN_IF_ERROR(SyncLogs(state, logs));
  DASHI_ASSIGN_OR_RETURN(state->engine,
                         OpenEngine(state, {.create = found != DirectoryState::kDatabase}));
  DASHI_RETURN_IF_ERROR(CheckStoredFormat(state, found));
  DASHI_RETURN_IF_ERROR(CheckWatermark(*state->engine, watermark, state->paths.root));
  if (found != DirectoryState::kDatabase) {
    DASHI_RETURN_IF_ERROR(SyncFolder(state->paths.data, state->disk));
    DASHI_RETURN_IF_ERROR(WriteMarker(state->paths, state->disk));
  }
  return RecoverStore(state);
}

}  // namespace dashi::storage
