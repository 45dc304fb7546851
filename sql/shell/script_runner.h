#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "sql/shell/console.h"
#include "sql/shell/copy_data.h"
#include "sql/shell/result_writer.h"
#include "sql/shell/statement_progress.h"
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
    Expanded expanded = Expanded::kAuto;
    bool timing = false;
    bool pager = false;   ///< what is longer than the screen goes through a pager, on a terminal
    bool spaced = false;  ///< an empty line follows a table that is shown on a terminal
  };

  /// The rows of a small result.
  struct Rows {
    std::vector<Column> columns;
    std::vector<Row> rows;
  };

  /// While one lives Ctrl-C is for what it stands for: CancelRunning returns true.
  class Activity {
   public:
    explicit Activity(ScriptRunner& runner) : runner_(runner) { runner_.CountActivities(1); }
    ~Activity() { runner_.CountActivities(-1); }
    Activity(const Activity&) = delete;
    Activity& operator=(const Activity&) = delete;

   private:
    ScriptRunner& runner_;
  };

  /// `runner` and the console's sinks must outlive it.
  ScriptRunner(StatementRunner& runner, const Console& console, const Options& options);
  ~ScriptRunner();
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  /// Runs one statement and prints its result or its error. `source` names the file it stands in,
  /// "" for the command line or the keyboard. `data` is what COPY ... FROM STDIN reads; nullptr:
  /// such a statement is refused. What COPY ... TO STDOUT writes goes where results go.
  ///
  /// Errors: the statement's, already printed; or that the output cannot be written.
  Status RunStatement(const ScriptStatement& statement, std::string_view source,
                      CopyData* data = nullptr);
  /// Runs every statement of `script`, up to the first error. Data come from standard_input().
  Status RunScript(std::string_view script, std::string_view source);
  /// Runs a script from an open file, piece by piece. It holds no data.
  ///
  /// Errors: kResourceExhausted (54000) for a statement of more than 64 MiB.
  Status RunFile(int file_descriptor, const std::string& source);
  /// Opens and runs the file at `path`; "-" is standard input.
  Status RunFileAt(const std::string& path);

  /// Runs a query of the shell's own and returns its rows, prints nothing.
  Result<Rows> Query(std::string_view sql);
  /// Hands `write` the place where results go, through a pager where options() say so.
  ///
  /// Errors: those of `write` and of the output; that a person has left the pager is none.
  Status Show(const std::function<Status(ByteSink&)>& write);
  /// Writes the empty line that follows a table, where options() say so.
  Status Space();
  /// Writes rows to `sink` as results are written.
  Status WriteRows(const Rows& rows, ByteSink& sink);
  /// Sends results to `sink` instead of standard output; nullptr: back again.
  void SendResultsTo(ByteSink* sink) { result_sink_ = sink; }
  /// The number of rows that the last statement returned.
  std::uint64_t num_rows() const { return num_rows_; }

  /// Waits so long. Returns false as soon as CancelRunning is called, or was before.
  bool Pause(std::chrono::milliseconds time) DASHI_EXCLUDES(mutex_);
  /// Cancels the running statement and every later one, until ForgetCancel. Returns false, and
  /// does nothing, when no Activity lives.
  ///
  /// Threads: any.
  bool CancelRunning() DASHI_EXCLUDES(mutex_);
  void ForgetCancel() DASHI_EXCLUDES(mutex_);

  /// Writes a line to standard error, or a failed status as FormatError shows it.
  void Print(std::string_view line);
  void PrintError(const Status& status, std::string_view statement, std::string_view place);

  Options& options() { return options_; }
  /// The standard input of the process, as data.
  StandardInputData& standard_input() { return standard_input_; }
  StatementRunner& runner() { return runner_; }

 private:
  std::unique_ptr<ResultWriter> MakeWriter(ByteSink& sink);
  Status Stream(StatementResult& result, ByteSink& sink);
  Status PrintResult(std::string_view statement, CopyData* data);
  Result<std::unique_ptr<StatementResult>> RunWithData(std::string_view statement, CopyData* data);
  Status RunComplete(StatementSplitter* splitter, std::string_view source, CopyData* data);
  bool WasCancelled() DASHI_EXCLUDES(mutex_);
  void CountActivities(int difference) DASHI_EXCLUDES(mutex_);

  StatementRunner& runner_;
  const Console console_;
  Options options_;
  StatementProgress progress_;
  ByteSink* result_sink_ = nullptr;
  std::uint64_t num_rows_ = 0;
  bool reads_typed_data_ = false;  // the statement that runs, or ran last
  Mutex mutex_;
  CondVar cancelled_change_;
  int num_activities_ DASHI_GUARDED_BY(mutex_) = 0;
  bool cancelled_ DASHI_GUARDED_BY(mutex_) = false;
  StandardInputData standard_input_;
};

}  // namespace dashi
