#include "tests/shell/fake_statement_runner.h"

#include <functional>
#include <span>
#include <utility>

#include "base/status.h"

namespace dashi {

class FakeResult final : public StatementResult {
 public:
  FakeResult(FakeOutcome outcome, FakeStatementRunner* runner)
      : outcome_(std::move(outcome)), runner_(*runner) {}

  const std::vector<Column>& columns() const override { return outcome_.columns; }
  Result<bool> Next(Row* row) override {
    if (outcome_.endless) {
      runner_.SetRunning();
      if (runner_.IsCancelled()) {
        return Status::Cancelled("canceling statement due to user request").WithSqlState("57014");
      }
      *row = outcome_.rows[next_++ % outcome_.rows.size()];
      return true;
    }
    if (next_ < outcome_.rows.size()) {
      *row = outcome_.rows[next_++];
      return true;
    }
    if (!outcome_.status_midway.ok()) {
      return outcome_.status_midway;
    }
    return false;
  }
  std::string command_tag() const override {
    return outcome_.tag.empty() ? "SELECT " + std::to_string(next_) : outcome_.tag;
  }
  const std::vector<std::string>& notices() const override { return outcome_.notices; }

 private:
  const FakeOutcome outcome_;
  FakeStatementRunner& runner_;
  std::size_t next_ = 0;
};

class FakePrepared final : public PreparedQuery {
 public:
  FakePrepared(std::string statement, FakeOutcome outcome, FakeStatementRunner* runner)
      : statement_(std::move(statement)), outcome_(std::move(outcome)), runner_(*runner) {}

  std::vector<SqlType> parameter_types() const override { return outcome_.parameter_types; }
  std::vector<Column> columns() const override { return outcome_.columns; }
  Result<std::unique_ptr<StatementResult>> Run(std::span<const Value> values) override {
    runner_.values_.assign(values.begin(), values.end());
    return runner_.Run(statement_);
  }

 private:
  const std::string statement_;
  const FakeOutcome outcome_;
  FakeStatementRunner& runner_;
};

bool FakeStatementRunner::cancelled() const {
  const MutexLock lock(mutex_);
  return was_cancelled_;
}

void FakeStatementRunner::WaitUntilRunning() {
  const MutexLock lock(mutex_);
  while (!running_) {
    changed_.Wait(mutex_);
  }
}

void FakeStatementRunner::SetRunning() {
  const MutexLock lock(mutex_);
  running_ = true;
  changed_.NotifyAll();
}

bool FakeStatementRunner::IsCancelled() {
  const MutexLock lock(mutex_);
  return cancel_;
}

void FakeStatementRunner::WaitForCancel() {
  const MutexLock lock(mutex_);
  while (!cancel_) {
    changed_.Wait(mutex_);
  }
}

void FakeStatementRunner::ForgetCancel() {
  const MutexLock lock(mutex_);
  cancel_ = false;
}

void FakeStatementRunner::Cancel() {
  const MutexLock lock(mutex_);
  cancel_ = true;
  was_cancelled_ = true;
  changed_.NotifyAll();
}

void FakeStatementRunner::SetProgressCallback(ProgressCallback callback) {
  progress_callback_ = std::move(callback);
}

FakeOutcome FakeStatementRunner::Transaction(std::string_view statement) {
  FakeOutcome outcome;
  outcome.tag = std::string(statement == "COMMIT" && failed_ ? "ROLLBACK" : statement);
  in_transaction_ = statement == "BEGIN";
  failed_ = false;
  return outcome;
}

// Reads one byte beyond "!", if there is one: as a COPY that fails in its midst.
Status FakeStatementRunner::Copy(const FakeOutcome& outcome, const CopyStreams& streams) {
  DASHI_RETURN_IF_ERROR(streams.begin({outcome.reads_input, "tsv", {{"a"}, {"b"}}, std::nullopt}));
  if (!outcome.reads_input) {
    return streams.write(outcome.written);
  }
  while (true) {
    char byte = 0;
    DASHI_ASSIGN_OR_RETURN(const std::size_t size, streams.read(std::span(&byte, 1)));
    if (size == 0) {
      return Status();
    }
    if (byte == '!') {
      return Status::InvalidArgument("a bad row").WithSqlState("22P04");
    }
    input_ += byte;
  }
}

Result<std::unique_ptr<StatementResult>> FakeStatementRunner::RunWithStreams(
    std::string_view statement, const CopyStreams& streams) {
  const auto known = outcomes_.find(statement);
  if (known != outcomes_.end() && (known->second.reads_input || !known->second.written.empty())) {
    if (known->second.reads_input && streams.read == nullptr) {
      return Status::Unimplemented("no input").WithSqlState("0A000");
    }
    DASHI_RETURN_IF_ERROR(Copy(known->second, streams));
  }
  return Run(statement);
}

Result<std::unique_ptr<StatementResult>> FakeStatementRunner::Run(std::string_view statement) {
  if (IsCancelled()) {
    return Status::Cancelled("canceling statement due to user request").WithSqlState("57014");
  }
  statements_.emplace_back(statement);
  const auto known = outcomes_.find(statement);
  FakeOutcome outcome;
  if (known != outcomes_.end()) {
    outcome = known->second;
  } else if (statement == "BEGIN" || statement == "COMMIT" || statement == "ROLLBACK") {
    outcome = Transaction(statement);
  } else {
    outcome.status = Status::InvalidArgument("syntax error").WithSqlState("42601").WithPosition({});
  }
  if (progress_callback_) {
    for (const Progress& report : progress) {
      progress_callback_(report);
    }
  }
  if (outcome.blocked) {
    SetRunning();
    WaitForCancel();
    outcome.status = Status::Cancelled("canceling statement due to user request");
  }
  if (!outcome.status.ok()) {
    failed_ = in_transaction_;
    return outcome.status;
  }
  return std::unique_ptr<StatementResult>(std::make_unique<FakeResult>(std::move(outcome), this));
}

Result<std::unique_ptr<PreparedQuery>> FakeStatementRunner::Prepare(std::string_view statement) {
  const auto known = outcomes_.find(statement);
  const bool controls = statement == "BEGIN" || statement == "COMMIT" || statement == "ROLLBACK";
  if (known == outcomes_.end() && !controls) {
    failed_ = in_transaction_;
    return Status::InvalidArgument("syntax error").WithSqlState("42601").WithPosition({});
  }
  return std::unique_ptr<PreparedQuery>(std::make_unique<FakePrepared>(
      std::string(statement), controls ? FakeOutcome() : known->second, this));
}

FakeOutcome NumbersOutcome() {
  FakeOutcome outcome;
  outcome.columns = {{"n", ValueType::kInteger}, {"name", ValueType::kText}};
  outcome.rows = {{Value::Integer(1), Value::Text("one")}, {Value::Integer(2), Value::Text("two")}};
  return outcome;
}

Status UnknownColumn(std::size_t offset) {
  return Status::InvalidArgument("column \"labl\" does not exist")
      .WithSqlState("42703")
      .WithPosition({.offset = offset, .line = 1, .column = offset + 1})
      .WithHint("Perhaps you meant \"label\".");
}

}  // namespace dashi
