#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "dashi/status.h"
#include "sql/shell/console.h"
#include "sql/shell/progress_bar.h"
#include "sql/shell/result_writer.h"
#include "sql/shell/statement_runner.h"
#include "sql/shell/statement_splitter.h"

namespace dashi {

/// Runs statements and prints what comes of them: rows on standard output, everything else
/// (notices, command tags, progress, times, errors) on standard error.
///
/// Threads: one thread at a time, except CancelRunning, which any thread may call.
class ScriptRunner {
 public:
  struct Options {
    OutputFormat format = OutputFormat::kTable;
    bool expanded = false;
    bool timing = false;
  };

  /// `runner` and the console's sinks must outlive it.
  ScriptRunner(StatementRunner& runner, const Console& console, const Options& options);
  ~ScriptRunner();
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  /// Runs one statement and prints its result or its error. `source` names the file it stands in,
  /// "" for the command line or the keyboard.
  ///
  /// Errors: the statement's, already printed; or that the output cannot be written.
  Status RunStatement(const ScriptStatement& statement, std::string_view source);
  /// Runs every statement of `script`, up to the first error.
  Status RunScript(std::string_view script, std::string_view source);
  /// Runs a script from an open file, piece by piece.
  ///
  /// Errors: kResourceExhausted (54000) for a statement of more than 64 MiB.
  Status RunFile(int file_descriptor, const std::string& source);
  /// Opens and runs the file at `path`; "-" is standard input.
  Status RunFileAt(const std::string& path);

  /// Prints the columns of a table and their types.
  Status Describe(const std::string& table);

  /// Cancels the running statement and every later one, until ForgetCancel. Returns false, and
  /// does nothing, when none is running.
  ///
  /// Threads: any.
  bool CancelRunning() DASHI_EXCLUDES(mutex_);
  void ForgetCancel() DASHI_EXCLUDES(mutex_);

  /// Writes a line to standard error, or a failed status as FormatError shows it.
  void Print(std::string_view line);
  void PrintError(const Status& status, std::string_view statement, std::string_view place);

  Options& options() { return options_; }
  StatementRunner& runner() { return runner_; }

 private:
  std::unique_ptr<ResultWriter> MakeWriter();
  Status Stream(StatementResult& result);
  Result<std::map<std::string, std::string>> GivenTypes(const std::string& table);
  Status PrintColumns(const std::string& table);
  Status PrintResult(std::string_view statement);
  Status RunComplete(StatementSplitter* splitter, std::string_view source);
  void SetRunning(bool running) DASHI_EXCLUDES(mutex_);

  StatementRunner& runner_;
  const Console console_;
  Options options_;
  ProgressBar progress_bar_;
  Mutex mutex_;
  bool running_ DASHI_GUARDED_BY(mutex_) = false;
};

}  // namespace dashi
