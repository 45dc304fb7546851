#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_account.h"
#include "sql/activity/statement_watch.h"
#include "sql/parser.h"
#include "sql/row_source.h"
#include "sql/session_impl.h"
#include "sql/sqlite_connection.h"
#include "sql/statement_context.h"

namespace dashi::internal {

/// The rows of a SELECT, computed as they are pulled.
///
/// Threads: the session's.
class QueryRows : public RowSource {
 public:
  QueryRows(SessionImpl* session, std::shared_ptr<const sql::ParsedStatement> statement,
            sql::CompiledStatement compiled, std::unique_ptr<sql::StatementContext> context,
            CompiledKeeper keeper, std::string tag_word,
            std::unique_ptr<sql::StatementWatch> watch);
  ~QueryRows() override;

  const std::vector<Column>& columns() const override { return columns_; }
  Result<bool> Next(Row* row) override;
  Result<bool> Pull(Row* row) override;
  std::string command_tag() const override;
  const std::vector<std::string>& notices() const override { return notices_; }

  bool in_block() const { return in_block_; }
  /// Ends the statement early; later calls of Next return `reason`.
  void Close(Status reason);

 private:
  /// Reads the row at which the statement stands.
  Status Read(Row* row);
  void Finish();

  SessionImpl* session_;  // Null when the rows have ended.
  // Sharers: what still holds memory of the statement.
  const MemoryAccountRef memory_;
  // Sharers: the prepared statement that made these rows.
  std::shared_ptr<const sql::ParsedStatement> statement_;
  std::unique_ptr<sql::StatementContext> context_;
  sql::CompiledStatement compiled_;
  CompiledKeeper keeper_;
  std::string tag_word_;
  std::unique_ptr<sql::StatementWatch> watch_;  // null for rows of a part of a statement
  bool in_block_;
  std::int64_t deadline_micros_;
  std::vector<Column> columns_;
  bool has_objects_;  // Some of the columns are shown as names.
  std::vector<std::string> notices_;
  MemoryCharge row_memory_;  // of the caller's row
  std::uint64_t num_rows_ = 0;
  Status end_;
};

}  // namespace dashi::internal
