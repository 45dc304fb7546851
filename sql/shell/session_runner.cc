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

void SessionRunner::SetProgressCallback(ProgressCallback callback) {
  session_->SetProgressCallback(std::move(callback));
}

bool SessionRunner::in_transaction() const { return session_->in_transaction(); }

bool SessionRunner::transaction_failed() const { return session_->transaction_failed(); }

}  // namespace dashi
