#pragma once

#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// The rows of the tables `schedules` and `schedule_runs`.
///
/// Errors: those of reading the catalog.
Result<std::vector<Row>> LoadSchedules(StatementContext& statement);
Result<std::vector<Row>> LoadScheduleRuns(StatementContext& statement);

}  // namespace dashi::sql
