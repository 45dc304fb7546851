#include "storage/rocksdb_delta_embeddings.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/key_codec.h"
#include "storage/rocksdb_embeddings.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr int kDeletesPerBatch = 4096;
constexpr std::string_view kReading = "reading emb_delta";
constexpr std::string_view kWriting = "writing emb_delta";

class DeltaEmbeddingCursor : public EmbeddingCursor {
 public:
  DeltaEmbeddingCursor(KeyWalk walk, const EmbeddingRecord& record)
      : walk_(std::move(walk)), version_(record.version), values_(record.dim) {}

  Result<bool> Next() override {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk_.Next());
    if (!more) {
      return false;
    }
    std::uint64_t version = 0;
    EntityKind kind{};
    if (!ParseDeltaEmbeddingKey(walk_.key(), &version, &kind, &ordinal_)) {
      return Status::Corruption(
          fmt::format("embeddings beside {} have a key that is no ordinal", version_));
    }
    if (!DecodeEmbedding(walk_.value(), &text_hash_, values_)) {
      return DamagedRow(fmt::format("embeddings beside {} of {}", version_, EntityTableName(kind)),
                        ordinal_);
    }
    return true;
  }
  Ordinal ordinal() const override { return ordinal_; }
  std::uint64_t text_hash() const override { return text_hash_; }
  std::span<const std::uint16_t> values() const override { return values_; }

 private:
  KeyWalk walk_;
  const std::uint64_t version_;
  Ordinal ordinal_{};
  std::uint64_t text_hash_ = 0;
  std::vector<std::uint16_t> values_;
};

/// The version of the first key that is not below `prefix`, or nullopt at the end.
Result<std::optional<std::uint64_t>> FirstVersion(const RocksdbEngine& engine,
                                                  const std::string& prefix) {
  const std::unique_ptr<rocksdb::Iterator> keys(
      engine.db()->NewIterator(rocksdb::ReadOptions(), engine.family(Family::kEmbeddingDelta)));
  keys->Seek(prefix);
  if (!keys->Valid()) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(keys->status(), kReading));
    return std::optional<std::uint64_t>();
  }
  std::uint64_t version = 0;
  EntityKind kind{};
  Ordinal ordinal{};
  if (!ParseDeltaEmbeddingKey(ToView(keys->key()), &version, &kind, &ordinal)) {
    return Status::Corruption("emb_delta has a key that is no version, kind and ordinal");
  }
  return std::optional<std::uint64_t>(version);
}

}  // namespace

Status PutRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version, EntityKind kind,
                                 std::span<const DeltaEmbedding> embeddings) {
  // A version that is dropped meanwhile would leave them behind.
  MutexLock lock(state->embedding_mutex);
  DASHI_ASSIGN_OR_RETURN(const EmbeddingRecord record,
                         ReadEmbeddingRecord(*state->engine, version));
  rocksdb::WriteBatch batch;
  std::string value;
  for (const DeltaEmbedding& embedding : embeddings) {
    if (embedding.values.size() != record.dim) {
      return Status::InvalidArgument(fmt::format("embedding dim mismatch: got {}, want {}",
                                                 embedding.values.size(), record.dim));
    }
    EncodeEmbedding(embedding.text_hash, embedding.values, &value);
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Put(state->engine->family(Family::kEmbeddingDelta),
                              DeltaEmbeddingKey(version, kind, embedding.ordinal), value),
                    kWriting));
  }
  return state->engine->Write(&batch, /*sync=*/false, kWriting);
}

Status RemoveRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version,
                                    EntityKind kind, std::span<const Ordinal> ordinals) {
  MutexLock lock(state->embedding_mutex);
  DASHI_RETURN_IF_ERROR(ReadEmbeddingRecord(*state->engine, version).status());
  rocksdb::WriteBatch batch;
  for (const Ordinal ordinal : ordinals) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(state->engine->family(Family::kEmbeddingDelta),
                                                   DeltaEmbeddingKey(version, kind, ordinal)),
                                      kWriting));
    if (batch.Count() == kDeletesPerBatch) {
      DASHI_RETURN_IF_ERROR(state->engine->Write(&batch, /*sync=*/false, kWriting));
      batch.Clear();
    }
  }
  return batch.Count() == 0 ? Status::Ok() : state->engine->Write(&batch, /*sync=*/false, kWriting);
}

std::unique_ptr<EmbeddingCursor> NewDeltaEmbeddingCursor(KeyWalk walk,
                                                         const EmbeddingRecord& record) {
  return std::make_unique<DeltaEmbeddingCursor>(std::move(walk), record);
}

Status RemoveRocksdbDeltaEmbeddings(RocksdbStoreState* state, std::uint64_t version) {
  const std::string prefix = DeltaEmbeddingPrefix(version);
  rocksdb::ColumnFamilyHandle* family = state->engine->family(Family::kEmbeddingDelta);
  const std::unique_ptr<rocksdb::Iterator> keys(
      state->engine->db()->NewIterator(rocksdb::ReadOptions(), family));
  rocksdb::WriteBatch batch;
  for (keys->Seek(prefix); keys->Valid() && keys->key().starts_with(prefix); keys->Next()) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(family, keys->key()), kWriting));
    if (batch.Count() == kDeletesPerBatch) {
      DASHI_RETURN_IF_ERROR(state->engine->Write(&batch, /*sync=*/false, kWriting));
      batch.Clear();
    }
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(keys->status(), kReading));
  return batch.Count() == 0 ? Status::Ok() : state->engine->Write(&batch, /*sync=*/false, kWriting);
}

Status RemoveStrayDeltaEmbeddings(RocksdbStoreState* state) {
  std::string prefix;
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> version,
                           FirstVersion(*state->engine, prefix));
    if (!version) {
      return Status::Ok();
    }
    if (state->engine->EmbeddingFamily(*version) == nullptr) {
      DASHI_RETURN_IF_ERROR(RemoveRocksdbDeltaEmbeddings(state, *version));
    }
    if (*version == UINT64_MAX) {
      return Status::Ok();
    }
    prefix = DeltaEmbeddingPrefix(*version + 1);
  }
}

}  // namespace dashi::storage
