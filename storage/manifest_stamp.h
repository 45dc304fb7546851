#pragma once

#include <functional>
#include <string>

#include "dashi/status.h"

namespace dashi::storage {

// RocksDB writes its manifest before it removes the files that the manifest no longer names, and
// its logs before anyone is told of a commit. So the sizes of these files tell a reader in another
// process what it needs to know of the writer.

/// Runs `read`, which opens the files or catches up with them, until the manifest is the same after
/// it as before. Then no file that it was to read can have been removed meanwhile: neither is one
/// missing, nor was a log passed over whose rows had just been put into a table.
///
/// Errors: those of `read` when nothing moved; kUnavailable (55006) when the files do not rest.
Status ReadUnmoved(const std::string& data_directory, const std::function<Status()>& read);

/// A text that is another one once anything was committed.
///
/// Errors: kIoError.
Result<std::string> CommitStamp(const std::string& data_directory);

}  // namespace dashi::storage
