#include "storage/rocksdb_weights.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_status.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::uint8_t kChunkFormat = 1;
// What is allocated on the word of a record alone.
constexpr std::uint64_t kReserveBytesMax = std::uint64_t{1} << 30;
// Deleted blobs that may wait for a compaction: the index of blobs is so small that RocksDB would
// see no reason for one, and files whose blobs are all deleted would stay.
constexpr std::uint64_t kGarbageBytesMax = std::uint64_t{64} << 20;
constexpr std::string_view kGenerationCounter = "weights_generation";

std::uint32_t NumChunks(std::uint64_t size) {
  return static_cast<std::uint32_t>((size + kChunkBytes - 1) / kChunkBytes);
}

// Adds the removal of a generation's chunks to `batch`.
Status DeleteChunks(const RocksdbEngine& engine, std::uint64_t generation, std::uint64_t size,
                    rocksdb::WriteBatch* batch) {
  for (std::uint32_t chunk = 0; chunk < NumChunks(size); ++chunk) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        batch->Delete(engine.family(Family::kWeights), WeightsChunkKey(generation, chunk)),
        "deleting weights"));
  }
  return Status::Ok();
}

Result<bool> ReadRecord(const RocksdbEngine& engine, std::string_view name, WeightsRecord* record) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found,
                         engine.Get(Family::kMeta, WeightsRecordKey(name), &value));
  if (found && !DecodeWeightsRecord(value, record)) {
    return Status::Corruption(fmt::format("catalog record cannot be decoded: weights {}", name));
  }
  return found;
}

// Counts what a deletion left behind, and once it is enough frees the files that hold nothing else.
// Files that hold other blobs too stay as they are.
void CountGarbage(RocksdbStoreState* state, std::uint64_t size) {
  const std::uint64_t garbage = state->weights_garbage.fetch_add(size) + size;
  if (garbage < kGarbageBytesMax) {
    return;
  }
  state->weights_garbage = 0;
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kDisable;
  const rocksdb::Status compacted = state->engine->db()->CompactRange(
      options, state->engine->family(Family::kWeights), nullptr, nullptr);
  if (!compacted.ok()) {
    LogWarning("the files of deleted weights stay: {}", compacted.ToString());
  }
}

Status WriteChunks(RocksdbEngine* engine, std::uint64_t generation, std::string_view bytes) {
  for (std::uint32_t chunk = 0; chunk < NumChunks(bytes.size()); ++chunk) {
    std::string value(1, static_cast<char>(kChunkFormat));
    value += bytes.substr(chunk * kChunkBytes, kChunkBytes);
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        batch.Put(engine->family(Family::kWeights), WeightsChunkKey(generation, chunk), value),
        "writing weights"));
    DASHI_RETURN_IF_ERROR(engine->Write(&batch, /*sync=*/false, "writing weights"));
  }
  return Status::Ok();
}

Status Damaged(std::string_view name, std::string_view why) {
  return Status::Corruption(fmt::format("weights {} are damaged: {}", name, why));
}

}  // namespace

bool DecodeWeightsChunk(std::string_view value, std::string_view* bytes) {
  if (value.empty() || static_cast<std::uint8_t>(value.front()) != kChunkFormat ||
      value.size() > kChunkBytes + 1) {
    return false;
  }
  *bytes = value.substr(1);
  return true;
}

Status PutRocksdbWeights(RocksdbStoreState* state, std::string_view name, std::string_view bytes) {
  DASHI_RETURN_IF_ERROR(CheckName("weights blob", name));
  RocksdbEngine* engine = state->engine.get();
  rocksdb::ColumnFamilyHandle* meta = engine->family(Family::kMeta);
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t generation, state->TakeId(kGenerationCounter));
  WeightsRecord previous;
  DASHI_ASSIGN_OR_RETURN(const bool replaces, ReadRecord(*engine, name, &previous));

  rocksdb::WriteBatch intent;
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      intent.Put(meta, WeightsIntentKey(generation), EncodeCounter(bytes.size())), "weights"));
  DASHI_RETURN_IF_ERROR(engine->Write(&intent, /*sync=*/false, "writing weights"));
  DASHI_RETURN_IF_ERROR(WriteChunks(engine, generation, bytes));

  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  rocksdb::WriteBatch batch;
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      batch.Put(meta, WeightsRecordKey(name),
                EncodeWeightsRecord({generation, bytes.size(), hash.low64, hash.high64})),
      "weights"));
  DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(meta, WeightsIntentKey(generation)), "weights"));
  if (replaces) {
    DASHI_RETURN_IF_ERROR(DeleteChunks(*engine, previous.generation, previous.size, &batch));
  }
  DASHI_RETURN_IF_ERROR(engine->Write(&batch, /*sync=*/true, "writing weights"));
  if (replaces) {
    CountGarbage(state, previous.size);
  }
  return Status::Ok();
}

Status DeleteRocksdbWeights(RocksdbStoreState* state, std::string_view name) {
  RocksdbEngine* engine = state->engine.get();
  WeightsRecord record;
  DASHI_ASSIGN_OR_RETURN(const bool found, ReadRecord(*engine, name, &record));
  if (!found) {
    return Status::Ok();
  }
  rocksdb::WriteBatch batch;
  DASHI_RETURN_IF_ERROR(FromRocksdb(
      batch.Delete(engine->family(Family::kMeta), WeightsRecordKey(name)), "deleting weights"));
  DASHI_RETURN_IF_ERROR(DeleteChunks(*engine, record.generation, record.size, &batch));
  DASHI_RETURN_IF_ERROR(engine->Write(&batch, /*sync=*/true, "deleting weights"));
  CountGarbage(state, record.size);
  return Status::Ok();
}

Status RemoveUnfinishedWeights(RocksdbStoreState* state) {
  RocksdbEngine* engine = state->engine.get();
  rocksdb::WriteBatch batch;
  const std::string prefix = WeightsIntentPrefix();
  const std::unique_ptr<rocksdb::Iterator> intents(
      engine->db()->NewIterator(rocksdb::ReadOptions(), engine->family(Family::kMeta)));
  for (intents->Seek(prefix); intents->Valid() && intents->key().starts_with(prefix);
       intents->Next()) {
    std::uint64_t generation = 0;
    std::uint64_t size = 0;
    if (!ParseWeightsIntentKey(ToView(intents->key()), &generation) ||
        !DecodeCounter(ToView(intents->value()), &size)) {
      return Status::Corruption("catalog record cannot be decoded: weights intent");
    }
    DASHI_RETURN_IF_ERROR(DeleteChunks(*engine, generation, size, &batch));
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(engine->family(Family::kMeta), intents->key()),
                                      "removing weights"));
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(intents->status(), "reading meta"));
  return batch.Count() == 0 ? Status::Ok()
                            : engine->Write(&batch, /*sync=*/true, "removing weights");
}

Result<std::string> RocksdbReader::GetWeights(std::string_view name) const {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found,
                         GetStored(Family::kMeta, WeightsRecordKey(name), &value));
  if (!found) {
    return Status::NotFound(fmt::format("no such weights: {}", name));
  }
  WeightsRecord record;
  if (!DecodeWeightsRecord(value, &record)) {
    return Damaged(name, "the record cannot be decoded");
  }
  std::string bytes;
  for (std::uint32_t chunk = 0; chunk < NumChunks(record.size); ++chunk) {
    const Result<bool> present =
        GetStored(Family::kWeights, WeightsChunkKey(record.generation, chunk), &value);
    if (!present.ok()) {
      return present.status().WithContext(fmt::format("weights {}", name));
    }
    std::string_view chunk_bytes;
    if (!present.value() || !DecodeWeightsChunk(value, &chunk_bytes)) {
      return Damaged(name, fmt::format("chunk {} is missing or unreadable", chunk));
    }
    if (chunk == 0) {
      bytes.reserve(std::min(record.size, kReserveBytesMax));
    }
    bytes += chunk_bytes;
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  if (bytes.size() != record.size || hash.low64 != record.hash_low ||
      hash.high64 != record.hash_high) {
    return Damaged(name, "the checksum does not match");
  }
  return bytes;
}

}  // namespace dashi::storage
