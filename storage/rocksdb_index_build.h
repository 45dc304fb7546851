#pragma once

#include "dashi/status.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Does one step of what is left to do for indexes: adds the entries of the next rows of an index
/// that is being built, makes an index ready that has them all, or removes entries of a dropped
/// one; or removes edges of a dropped graph. Returns false when nothing is left.
///
/// Commits maintain an index from the moment it is created, so a step only has to add the entries
/// of rows that no commit changes meanwhile. It reads them at a snapshot and commits their entries
/// in an optimistic transaction that holds the rows' keys against later commits; writers never wait
/// for it, and it begins again with fewer rows when one was faster. The position is part of the
/// same commit: a build that is killed goes on where it was.
Result<bool> StepIndexWork(RocksdbStoreState* state);

/// Whether StepIndexWork has anything to do.
Result<bool> HasIndexWork(const RocksdbStoreState& state);

}  // namespace dashi::storage
