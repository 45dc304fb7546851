#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/progress.h"
#include "dashi/result_set.h"
#include "dashi/session.h"
#include "dashi/session_options.h"
#include "dashi/status.h"
#include "sql/activity/statement_watch.h"
#include "sql/database_impl.h"
#include "sql/interruption.h"
#include "sql/parser.h"
#include "sql/row_source.h"
#include "sql/session_state.h"
#include "sql/sqlite_connection.h"

namespace dashi::internal {

class PreparedImpl;
class QueryRows;

/// Keeps a compiled SELECT between executions of a prepared statement. Empty while one runs.
/// Sharers: the prepared statement and the rows that borrowed the compiled statement.
using CompiledKeeper = std::shared_ptr<sql::CompiledStatement>;

/// What is known of a prepared statement.
struct PreparedParts {
  /// Sharers: rows that are being read.
  std::shared_ptr<const sql::ParsedStatement> statement;
  std::vector<Column> columns;           ///< see PreparedStatement
  std::vector<SqlType> parameter_types;  ///< likewise
};

/// Runs statements. See Session for threads and errors.
class SessionImpl {
 public:
  static Result<std::unique_ptr<SessionImpl>> Open(std::shared_ptr<DatabaseImpl> database,
                                                   const SessionOptions& options);
  ~SessionImpl();
  SessionImpl(const SessionImpl&) = delete;
  SessionImpl& operator=(const SessionImpl&) = delete;

  Result<ResultSet> Execute(std::string_view sql, std::span<const Value> values,
                            const CopyStreams* streams = nullptr);
  /// Runs a parsed statement; `keeper` may hold it compiled and gets it back. `streams`: of COPY
  /// FROM STDIN and TO STDOUT.
  Result<ResultSet> ExecuteParsed(const std::shared_ptr<const sql::ParsedStatement>& statement,
                                  std::span<const Value> values, const CompiledKeeper& keeper,
                                  const CopyStreams* streams = nullptr);
  Status ExecuteScript(std::string_view sql, const std::function<Status(ResultSet&)>& on_result);
  /// Parses a statement and, when SQLite runs it, compiles it into *keeper.
  Result<PreparedParts> Prepare(std::string_view sql, const CompiledKeeper& keeper);

  sql::SessionState& state() { return state_; }

  std::atomic<bool>& in_use() { return in_use_; }

  // Prepared statements are told when the session ends.
  void Remember(PreparedImpl* prepared) { prepared_.insert(prepared); }
  void Forget(PreparedImpl* prepared) { prepared_.erase(prepared); }

  // For QueryRows: rows that are being read belong to the session.
  sql::SqliteConnection& sqlite() { return *sqlite_; }
  /// Ends a compiled statement and leaves it for the next execution.
  static void GiveBack(sql::CompiledStatement compiled, const CompiledKeeper& keeper);
  void Forget(QueryRows* rows) { open_rows_.erase(rows); }
  void NoteFailure() { state_.block.Fail(); }
  /// The same for a text of which no statement could be made, and tells whoever watches.
  void NoteNoStatement(const Status& status);
  /// The plan of a SELECT, for the log of slow statements; empty when it cannot be had.
  std::vector<std::string> PlanOf(const sql::ParsedStatement& statement,
                                  sql::StatementContext& context);

 private:
  explicit SessionImpl(std::shared_ptr<DatabaseImpl> database);
  /// Parses the next statement of a script and runs it; nullopt at the end.
  Result<std::optional<ResultSet>> ExecuteNext(sql::Parser& parser);
  /// As ExecuteParsed, for who has noted that the session is in use, and what counts its memory.
  Result<ResultSet> ExecuteNoted(const std::shared_ptr<const sql::ParsedStatement>& statement,
                                 std::span<const Value> values, const CompiledKeeper& keeper,
                                 const CopyStreams* streams);
  /// Adds the session to those that others see.
  void Register(const SessionOptions& options);
  Result<ResultSet> ExecuteWatched(const std::shared_ptr<const sql::ParsedStatement>& statement,
                                   std::span<const Value> values, const CompiledKeeper& keeper,
                                   const CopyStreams* streams);
  /// Takes the rights and settings of who the session is.
  Status Become(const SessionOptions& options);

  Result<PreparedParts> ParseAndCompile(std::string_view sql, const CompiledKeeper& keeper);
  /// The columns of a statement that SQLite runs; `compiled` is MainText.
  Result<std::vector<Column>> ColumnsOf(const sql::ParsedStatement& statement,
                                        sql::StatementContext& context,
                                        const sql::CompiledStatement& compiled);
  Result<ResultSet> Run(const std::shared_ptr<const sql::ParsedStatement>& statement,
                        std::span<const Value> values, const CompiledKeeper& keeper);
  Result<std::unique_ptr<RowSource>> RunQuery(
      const std::shared_ptr<const sql::ParsedStatement>& statement, std::span<const Value> values,
      const CompiledKeeper& keeper, std::string tag_word);
  Result<std::unique_ptr<RowSource>> RunExplain(
      const std::shared_ptr<const sql::ParsedStatement>& statement, std::span<const Value> values);
  /// The lines of EXPLAIN of a statement in this context; with ANALYZE it is run, without its rows.
  Result<std::vector<std::string>> Explain(const sql::ParsedStatement& statement,
                                           std::span<const Value> values,
                                           sql::StatementContext& context);
  /// Runs what EXPLAIN ANALYZE explains and says what came of it in what time.
  Result<std::string> Analyze(const sql::ParsedStatement& statement, std::span<const Value> values,
                              sql::StatementContext& context, sql::PlanAnalysis* analysis);
  /// The context of a write in this transaction.
  Result<sql::StatementContext> NewWriteContext(const sql::ParsedStatement& statement,
                                                storage::Transaction& transaction);
  /// DESCRIBE of a query, which does not run. `describe` names one.
  Result<std::unique_ptr<RowSource>> DescribeQuery(const sql::ParsedStatement& statement,
                                                   const sql::DescribeStatement& describe);
  Result<std::unique_ptr<RowSource>> RunWrite(const sql::ParsedStatement& statement,
                                              std::span<const Value> values,
                                              const CompiledKeeper& keeper);
  Result<std::unique_ptr<RowSource>> RunSchedule(const sql::ParsedStatement& statement,
                                                 const sql::RunScheduleStatement& node);
  Result<std::unique_ptr<RowSource>> RunCopyTo(const sql::ParsedStatement& statement,
                                               const sql::CopyToStatement& copy,
                                               std::span<const Value> values);
  /// Runs a SELECT of the session's own, for SHOW.
  Result<std::unique_ptr<RowSource>> RunShow(std::string_view select);
  Result<sql::CompiledStatement> CompileOrTake(const sql::ParsedStatement& statement,
                                               sql::StatementContext& context,
                                               const CompiledKeeper& keeper);
  Result<sql::StatementContext> NewContext();
  /// Makes the context of a statement over a view, and declares the tables with its columns.
  Result<sql::StatementContext> NewContextOn(std::shared_ptr<const storage::View> view);
  /// Ends result sets that read from the transaction block.
  void CloseBlockRows();

  // Sharers: the Database object and its other sessions. The last one closes the database.
  std::shared_ptr<DatabaseImpl> database_;
  std::atomic<bool> in_use_{false};
  sql::SessionState state_;
  std::unique_ptr<sql::SqliteConnection> sqlite_;
  std::set<QueryRows*> open_rows_;
  std::set<PreparedImpl*> prepared_;
  // Of the statement that begins, until its rows take it.
  std::unique_ptr<sql::StatementWatch> watch_;
};

}  // namespace dashi::internal
