#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/search_log.h"
#include "sql/virtual_table.h"

namespace dashi::sql {

/// A line of SQLite's plan.
struct PlanLine {
  std::size_t depth = 0;
  std::string text;
};

/// What EXPLAIN ANALYZE tells of a statement: SQLite's plan, and in it what each of our tables and
/// functions did.
///
/// Threads: one thread at a time.
class PlanAnalysis {
 public:
  /// Counts and times what a cursor does. The analysis outlives it.
  std::unique_ptr<VirtualCursor> Measure(std::string_view table,
                                         std::unique_ptr<VirtualCursor> cursor,
                                         StatementContext& statement);

  /// The plan with what was measured, a line each, nodes of a deeper level two blanks further in.
  /// What a line of the plan did stands behind and below it: that of the first use of a table by
  /// the same plan that no line before has. What other statements did, those that functions run
  /// and those that RETURNING and ON CONFLICT are, comes last.
  std::vector<std::string> Lines(const std::vector<PlanLine>& plan) const;

 private:
  class MeasuredCursor;
  /// One use of a table in the statement.
  struct TableUse {
    std::string table;
    std::string_view of_part;  ///< what has a statement of its own: a function, RETURNING, ...
    std::string plan;          ///< "INDEX 2:k best" as SQLite writes it; empty: it was never walked
    std::uint64_t num_walks = 0;
    std::uint64_t num_rows = 0;
    double seconds = 0;
    SearchLog searches;
  };

  std::deque<TableUse> uses_;  // Stays where it is: cursors point into it.
};

}  // namespace dashi::sql
