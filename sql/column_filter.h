#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sqlite3.h>

#include "base/memory_account.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/statement_context.h"

namespace dashi::sql {

/// A comparison of a column with a value, which SQLite offers to a virtual table while it plans and
/// whose value it gives when the statement runs.
struct ColumnTest {
  std::string column;
  std::string op;         ///< "=", "<>", "<", "<=", ">", ">=", "IS", "ISNOT", "ISNULL", "NOTNULL",
                          ///< "LIKE", "GLOB" or "IN"
  std::string collation;  ///< "BINARY", "NOCASE" or "RTRIM"

  friend bool operator==(const ColumnTest&, const ColumnTest&) = default;
};

/// Returns the test that a constraint stands for, or nullopt when it cannot be evaluated here: for
/// other operators, and for <>, ISNOT, NOTNULL, LIKE and GLOB in a statement with an outer join,
/// where SQLite offers those of ON to the table on the left too, none of whose rows they drop.
std::optional<ColumnTest> TestOf(const StatementContext& statement, sqlite3_index_info* info,
                                 int constraint, std::string_view column);

/// Write tests for sqlite3_index_info::idxStr, where EXPLAIN shows them behind `what` ("k best"),
/// and read them back.
std::string FormatTests(std::string_view what, std::span<const ColumnTest> tests);
std::vector<ColumnTest> ParseTests(std::string_view text);

/// Tests values of columns inside a cursor, so that rows which the WHERE clause will drop do not
/// count against k. It only ever drops rows that SQLite would drop too: where the rules depend on
/// more than the two values (an affinity that is not known here), the row passes and SQLite
/// decides.
///
/// Threads: one thread at a time.
class ColumnFilter {
 public:
  /// A test and what it compares with: one value, or those of IN.
  struct BoundTest {
    ColumnTest test;
    std::vector<Value> values;

    friend bool operator==(const BoundTest&, const BoundTest&) = default;
  };

  /// `arguments[i]` belongs to `tests[i]`; values of IN are read at once.
  Status Set(std::vector<ColumnTest> tests, std::span<sqlite3_value*> arguments);

  /// Whether a value passes one test.
  static bool Holds(const BoundTest& bound, const Value& value);
  /// Whether a row passes the tests of one column.
  bool Passes(std::string_view column, const Value& value) const;
  /// Whether no test names the column.
  bool empty() const { return tests_.empty(); }
  const std::vector<BoundTest>& tests() const { return tests_; }

 private:
  std::vector<BoundTest> tests_;
  MemoryCharge memory_;  // of the values
};

}  // namespace dashi::sql
