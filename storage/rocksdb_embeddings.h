#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "storage/rocksdb_store_state.h"
#include "storage/store.h"

namespace dashi::storage {

/// The value of an embedding row, of a version or beside it.
void EncodeEmbedding(std::uint64_t text_hash, std::span<const std::uint16_t> values,
                     std::string* bytes);
/// Reads an embedding row into `values`, whose size is the expected dim. Returns false for a row of
/// another format or dim.
bool DecodeEmbedding(std::string_view bytes, std::uint64_t* text_hash,
                     std::span<std::uint16_t> values);

/// Errors: kAlreadyExists when the version exists; kInvalidArgument for dim 0.
Result<std::unique_ptr<EmbeddingWriter>> NewRocksdbEmbeddingWriter(RocksdbStoreState* state,
                                                                   std::uint64_t version,
                                                                   std::uint32_t dim);

/// Errors: kNotFound (42704) for an unknown version; kCorruption for a record that is damaged.
Result<EmbeddingRecord> ReadEmbeddingRecord(const RocksdbEngine& engine, std::uint64_t version);

/// Removes a version's record, its column family and what stands beside it. Does nothing when there
/// is none.
Status DropRocksdbEmbeddings(RocksdbStoreState* state, std::uint64_t version);

}  // namespace dashi::storage
