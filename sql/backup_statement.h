#pragma once

#include <vector>

#include "dashi/result_set.h"
#include "storage/backup.h"

namespace dashi::sql {

/// The rows of SHOW BACKUPS.
std::vector<Row> BackupListRows(const std::vector<storage::BackupInfo>& backups);

}  // namespace dashi::sql
