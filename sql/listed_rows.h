#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "base/memory_account.h"
#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// Rows of a table by their row numbers, in order, for a statement that dashi puts together.
struct ListedRows {
  std::vector<std::int64_t> rows;
  std::vector<Row>
      values;  ///< [rows.size()], or empty: what the function of kExcludedFunction gives
};

/// A table of the rows that StatementContext::listed holds, with the columns "dashi row" and "dashi
/// position", and a function of a position and a column's number that gives one of their values. No
/// statement that a person wrote can name either.
inline constexpr std::string_view kListedRowsTable = "dashi_rows";
inline constexpr std::string_view kExcludedFunction = "dashi_excluded";
Status RegisterListedRows(sqlite3* connection, StatementSlot* slot);

/// The rows that an INSERT ... ON CONFLICT could not insert, because others have their keys.
///
/// Threads: one thread at a time.
class ConflictingRows {
 public:
  /// `updates`: DO UPDATE; rows are not kept otherwise.
  explicit ConflictingRows(bool updates) : updates_(updates) {}

  void NoteInserted(std::int64_t row) {
    if (updates_) {
      touched_.insert(row);
    }
  }
  /// `row` has the key; `values` could not be inserted.
  ///
  /// Errors: kInvalidArgument (21000) when the statement has inserted it, or met it before.
  Status Note(std::int64_t row, Row values);

  bool updates() const { return updates_; }
  ListedRows& listed() { return listed_; }

 private:
  const bool updates_;
  MemoryCharge memory_;
  std::unordered_set<std::int64_t> touched_;
  ListedRows listed_;
};

}  // namespace dashi::sql
