#include "dashi/session.h"

#include <utility>

#include "base/status.h"
#include "dashi/result_set.h"
#include "sql/row_source.h"
#include "sql/session_impl.h"

namespace dashi {

namespace internal {

/// A parsed statement and, when SQLite runs it, its compiled form.
class PreparedImpl {
 public:
  PreparedImpl(SessionImpl* session, std::shared_ptr<const sql::ParsedStatement> statement,
               CompiledKeeper keeper)
      : session_(session), statement_(std::move(statement)), keeper_(std::move(keeper)) {}

  std::size_t num_parameters() const { return statement_->num_parameters; }
  Result<ResultSet> Execute(std::span<const Value> values) {
    return session_->ExecuteParsed(statement_, values, keeper_);
  }

 private:
  SessionImpl* session_;
  // Sharers: rows that are being read.
  std::shared_ptr<const sql::ParsedStatement> statement_;
  CompiledKeeper keeper_;
};

}  // namespace internal

ResultSet::ResultSet(std::unique_ptr<internal::RowSource> source) : source_(std::move(source)) {}
ResultSet::~ResultSet() = default;
ResultSet::ResultSet(ResultSet&&) noexcept = default;
ResultSet& ResultSet::operator=(ResultSet&&) noexcept = default;

const std::vector<Column>& ResultSet::columns() const { return source_->columns(); }

Result<bool> ResultSet::Next(Row* row) {
  return CatchAsStatus("next row", [&] { return source_->Next(row); });
}

std::string ResultSet::command_tag() const { return source_->command_tag(); }

const std::vector<std::string>& ResultSet::notices() const { return source_->notices(); }

PreparedStatement::PreparedStatement(std::unique_ptr<internal::PreparedImpl> impl)
    : impl_(std::move(impl)) {}
PreparedStatement::~PreparedStatement() = default;
PreparedStatement::PreparedStatement(PreparedStatement&&) noexcept = default;
PreparedStatement& PreparedStatement::operator=(PreparedStatement&&) noexcept = default;

std::size_t PreparedStatement::num_parameters() const { return impl_->num_parameters(); }

Result<ResultSet> PreparedStatement::Execute(std::span<const Value> values) {
  return impl_->Execute(values);
}

Session::Session(std::unique_ptr<internal::SessionImpl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<ResultSet> Session::Execute(std::string_view sql, std::span<const Value> values) {
  return CatchAsStatus("statement", [&] { return impl_->Execute(sql, values); });
}

Status Session::ExecuteScript(std::string_view sql,
                              const std::function<Status(ResultSet&)>& on_result) {
  return CatchAsStatus("script", [&] { return impl_->ExecuteScript(sql, on_result); });
}

Result<PreparedStatement> Session::Prepare(std::string_view sql) {
  return CatchAsStatus("prepare", [&]() -> Result<PreparedStatement> {
    auto keeper = std::make_shared<sql::CompiledStatement>();
    DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const sql::ParsedStatement> statement,
                           impl_->Prepare(sql, keeper));
    return PreparedStatement(std::make_unique<internal::PreparedImpl>(
        impl_.get(), std::move(statement), std::move(keeper)));
  });
}

void Session::Cancel() { impl_->state().interruption.Cancel(); }

void Session::SetCancelCheck(std::function<bool()> cancelled) {
  impl_->state().interruption.set_cancel_check(std::move(cancelled));
}

void Session::SetProgressCallback(ProgressCallback callback) {
  impl_->state().on_progress = std::move(callback);
}

bool Session::in_transaction() const { return impl_->state().block.active(); }

bool Session::transaction_failed() const { return impl_->state().block.failed(); }

}  // namespace dashi
