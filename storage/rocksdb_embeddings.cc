#include "storage/rocksdb_embeddings.h"

#include <bit>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/sst_file_writer.h>

#include "base/byte_codec.h"
#include "base/file.h"
#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_delta_embeddings.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kEmbeddingFormat = 1;
constexpr std::size_t kHeaderBytes = 1 + sizeof(std::uint64_t);
constexpr std::uint64_t kFileBytesMax = std::uint64_t{64} << 20;

static_assert(std::endian::native == std::endian::little,
              "binary16 values are copied as they lie in memory");

class RocksdbEmbeddingWriter : public EmbeddingWriter {
 public:
  RocksdbEmbeddingWriter(RocksdbStoreState* state, std::uint64_t version, std::uint32_t dim)
      : state_(state),
        options_(state->engine->EmbeddingFileOptions()),
        version_(version),
        dim_(dim) {}

  ~RocksdbEmbeddingWriter() override {
    writer_.reset();
    for (const std::string& file : files_) {
      RemoveFile(file, state_->disk).IgnoreError("files that were ingested are gone already");
    }
  }

  Status Add(EntityKind kind, Ordinal ordinal, std::uint64_t text_hash,
             std::span<const std::uint16_t> values) override {
    if (finished_) {
      return Status::FailedPrecondition("the embedding version is finished");
    }
    if (values.size() != dim_) {
      return Status::InvalidArgument(
          fmt::format("embedding dim mismatch: got {}, want {}", values.size(), dim_));
    }
    std::string key = EmbeddingKey(kind, ordinal);
    if (!last_key_.empty() && key <= last_key_) {
      return Status::InvalidArgument(
          fmt::format("embeddings must ascend by kind and ordinal: {} ordinal {}",
                      EntityTableName(kind), ToInteger(ordinal)));
    }
    EncodeEmbedding(text_hash, values, &value_);
    if (writer_ != nullptr && writer_->FileSize() >= kFileBytesMax) {
      DASHI_RETURN_IF_ERROR(FinishFile());
    }
    if (writer_ == nullptr) {
      DASHI_RETURN_IF_ERROR(StartFile());
    }
    DASHI_RETURN_IF_ERROR(FromRocksdb(writer_->Put(key, value_), "writing embeddings"));
    last_key_ = std::move(key);
    ++num_rows_;
    return Status::Ok();
  }

  Status Finish() override {
    if (finished_) {
      return Status::FailedPrecondition("the embedding version is finished");
    }
    finished_ = true;
    if (writer_ != nullptr) {
      DASHI_RETURN_IF_ERROR(FinishFile());
    }
    MutexLock lock(state_->embedding_mutex);
    DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<rocksdb::ColumnFamilyHandle> family,
                           state_->engine->CreateEmbeddingFamily(version_));
    Status status = Ingest(family.get());
    if (!status.ok()) {
      // Without its record the family is removed at the next open, if not now.
      state_->engine->DropEmbeddingFamily(version_).IgnoreError("the first error counts");
    }
    return status;
  }

 private:
  Status StartFile() {
    files_.push_back(fmt::format("{}/emb_{}_{}.sst", state_->paths.tmp, version_, files_.size()));
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), options_);
    return FromRocksdb(writer_->Open(files_.back()), "creating an embedding file");
  }

  Status FinishFile() {
    const rocksdb::Status status = writer_->Finish();
    writer_.reset();
    return FromRocksdb(status, "writing embeddings");
  }

  Status Ingest(rocksdb::ColumnFamilyHandle* family) {
    if (!files_.empty()) {
      DASHI_RETURN_IF_ERROR(state_->engine->Ingest(family, files_));
    }
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Put(state_->engine->family(Family::kMeta), EmbeddingRecordKey(version_),
                              EncodeEmbeddingRecord({version_, dim_, num_rows_})),
                    "writing the embedding record"));
    return state_->engine->Write(&batch, /*sync=*/true, "writing the embedding record");
  }

  RocksdbStoreState* state_;
  const rocksdb::Options options_;
  const std::uint64_t version_;
  const std::uint32_t dim_;
  std::vector<std::string> files_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string last_key_;
  std::string value_;
  std::uint64_t num_rows_ = 0;
  bool finished_ = false;
};

}  // namespace

void EncodeEmbedding(std::uint64_t text_hash, std::span<const std::uint16_t> values,
                     std::string* bytes) {
  bytes->assign(1, static_cast<char>(kEmbeddingFormat));
  AppendLittleEndian64(bytes, text_hash);
  bytes->append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

bool DecodeEmbedding(std::string_view bytes, std::uint64_t* text_hash,
                     std::span<std::uint16_t> values) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  if (bytes.size() != kHeaderBytes + values.size_bytes() || !reader.ReadByte(&format) ||
      format != kEmbeddingFormat || !reader.ReadLittleEndian64(text_hash)) {
    return false;
  }
  std::memcpy(values.data(), reader.rest().data(), values.size_bytes());
  return true;
}

Result<std::unique_ptr<EmbeddingWriter>> NewRocksdbEmbeddingWriter(RocksdbStoreState* state,
                                                                   std::uint64_t version,
                                                                   std::uint32_t dim) {
  if (dim == 0) {
    return Status::InvalidArgument("embedding dim must be positive: got 0");
  }
  if (state->engine->EmbeddingFamily(version) != nullptr) {
    return Status::AlreadyExists(fmt::format("embedding version exists: {}", version));
  }
  return std::unique_ptr<EmbeddingWriter>(
      std::make_unique<RocksdbEmbeddingWriter>(state, version, dim));
}

Result<EmbeddingRecord> ReadEmbeddingRecord(const RocksdbEngine& engine, std::uint64_t version) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found,
                         engine.Get(Family::kMeta, EmbeddingRecordKey(version), &value));
  if (!found) {
    return Status::NotFound(fmt::format("no such embedding version: {}", version));
  }
  EmbeddingRecord record;
  if (!DecodeEmbeddingRecord(value, &record)) {
    return Status::Corruption(
        fmt::format("catalog record cannot be decoded: embedding version {}", version));
  }
  return record;
}

Status DropRocksdbEmbeddings(RocksdbStoreState* state, std::uint64_t version) {
  MutexLock lock(state->embedding_mutex);
  rocksdb::WriteBatch batch;
  DASHI_RETURN_IF_ERROR(
      FromRocksdb(batch.Delete(state->engine->family(Family::kMeta), EmbeddingRecordKey(version)),
                  "dropping an embedding version"));
  DASHI_RETURN_IF_ERROR(
      state->engine->Write(&batch, /*sync=*/true, "dropping an embedding version"));
  DASHI_RETURN_IF_ERROR(state->engine->DropEmbeddingFamily(version));
  return RemoveRocksdbDeltaEmbeddings(state, version);
}

}  // namespace dashi::storage
