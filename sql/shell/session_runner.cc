#include "sql/shell/session_runner.h"

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace dashi {

namespace {

class SessionResult final : public StatementResult {
 public:
  explicit SessionResult(ResultSet rows) : rows_(std::move(rows)) {}

  const std::vector<Column>& columns() const override { return rows_.columns(); }
  Result<bool> Next(Row* row) override { return rows_.Next(row); }
  std::string command_tag() const override { return rows_.command_tag(); }
  const std::vector<std::string>& notices() const override { return rows_.notices(); }

 private:
  ResultSet rows_;
};

class SessionPrepared final : public PreparedQuery {
 public:
  explicit SessionPrepared(PreparedStatement statement) : statement_(std::move(statement)) {}

  std::vector<SqlType> parameter_types() const override { return statement_.parameter_types(); }
  std::vector<Column> columns() const override { return statement_.columns(); }
  Result<std::unique_ptr<StatementResult>> Run(std::span<const Value> values) override {
    DASHI_ASSIGN_OR_RETURN(ResultSet rows, statement_.Execute(values));
    return std::unique_ptr<StatementResult>(std::make_unique<SessionResult>(std::move(rows)));
  }
  Result<std::unique_ptr<StatementResult>> RunWithStreams(std::span<const Value> values,
                                                          const CopyStreams& streams) override {
    DASHI_ASSIGN_OR_RETURN(ResultSet rows, statement_.ExecuteWithStreams(streams, values));
    return std::unique_ptr<StatementResult>(std::make_unique<SessionResult>(std::move(rows)));
  }

 private:
  PreparedStatement statement_;
};

}  // namespace

SessionRunner::SessionRunner(std::unique_ptr<Session> session) : session_(std::move(session)) {
  session_->SetCancelCheck([this] { return cancelled_.load(); });
}

Result<std::unique_ptr<StatementResult>> SessionRunner::Run(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(ResultSet rows, session_->Execute(statement));
  return std::unique_ptr<StatementResult>(std::make_unique<SessionResult>(std::move(rows)));
}

Result<std::unique_ptr<StatementResult>> SessionRunner::RunWithStreams(std::string_view statement,
                                                                       const CopyStreams& streams) {
  DASHI_ASSIGN_OR_RETURN(ResultSet rows, session_->ExecuteWithStreams(statement, streams));
  return std::unique_ptr<StatementResult>(std::make_unique<SessionResult>(std::move(rows)));
}

Result<std::unique_ptr<PreparedQuery>> SessionRunner::Prepare(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(PreparedStatement prepared, session_->Prepare(statement));
  return std::unique_ptr<PreparedQuery>(std::make_unique<SessionPrepared>(std::move(prepared)));
}

void SessionRunner::FailTransaction() {
  if (in_transaction() && !transaction_failed()) {
    session_->Prepare("").status().IgnoreError("what is no statement fails the block");
  }
}

void SessionRunner::SetProgressCallback(ProgressCallback callback) {
  session_->SetProgressCallback(std::move(callback));
}

bool SessionRunner::in_transaction() const { return session_->in_transaction(); }

bool SessionRunner::transaction_failed() const { return session_->transaction_failed(); }

}  // namespace dashi
