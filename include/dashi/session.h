#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/progress.h"
#include "dashi/result_set.h"
#include "dashi/sql_type.h"
#include "dashi/status.h"
#include "dashi/value.h"

namespace dashi {

namespace internal {
class PreparedImpl;
class SessionImpl;
}  // namespace internal

/// A statement parsed once and run many times with other values.
///
/// Threads: as its Session. It may outlive the Session: what it knows stays there then, and Execute
///          fails with kFailedPrecondition (26000), as it does when the object was moved away.
class PreparedStatement {
 public:
  explicit PreparedStatement(std::unique_ptr<internal::PreparedImpl> impl);
  ~PreparedStatement();
  PreparedStatement(PreparedStatement&&) noexcept;
  PreparedStatement& operator=(PreparedStatement&&) noexcept;

  /// The number of parameters: the highest n of the `$n` in the statement.
  std::size_t num_parameters() const;
  /// What each parameter stands for, as far as the statement tells: the type of the column that it
  /// is compared with, stored or added to, of its cast, of a function's argument, of LIMIT.
  /// kUnknown where it does not. For callers who have the values as texts: Execute takes any Value
  /// for any parameter. As of Prepare, as the columns are.
  const std::vector<SqlType>& parameter_types() const;
  /// The columns of its rows, as of Prepare, which does not run it. Empty for statements without
  /// rows and inside a failed transaction block. `SELECT *` gets the columns of a later ALTER TABLE
  /// when it runs: the ResultSet's columns are those of its rows.
  const std::vector<Column>& columns() const;
  /// Runs it with `values[i]` as `$i+1`.
  ///
  /// Errors: kInvalidArgument when the number of values differs from num_parameters().
  Result<ResultSet> Execute(std::span<const Value> values = {});
  /// Runs it as Session::ExecuteWithStreams does.
  Result<ResultSet> ExecuteWithStreams(const CopyStreams& streams,
                                       std::span<const Value> values = {});

 private:
  std::unique_ptr<internal::PreparedImpl> impl_;
};

/// A conversation with a database: one transaction at a time, settings of its own.
///
/// Its end rolls back an open transaction block and ends its result sets and prepared statements,
/// which may be kept: they return errors then. It must not be destroyed while one of its calls
/// runs, nor by one of its own callbacks.
///
/// Threads: one thread at a time, except Cancel, which any thread may call. It may be a different
///          thread each time. A statement that meets another call of its session, from a second
///          thread or from a callback, is refused with kFailedPrecondition (55006) and does no
///          harm. Different sessions run in parallel.
class Session {
 public:
  explicit Session(std::unique_ptr<internal::SessionImpl> impl);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs one statement. Rows stream from the result; statements without rows have run to their
  /// end when this returns.
  ///
  /// Errors: any; user errors carry a SQLSTATE and, where known, a position.
  Result<ResultSet> Execute(std::string_view sql, std::span<const Value> values = {});
  /// Runs one statement as Execute does. COPY ... FROM STDIN reads from `streams`, and COPY ... TO
  /// STDOUT writes there; both have run to their end when this returns, FROM STDIN all of it or
  /// nothing. Other statements do not look at them. Execute and ExecuteScript refuse these two with
  /// kUnimplemented (0A000).
  ///
  /// Errors: also those of the streams' functions.
  Result<ResultSet> ExecuteWithStreams(std::string_view sql, const CopyStreams& streams,
                                       std::span<const Value> values = {});
  /// Runs statements separated by semicolons, in order, and hands each result to `on_result`, which
  /// may use the session. Stops at the first error, that of `on_result` included; what it throws
  /// is one (kInternal, XX000).
  Status ExecuteScript(std::string_view sql, const std::function<Status(ResultSet&)>& on_result);
  Result<PreparedStatement> Prepare(std::string_view sql);

  /// Asks the running statement to stop. It ends with kCancelled (57014) soon after.
  /// A Cancel that comes while nothing runs is forgotten.
  void Cancel();
  /// Has everything that runs in this session from now on end when `limit` is over, counted from
  /// this call: the statements of one request together. They end with kDeadlineExceeded (57014), at
  /// once when the limit is over before they begin; rows that are still being read, too. nullopt
  /// takes the limit away. statement_timeout, a setting, limits each statement beside it.
  void SetTimeLimit(std::optional<std::chrono::milliseconds> limit);
  /// Has `cancelled` asked again and again while a statement runs; true ends the statement as
  /// Cancel does. Unlike Cancel it cannot come too early, so it suits a caller that may be told to
  /// stop just before a statement begins. nullptr asks nobody.
  ///
  /// What it throws ends the statement with kInternal (XX000) and the exception's text.
  ///
  /// Threads: asked on the session's thread.
  void SetCancelCheck(std::function<bool()> cancelled);
  /// Has long statements report how far they are. What the callback throws ends the statement with
  /// kInternal (XX000) and the exception's text, as Cancel would: where it can still end. It is not
  /// called again then. A statement that has done its work by then succeeds, and the text is
  /// logged.
  void SetProgressCallback(ProgressCallback callback);
  /// What runs in between, and what is done with its rows, is one request of a client: the table
  /// `sessions` shows the session at work meanwhile. For servers; without it each statement is.
  void BeginRequest();
  void EndRequest();
  /// How long the session may wait for its next statement, says its setting idle_session_timeout,
  /// or in a transaction block idle_in_transaction_session_timeout; nullopt: as long as it likes.
  /// It is for its owner to end it.
  std::optional<std::chrono::milliseconds> IdleLimit() const;
  /// The value of a setting, as SHOW tells it, without a statement.
  ///
  /// Errors: kNotFound (42704) when there is no such setting.
  Result<std::string> Setting(std::string_view name) const;
  /// Whether a transaction block is open, and whether it has failed (only ROLLBACK helps).
  bool in_transaction() const;
  bool transaction_failed() const;

 private:
  std::unique_ptr<internal::SessionImpl> impl_;
};

}  // namespace dashi
