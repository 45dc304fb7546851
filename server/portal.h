#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "server/statement_kind.h"
#include "server/type_oid.h"
#include "server/wire_encoder.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// A statement that a client has prepared.
struct NamedStatement {
  std::string text;  ///< as the client sent it
  /// Where the statement that is run begins in `text`.
  std::size_t offset = 0;
  StatementKind kind = StatementKind::kOther;
  std::shared_ptr<PreparedQuery> query;  ///< null for a text without a statement
  std::vector<TypeOid> parameter_types;
  std::vector<Column> columns;  ///< as of when it was prepared
  /// What the client was last told of the columns; none before.
  std::optional<std::vector<WireColumn>> announced;
};

/// The rows of a statement, read ahead as far as need be.
///
/// Threads: one thread at a time.
class PortalRows {
 public:
  explicit PortalRows(std::unique_ptr<StatementResult> result) : result_(std::move(result)) {}

  const std::vector<Column>& columns() const { return result_->columns(); }
  Result<bool> Next(Row* row);
  /// Whether Next stands on a row: neither before the first nor behind the last.
  bool on_row() const { return on_row_; }
  /// Reads until `num_rows` are ahead, or to the end.
  Status ReadAhead(std::size_t num_rows);
  /// Reads to the end, but no further than to `num_bytes_max`. Returns whether it came to the end.
  Result<bool> ReadAll(std::size_t num_bytes_max);
  const std::deque<Row>& ahead() const { return ahead_; }
  std::size_t num_bytes() const { return num_bytes_; }
  /// Whether a row could not be had: none comes after it.
  bool has_failed() const { return has_failed_; }
  std::string command_tag() const { return result_->command_tag(); }
  const std::vector<std::string>& notices() const { return result_->notices(); }

 private:
  /// Reads the next row of the result.
  Result<bool> Read(Row* row);

  std::unique_ptr<StatementResult> result_;
  std::deque<Row> ahead_;
  std::size_t num_bytes_ = 0;  // of the rows ahead
  bool at_end_ = false;        // of result_
  bool on_row_ = false;
  bool has_failed_ = false;
};

/// A statement with its values, on its way from Bind to its last row; or a cursor.
///
/// Threads: one thread at a time.
class Portal {
 public:
  std::string name;
  // Sharers: the prepared statements of the session, and portals of one that was closed meanwhile.
  std::shared_ptr<NamedStatement> statement;
  std::vector<Value> values;
  std::vector<WireFormat> result_formats;
  std::unique_ptr<PortalRows> rows;  ///< null before it runs
  /// The columns in the formats of the portal; none before it is described or runs.
  std::optional<std::vector<WireColumn>> columns;
  bool done = false;         ///< what returns no rows has run
  bool held = false;         ///< a cursor that outlives its transaction
  bool uncommitted = false;  ///< a held cursor of the transaction that still goes on
};

/// Returns the format of column `index`, of which `formats` has none, one for all, or each.
WireFormat FormatAt(const std::vector<WireFormat>& formats, std::size_t index);

/// The bytes that a value or row takes in memory, about.
std::size_t NumBytesOf(const Value& value);

}  // namespace dashi
