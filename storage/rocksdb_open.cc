#include "storage/rocksdb_open.h"

#include <string>
#include <utility>

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

Status OpenEngine(RocksdbStoreState* state, DirectoryState found,
                  std::shared_ptr<rocksdb::Cache> cache) {
  EngineOptions options;
  options.cache = std::move(cache);
  options.read_only = state->options.read_only;
  options.memory_bytes_max = state->options.memory_bytes_max;
  options.create = found != DirectoryState::kDatabase;
  options.disk = &state->disk;
  return CatchAsStatus("opening the database", [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(state->engine, RocksdbEngine::Open(state->paths.data, options));
    return Status::Ok();
  });
}

}  // namespace

Status OpenForReading(RocksdbStoreState* state, std::shared_ptr<rocksdb::Cache> cache) {
  // Read first: what is opened then, even beside a writer, must hold all that it speaks of.
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory watermark,
                         ReadWatermarkFile(state->paths.watermark));
  DASHI_RETURN_IF_ERROR(OpenEngine(state, DirectoryState::kDatabase, std::move(cache)));
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
  DASHI_RETURN_IF_ERROR(SyncLogs(state->paths, state->disk));
  DASHI_RETURN_IF_ERROR(OpenEngine(state, found, nullptr));
  DASHI_RETURN_IF_ERROR(CheckStoredFormat(state, found));
  DASHI_RETURN_IF_ERROR(CheckWatermark(*state->engine, watermark, state->paths.root));
  if (found != DirectoryState::kDatabase) {
    DASHI_RETURN_IF_ERROR(SyncFolder(state->paths.data, state->disk));
    DASHI_RETURN_IF_ERROR(WriteMarker(state->paths, state->disk));
  }
  return RecoverStore(state);
}

}  // namespace dashi::storage
