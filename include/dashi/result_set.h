#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/sql_type.h"
#include "dashi/status.h"
#include "dashi/value.h"

namespace dashi {

/// A column of a result.
struct Column {
  std::string name;
  /// The type of its values; kNull where the statement does not tell. Values of a table's columns
  /// that hold what they were not declared to may differ.
  ValueType type = ValueType::kNull;
  SqlType sql_type = SqlType::kUnknown;  ///< what they stand for, where the statement tells
};

/// The position of the column with this name, or else of the first whose name differs in the case
/// of ASCII letters alone; nullopt when there is none.
std::optional<std::size_t> FindColumn(std::span<const Column> columns, std::string_view name);

/// One row. Valid on its own: nothing points into the result set.
using Row = std::vector<Value>;

namespace internal {
class RowSource;
}

/// The streamed rows of one executed statement.
///
/// Errors:  Next returns the error that ended the statement (cancelled, deadline, I/O). After the
///          end of its Session, or a write of the same transaction block, or when it was moved
///          away, it returns kFailedPrecondition (24000); what else it knows stays there.
/// Threads: one thread at a time, the Session's.
/// Cost:    rows are computed as they are pulled; dropping the result set ends the statement.
class ResultSet {
 public:
  explicit ResultSet(std::unique_ptr<internal::RowSource> source);
  ~ResultSet();
  ResultSet(ResultSet&&) noexcept;
  ResultSet& operator=(ResultSet&&) noexcept;

  /// The columns; empty for a statement that returns no rows.
  const std::vector<Column>& columns() const;
  /// Fetches the next row. Returns false at the end. A Row that is given again keeps the memory of
  /// its texts, so that reading many rows into one allocates little.
  Result<bool> Next(Row* row);
  /// The PostgreSQL-style command tag: "SELECT 5", "COPY 53209", "CREATE MODEL". Complete only
  /// after the last row.
  std::string command_tag() const;
  /// Notices for the user, such as rows skipped by COPY.
  const std::vector<std::string>& notices() const;

 private:
  std::unique_ptr<internal::RowSource> source_;
};

}  // namespace dashi
