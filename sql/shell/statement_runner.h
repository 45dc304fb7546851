#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/progress.h"
#include "dashi/result_set.h"
#include "dashi/sql_type.h"
#include "dashi/status.h"
#include "dashi/value.h"

namespace dashi {

/// The outcome of one statement, pulled row by row: what ResultSet is, as an interface.
///
/// Threads: one thread at a time; it must not outlive its StatementRunner.
class StatementResult {
 public:
  virtual ~StatementResult() = default;
  virtual const std::vector<Column>& columns() const = 0;
  /// Fetches the next row. Returns false at the end.
  virtual Result<bool> Next(Row* row) = 0;
  /// Complete only after the last row.
  virtual std::string command_tag() const = 0;
  virtual const std::vector<std::string>& notices() const = 0;
};

/// A statement parsed once and run many times with other values: what PreparedStatement is, as an
/// interface.
///
/// Threads: its StatementRunner's.
class PreparedQuery {
 public:
  virtual ~PreparedQuery() = default;
  /// What each of its parameters stands for, in their order; kUnknown where that is not known.
  virtual std::vector<SqlType> parameter_types() const = 0;
  /// The columns of its rows; empty for a statement without rows, or whose columns only its result
  /// knows.
  virtual std::vector<Column> columns() const = 0;
  /// Runs it with a value for each parameter.
  virtual Result<std::unique_ptr<StatementResult>> Run(std::span<const Value> values) = 0;
  /// Runs it where it may be COPY ... FROM STDIN or TO STDOUT, which Run refuses. One that is
  /// neither has no use for the streams.
  virtual Result<std::unique_ptr<StatementResult>> RunWithStreams(std::span<const Value> values,
                                                                  const CopyStreams& /*streams*/) {
    return Run(values);
  }
};

/// Runs statements one after another: what the shell and the server need of a Session, so that
/// both can be tested without a database.
///
/// Threads: one thread at a time, except Cancel and ForgetCancel, which any thread may call.
class StatementRunner {
 public:
  virtual ~StatementRunner() = default;
  virtual Result<std::unique_ptr<StatementResult>> Run(std::string_view statement) = 0;
  /// Runs a statement that may be COPY ... FROM STDIN or TO STDOUT, as Session::ExecuteWithStreams;
  /// Run refuses these two. One that knows no such statements has no use for the streams.
  virtual Result<std::unique_ptr<StatementResult>> RunWithStreams(std::string_view statement,
                                                                  const CopyStreams& /*streams*/) {
    return Run(statement);
  }
  virtual Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement) = 0;
  /// Has an open transaction block fail, as an error of one of its statements does.
  virtual void FailTransaction() = 0;
  /// Stops the running statement and every later one, until ForgetCancel: a Cancel that comes
  /// just before a statement begins is not lost.
  virtual void Cancel() = 0;
  virtual void ForgetCancel() = 0;
  virtual void SetProgressCallback(ProgressCallback callback) = 0;
  /// See Session. One that has no settings of its own asks by SHOW.
  virtual Result<std::string> Setting(std::string_view name);
  virtual void BeginRequest() {}
  virtual void EndRequest() {}
  virtual std::optional<std::chrono::milliseconds> IdleLimit() const { return std::nullopt; }
  virtual bool in_transaction() const = 0;
  virtual bool transaction_failed() const = 0;
};

}  // namespace dashi
