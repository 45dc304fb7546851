#pragma once

#include <vector>

#include "dashi/result_set.h"
#include "storage/backup.h"

namespace dashi::sql {

/// The columns and rows of SHOW BACKUPS.
std::vector<Column> BackupListColumns();
std::vector<Row> BackupListRows(const std::vector<storage::BackupInfo>& backups);

}  // namespace dashi::sql
