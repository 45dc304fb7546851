#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// What a statement of the fake comes to.
struct FakeOutcome {
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::string tag;
  std::vector<std::string> notices;
  Status status;                         ///< returned by Run when not ok
  bool reads_input = false;              ///< it is a COPY ... FROM STDIN
  std::string written;                   ///< what a COPY ... TO STDOUT writes; "": it is none
  Status status_midway;                  ///< returned by Next after the rows when not ok
  bool endless = false;                  ///< the rows come again and again until Cancel
  bool blocked = false;                  ///< Run waits for Cancel
  std::vector<SqlType> parameter_types;  ///< of a statement that is prepared
};

/// A StatementRunner that knows its statements by heart. BEGIN, COMMIT and ROLLBACK work; what it
/// does not know is a syntax error.
class FakeStatementRunner final : public StatementRunner {
 public:
  FakeOutcome& operator[](const std::string& statement) { return outcomes_[statement]; }
  /// What was run, in order.
  const std::vector<std::string>& statements() const { return statements_; }
  /// The values with which a prepared statement was run last.
  const std::vector<Value>& values() const { return values_; }
  bool cancelled() const;
  /// Waits until a blocked or endless statement runs.
  void WaitUntilRunning();

  Result<std::unique_ptr<StatementResult>> Run(std::string_view statement) override;
  Result<std::unique_ptr<StatementResult>> RunWithStreams(std::string_view statement,
                                                          const CopyStreams& streams) override;
  /// What statements have read, one behind the other.
  const std::string& input() const { return input_; }
  Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement) override;
  void FailTransaction() override { failed_ = in_transaction_; }
  void Cancel() override;
  void ForgetCancel() override;
  void SetProgressCallback(ProgressCallback callback) override;
  bool in_transaction() const override { return in_transaction_; }
  bool transaction_failed() const override { return failed_; }

  /// Reported while the next statements run.
  std::vector<Progress> progress;

 private:
  friend class FakeResult;
  friend class FakePrepared;
  FakeOutcome Transaction(std::string_view statement);
  Status Copy(const FakeOutcome& outcome, const CopyStreams& streams);
  void SetRunning();
  bool IsCancelled();
  void WaitForCancel();

  std::map<std::string, FakeOutcome, std::less<>> outcomes_;
  std::vector<std::string> statements_;
  std::string input_;
  std::vector<Value> values_;
  ProgressCallback progress_callback_;
  bool in_transaction_ = false;
  bool failed_ = false;
  mutable Mutex mutex_;
  CondVar changed_;
  bool cancel_ DASHI_GUARDED_BY(mutex_) = false;
  bool was_cancelled_ DASHI_GUARDED_BY(mutex_) = false;
  bool running_ DASHI_GUARDED_BY(mutex_) = false;
};

/// Returns the columns n INTEGER, name TEXT and the rows 1 one, 2 two.
FakeOutcome NumbersOutcome();

/// Returns a status as the engine makes it: with SQLSTATE, position and hint.
Status UnknownColumn(std::size_t offset);

}  // namespace dashi
