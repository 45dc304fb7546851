#pragma once

#include <cstdint>
#include <optional>

#include "dashi/status.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// The day of the last event that a graph remembers; nullopt when it remembers none.
Result<std::optional<std::uint32_t>> LastEventDay(const RocksdbEngine& engine, std::uint32_t graph);

/// Forgets some events, of any graph, that are older than it remembers them. Returns false when
/// there are none.
Result<bool> ForgetOldEvents(RocksdbStoreState* state);
/// Whether there are any.
Result<bool> HasOldEvents(const RocksdbEngine& engine);

}  // namespace dashi::storage
