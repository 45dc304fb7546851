#pragma once

#include <cstddef>
#include <memory>

#include "dashi/status.h"
#include "index/row_set.h"
#include "sql/column_filter.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// The name that a ColumnTest gives a user column: its own where that is a plain word, else
/// "#number", which stands in a plan's text without quotes.
std::string TestName(const storage::ColumnRecord& column);

/// Looks up in the indexes of labels which of them can pass a filter: a superset of those that do.
/// Null when no index helps: no test is on an indexed column, or so many labels pass that dropping
/// them one by one while they are found costs less than naming them all.
Result<std::shared_ptr<const index::RowSet>> LabelsThatCanPass(const StatementContext& statement,
                                                               const ColumnFilter& filter,
                                                               std::size_t k);

}  // namespace dashi::sql
