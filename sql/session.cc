#include "dashi/session.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/status.h"
#include "dashi/result_set.h"
#include "sql/activity/session_directory.h"
#include "sql/activity/statement_watch.h"
#include "sql/prepared_impl.h"
#include "sql/row_source.h"
#include "sql/session_impl.h"
#include "sql/token.h"

namespace dashi {

namespace {

constexpr std::int64_t kMicrosPerMilli = 1000;
constexpr std::int64_t kTimeLimitMsMax = std::int64_t{1000} * 3600 * 24 * 365;

const std::vector<Column>& NoColumns() {
  static const std::vector<Column> none;
  return none;
}

const std::vector<std::string>& NoNotices() {
  static const std::vector<std::string> none;
  return none;
}

}  // namespace

std::optional<std::size_t> FindColumn(std::span<const Column> columns, std::string_view name) {
  std::optional<std::size_t> similar;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) {
      return i;
    }
    if (!similar && sql::EqualsIgnoreCase(columns[i].name, name)) {
      similar = i;
    }
  }
  return similar;
}

ResultSet::ResultSet(std::unique_ptr<internal::RowSource> source) : source_(std::move(source)) {}
ResultSet::~ResultSet() = default;
ResultSet::ResultSet(ResultSet&&) noexcept = default;
ResultSet& ResultSet::operator=(ResultSet&&) noexcept = default;

const std::vector<Column>& ResultSet::columns() const {
  return source_ == nullptr ? NoColumns() : source_->columns();
}

Result<bool> ResultSet::Next(Row* row) {
  if (source_ == nullptr) {
    return Status::FailedPrecondition("the result set was moved away").WithSqlState("24000");
  }
  return CatchAsStatus("next row", [&] { return source_->Pull(row); });
}

std::string ResultSet::command_tag() const {
  return source_ == nullptr ? std::string() : source_->command_tag();
}

const std::vector<std::string>& ResultSet::notices() const {
  return source_ == nullptr ? NoNotices() : source_->notices();
}

PreparedStatement::PreparedStatement(std::unique_ptr<internal::PreparedImpl> impl)
    : impl_(std::move(impl)) {}
PreparedStatement::~PreparedStatement() = default;
PreparedStatement::PreparedStatement(PreparedStatement&&) noexcept = default;
PreparedStatement& PreparedStatement::operator=(PreparedStatement&&) noexcept = default;

std::size_t PreparedStatement::num_parameters() const {
  return impl_ == nullptr ? 0 : impl_->num_parameters();
}

const std::vector<SqlType>& PreparedStatement::parameter_types() const {
  static const std::vector<SqlType> none;
  return impl_ == nullptr ? none : impl_->parameter_types();
}

const std::vector<Column>& PreparedStatement::columns() const {
  return impl_ == nullptr ? NoColumns() : impl_->columns();
}

namespace {

Result<ResultSet> ExecutePrepared(internal::PreparedImpl* impl, std::span<const Value> values,
                                  const CopyStreams* streams) {
  if (impl == nullptr) {
    return Status::FailedPrecondition("the prepared statement was moved away")
        .WithSqlState("26000");
  }
  return CatchAsStatus("statement", [&] { return impl->Execute(values, streams); });
}

}  // namespace

Result<ResultSet> PreparedStatement::Execute(std::span<const Value> values) {
  return ExecutePrepared(impl_.get(), values, nullptr);
}

Result<ResultSet> PreparedStatement::ExecuteWithStreams(const CopyStreams& streams,
                                                        std::span<const Value> values) {
  return ExecutePrepared(impl_.get(), values, &streams);
}

Session::Session(std::unique_ptr<internal::SessionImpl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

Result<ResultSet> Session::Execute(std::string_view sql, std::span<const Value> values) {
  return CatchAsStatus("statement", [&] { return impl_->Execute(sql, values); });
}

Result<ResultSet> Session::ExecuteWithStreams(std::string_view sql, const CopyStreams& streams,
                                              std::span<const Value> values) {
  return CatchAsStatus("statement", [&] { return impl_->Execute(sql, values, &streams); });
}

Status Session::ExecuteScript(std::string_view sql,
                              const std::function<Status(ResultSet&)>& on_result) {
  const auto call = [&](ResultSet& result) -> Status {
    if (!on_result) {
      return Status();
    }
    return CatchAsStatus("the application's result callback", [&] { return on_result(result); });
  };
  return CatchAsStatus("script", [&] { return impl_->ExecuteScript(sql, call); });
}

Result<PreparedStatement> Session::Prepare(std::string_view sql) {
  return CatchAsStatus("prepare", [&]() -> Result<PreparedStatement> {
    auto keeper = std::make_shared<sql::CompiledStatement>();
    DASHI_ASSIGN_OR_RETURN(internal::PreparedParts parts, impl_->Prepare(sql, keeper));
    return PreparedStatement(
        std::make_unique<internal::PreparedImpl>(impl_.get(), std::move(parts), std::move(keeper)));
  });
}

void Session::Cancel() { impl_->state().interruption.Cancel(); }

void Session::SetCancelCheck(std::function<bool()> cancelled) {
  impl_->state().interruption.set_cancel_check(std::move(cancelled));
}

void Session::SetTimeLimit(std::optional<std::chrono::milliseconds> limit) {
  std::optional<std::int64_t> micros;
  if (limit) {
    micros = std::clamp<std::int64_t>(limit->count(), 0, kTimeLimitMsMax) * kMicrosPerMilli;
  }
  impl_->state().interruption.SetTimeLimit(micros);
}

void Session::SetProgressCallback(ProgressCallback callback) {
  ProgressCallback& on_progress = impl_->state().on_progress;
  if (!callback) {
    on_progress = nullptr;
    return;
  }
  on_progress = [callback = std::move(callback),
                 &interruption = impl_->state().interruption](const Progress& progress) {
    if (interruption.has_failed()) {
      return;  // It threw before; the statement ends soon.
    }
    Status called =
        CatchAsStatus("the application's progress callback", [&] { callback(progress); });
    if (!called.ok()) {
      LogError("{}", called.message());
      interruption.Fail(std::move(called));
    }
  };
}

void Session::BeginRequest() { impl_->state().entry->BeginRequest(Clock::System().NowMicros()); }

void Session::EndRequest() {
  sql::SessionState& state = impl_->state();
  state.entry->EndRequest(sql::StateBetweenStatements(state), Clock::System().NowMicros());
}

std::optional<std::chrono::milliseconds> Session::IdleLimit() const {
  const sql::SessionState& state = impl_->state();
  const std::int64_t ms = state.settings.idle_timeout_ms(state.block.active());
  return ms > 0 ? std::optional(std::chrono::milliseconds(ms)) : std::nullopt;
}

Result<std::string> Session::Setting(std::string_view name) const {
  return impl_->state().settings.Get(name);
}

bool Session::in_transaction() const { return impl_->state().block.active(); }

bool Session::transaction_failed() const { return impl_->state().block.failed(); }

}  // namespace dashi
