#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/progress.h"
#include "dashi/result_set.h"
#include "dashi/status.h"

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
  /// Stops the running statement and every later one, until ForgetCancel: a Cancel that comes
  /// just before a statement begins is not lost.
  virtual void Cancel() = 0;
  virtual void ForgetCancel() = 0;
  virtual void SetProgressCallback(ProgressCallback callback) = 0;
  virtual bool in_transaction() const = 0;
  virtual bool transaction_failed() const = 0;
};

}  // namespace dashi
