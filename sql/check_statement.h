#pragma once

#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "storage/check.h"

namespace dashi::sql {

/// One row a problem.
std::vector<Row> CheckRows(const storage::CheckReport& report);
/// What was checked, and what is no damage.
std::vector<std::string> CheckNotices(const storage::CheckReport& report);

}  // namespace dashi::sql
