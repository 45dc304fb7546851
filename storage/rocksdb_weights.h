#pragma once

#include <string>
#include <string_view>

#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Writes a blob under a fresh generation and switches its record to it in one synced batch. What a
/// crash leaves is removed by RemoveUnfinishedWeights.
Status PutRocksdbWeights(RocksdbStoreState* state, std::string_view name, std::string_view bytes);
/// Does nothing when there is no such blob.
Status DeleteRocksdbWeights(RocksdbStoreState* state, std::string_view name);
/// Reads the bytes out of a chunk's value. Returns false for a value of another format or size.
bool DecodeWeightsChunk(std::string_view value, std::string_view* bytes);
/// Deletes the chunks of generations that were being written when a process ended.
Status RemoveUnfinishedWeights(RocksdbStoreState* state);

}  // namespace dashi::storage
