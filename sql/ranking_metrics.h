#pragma once

#include <span>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// Registers the aggregates precision_at, ndcg_at, recall_at (k, rank, relevant [, query]) and
/// psp_at (k, rank, relevant, propensity [, query]): the metrics of EVALUATE MODEL over rows of any
/// SELECT. A row is a label: its rank among a query's answers, NULL when it is not among them, and
/// whether it is relevant. Without `query` all rows belong to one.
///
/// Errors: 22023 for a k, rank or propensity out of range, a k that changes, or a rank that comes
///         twice in a query; 42804 for values of another type; 22004 for NULL where it means
///         nothing; 53200 beyond 256 MiB.
/// Cost:   24 bytes for each relevant row and each row ranked up to k, and about 64 and its text
/// for
///         each query.
Status RegisterRankingMetrics(sqlite3* connection, StatementSlot* slot);

/// Registers propensity(label [, a, b]), by label id: the chance in (0, 1] that a label is noted
/// where it is right, by its number of training documents (Jain et al. 2016; a = .55, b = 1.5).
/// NULL for a label that there is not.
///
/// Cost: the first of a statement scans the relevance of training documents.
Status RegisterPropensity(sqlite3* connection, StatementSlot* slot);

/// The names of all of these.
std::span<const std::string_view> RankingMetricNames();

}  // namespace dashi::sql
