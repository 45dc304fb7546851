#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "index/row_set.h"
#include "sql/column_filter.h"
#include "sql/statement_context.h"
#include "storage/ordered_value.h"

namespace dashi::sql {

/// Looks up in the indexes of labels which of them can pass a filter: a superset of those that do.
/// Walking an index costs as much as its entries are many, and naming most labels is worth nothing
/// when the first few that are found pass anyway. So an index is looked up before the search where
/// few labels pass; and another one once so many labels were found and dropped that it would have
/// cost less, after which both together have cost twice the better way at most.
///
/// Errors:  those of reading an index; that of an interruption.
/// Threads: one thread at a time. Must not outlive the statement.
class LabelFilter {
 public:
  /// A filter that no index helps.
  LabelFilter() = default;
  static Result<LabelFilter> Make(const StatementContext& statement, const ColumnFilter& filter);

  /// The labels that can pass by the indexes worth looking up before searches for so many labels
  /// in all; null when there are none: all can. What was looked up before counts too.
  Result<std::shared_ptr<const index::RowSet>> LookUp(const StatementContext& statement,
                                                      std::size_t num_wanted);
  /// The labels that can pass by what was looked up so far; null: all.
  const std::shared_ptr<const index::RowSet>& can_pass() const { return can_pass_; }
  /// How many rows may be dropped before LookUpMore is worth it; nullopt: it has nothing to tell.
  std::optional<std::uint64_t> num_dropped_max() const;
  /// The labels that can pass by one more index too.
  Result<std::shared_ptr<const index::RowSet>> LookUpMore(const StatementContext& statement);

 private:
  /// The entries of one index that a test leaves.
  struct TestedIndex {
    std::uint32_t index = 0;
    std::vector<storage::OrderedRange> ranges;
    std::uint64_t num_entries = 0;  // about
  };

  static Result<index::RowSet> ReadEntries(const StatementContext& statement,
                                           const TestedIndex& tested);

  std::vector<TestedIndex> indexes_;               // Ascending by entries.
  std::size_t num_read_ = 0;                       // Of indexes_.
  std::shared_ptr<const index::RowSet> can_pass_;  // Null: all. Sharers: cursors.
};

}  // namespace dashi::sql
