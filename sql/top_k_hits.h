#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/top_k.h"
#include "sql/column_filter.h"
#include "sql/function_arguments.h"
#include "sql/label_filter.h"
#include "sql/top_k_function.h"

namespace dashi::sql {

/// The rows that the searches of one cursor of a table function find and that pass what the WHERE
/// clause says of them: of each search the k best. All searches share one filter: which labels can
/// pass is looked up in indexes of columns once, before the first search or when so many rows were
/// found and dropped, by all of them together, that it would have cost less.
///
/// Threads: one thread at a time. Must not outlive the statement.
class TopKHits {
 public:
  TopKHits(const TopKFunction& function, const UserSchemas& schemas, StatementContext& statement);
  /// Tells EXPLAIN ANALYZE of the last search.
  ~TopKHits();
  TopKHits(const TopKHits&) = delete;
  TopKHits& operator=(const TopKHits&) = delete;

  /// Begins a walk with what VirtualCursor::Filter gets. What was looked up for the walk before is
  /// used again where its tests were the same and nothing can have changed.
  ///
  /// Errors: those of k and of the options.
  Status Begin(int num_arguments, std::string_view plan_text, std::span<sqlite3_value*> values);
  std::size_t k() const { return k_; }
  /// Whether the walk begins with the k, the options and the tests of the one before, and nothing
  /// can have changed.
  bool repeats() const { return repeats_; }
  /// What searches are told. `only` is not set.
  const query::TopKOptions& options() const { return options_; }

  /// The labels that can pass, for so many searches to come; null: all can.
  ///
  /// Errors: those of reading an index; that of an interruption.
  Result<std::shared_ptr<const index::RowSet>> LookUp(std::size_t num_searches);
  /// The same by what was looked up until now.
  const std::shared_ptr<const index::RowSet>& can_pass() const { return labels_.can_pass(); }

  /// Begins with the rows of a search, instead of those of the one before.
  void Start(std::unique_ptr<query::TopKCursor> search);
  /// Moves on to the next row that passes. False when there is none or k came.
  Result<bool> Next();

  /// Gives SQLite a column of the row, or an argument; not the id of a query.
  void Column(int column, sqlite3_context* context) const;
  std::size_t rank() const { return rank_; }
  /// Of the row, among those of all calls; of a call that makes several searches, of this one.
  std::int64_t RowId(std::uint64_t search = 0) const {
    constexpr int kOrdinalBits = 32;
    return row_ids_.Of(search << kOrdinalBits | storage::ToInteger(hit_.ordinal));
  }

 private:
  void Report();
  bool Passes() const;
  Value UserValue(const storage::ColumnRecord& column) const;

  const TopKFunction& function_;
  const UserSchemas schemas_;
  const std::vector<const storage::ColumnRecord*> user_columns_;  // of schemas_
  StatementContext& statement_;
  std::vector<Value> arguments_;
  CallRowIds row_ids_;
  query::TopKOptions options_;
  std::size_t k_ = 0;
  Value given_options_;
  bool repeats_ = false;
  ColumnFilter filter_;
  LabelFilter labels_;
  bool is_made_ = false;           // Whether labels_ is that of filter_.
  std::uint64_t num_dropped_ = 0;  // Rows that were found and fail a test.
  std::unique_ptr<query::TopKCursor> search_;
  std::uint64_t num_dropped_before_ = 0;  // By the searches before search_.
  std::string release_;
  std::size_t rank_ = 0;
  query::TopKHit hit_;
};

}  // namespace dashi::sql
