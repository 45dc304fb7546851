#pragma once

#include <cstdint>

#include "dashi/status.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// How many commits lie between two trims of the change log.
inline constexpr std::uint64_t kCommitsPerTrim = 256;

/// Fewer entries are not worth a write: a process that opens a database and reads writes nothing.
inline constexpr std::uint64_t kEntriesPerTrimMin = kCommitsPerTrim / 2;

/// Removes entries of the change log that nobody reads any more, at most `num_entries_max` of them.
///
/// An entry is read by views and loads whose picture is older than it, and by whoever brings a
/// release up to date, which needs all that changed since the release's data were read. So the log
/// keeps what is newer than the oldest of these.
///
/// Threads: beside commits, not beside the apply phase of a load.
/// Cost:    one point deletion an entry; the log is entered at the first entry that is left.
Status TrimChanges(RocksdbStoreState* state, std::uint64_t num_entries_max);

}  // namespace dashi::storage
