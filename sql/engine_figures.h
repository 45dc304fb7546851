#pragma once

#include <vector>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// The rows of the table storage_figures: what the store's engine tells of itself.
Result<std::vector<Row>> LoadStorageFigures(StatementContext& statement);

/// The rows of the table search_times: how long the parts of topk took since the database was
/// opened, by buckets.
Result<std::vector<Row>> LoadSearchTimes(StatementContext& statement);

}  // namespace dashi::sql
