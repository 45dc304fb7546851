#include "storage/rocksdb_store.h"

#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/status.h"
#include "storage/rocksdb_bulk_load.h"
#include "storage/rocksdb_embeddings.h"
#include "storage/rocksdb_recovery.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_transaction.h"
#include "storage/rocksdb_watermark.h"
#include "storage/rocksdb_weights.h"

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

Status OpenEngine(RocksdbStoreState* state, DirectoryState found) {
  EngineOptions options;
  options.read_only = state->options.read_only;
  options.memory_bytes_max = state->options.memory_bytes_max;
  options.create = found != DirectoryState::kDatabase;
  return CatchAsStatus("opening the database", [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(state->engine, RocksdbEngine::Open(state->paths.data, options));
    return Status::Ok();
  });
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const std::string& directory,
                                           const StoreOptions& options) {
  auto state = std::make_unique<RocksdbStoreState>(directory, options);
  DASHI_ASSIGN_OR_RETURN(const DirectoryState found, InspectDirectory(state->paths));
  if (found != DirectoryState::kDatabase) {
    if (options.read_only || !options.create_if_missing) {
      return Status::NotFound(fmt::format("no such database: {}", directory)).WithSqlState("3D000");
    }
    DASHI_RETURN_IF_ERROR(CreateFolders(state->paths));
  }
  // Read first: what is opened then, even beside a writer, must hold all that it speaks of.
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory watermark,
                         ReadWatermarkFile(state->paths.watermark));
  if (!options.read_only) {
    DASHI_RETURN_IF_ERROR(SyncLogs(state->paths));
  }
  DASHI_RETURN_IF_ERROR(OpenEngine(state.get(), found));
  DASHI_RETURN_IF_ERROR(CheckStoredFormat(state.get(), found));
  DASHI_RETURN_IF_ERROR(CheckWatermark(*state->engine, watermark, state->paths.root));
  if (found != DirectoryState::kDatabase) {
    DASHI_RETURN_IF_ERROR(SyncFolder(state->paths.data));
    DASHI_RETURN_IF_ERROR(WriteMarker(state->paths));
  }
  if (options.read_only) {
    DASHI_RETURN_IF_ERROR(CheckNoPendingLoad(*state));
    DASHI_RETURN_IF_ERROR(state->ReadCounters());
  } else {
    DASHI_RETURN_IF_ERROR(RecoverStore(state.get()));
  }
  return std::unique_ptr<Store>(std::make_unique<RocksdbStore>(std::move(state)));
}

std::uint64_t HashText(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

Status RocksdbStore::CheckWritable() const {
  return read_only() ? Status::FailedPrecondition(
                           fmt::format("the database is open for reading only: {}", directory()))
                           .WithSqlState("25006")
                     : Status::Ok();
}

Result<std::shared_ptr<const View>> RocksdbStore::NewSnapshot() {
  return std::shared_ptr<const View>(
      std::make_shared<RocksdbSnapshotView>(*state_, state_->TakePicture()));
}

Result<std::unique_ptr<Transaction>> RocksdbStore::Begin() {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return std::unique_ptr<Transaction>(RocksdbTransaction::Begin(state_.get()));
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginRowLoad(EntityKind kind,
                                                             DuplicatePolicy policy) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbRowLoad(state_.get(), kind, policy);
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginRelevanceLoad(DuplicatePolicy policy) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbRelevanceLoad(state_.get(), policy);
}

Status RocksdbStore::PutWeights(std::string_view name, std::string_view bytes) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return PutRocksdbWeights(state_.get(), name, bytes);
}

Status RocksdbStore::DeleteWeights(std::string_view name) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return DeleteRocksdbWeights(state_.get(), name);
}

Result<std::unique_ptr<EmbeddingWriter>> RocksdbStore::NewEmbeddingVersion(std::uint64_t version,
                                                                           std::uint32_t dim) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return NewRocksdbEmbeddingWriter(state_.get(), version, dim);
}

Status RocksdbStore::DropEmbeddingVersion(std::uint64_t version) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return DropRocksdbEmbeddings(state_.get(), version);
}

}  // namespace dashi::storage
