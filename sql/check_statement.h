#pragma once

#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "storage/check.h"

namespace dashi::sql {

/// The columns of CHECK DATABASE: object, problem, detail.
std::vector<Column> CheckColumns();
/// One row a problem.
std::vector<Row> CheckRows(const storage::CheckReport& report);
/// What was checked, and what is no damage.
std::vector<std::string> CheckNotices(const storage::CheckReport& report);

}  // namespace dashi::sql
