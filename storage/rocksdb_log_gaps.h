#pragma once

#include <string>

#include "dashi/status.h"
#include "storage/commit_watermark.h"
#include "storage/database_directory.h"

namespace dashi::storage {

/// Marks, in a copy of a database, where its logs have lost something. RocksDB does not notice that
/// a log was cut or is gone, and would go on with the next one; at what is put there it stops, as
/// at any damage. Returns what is lost, or "".
///
/// Errors: kCorruption (XX001) when the manifest has lost its end, after which nobody can tell what
///         the tables hold.
Result<std::string> MarkLogGaps(const DirectoryPaths& copy, const WatermarkHistory& history);

}  // namespace dashi::storage
