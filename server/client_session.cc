#include "server/client_session.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "server/client_query.h"
#include "server/finished_result.h"
#include "server/wire_columns.h"

namespace dashi {

namespace {

// A cancel may come again while a transaction is undone because of the first.
constexpr int kRollBacksMax = 100;

constexpr std::string_view kNoTransaction = "there is no transaction in progress";

// Statements that have the database end the rows that are read in their block.
bool EndsRows(StatementKind kind) {
  return kind == StatementKind::kWrite || kind == StatementKind::kOther ||
         kind == StatementKind::kBegin || kind == StatementKind::kSavepoint ||
         kind == StatementKind::kRollbackTo;
}

bool SameColumns(const std::vector<Column>& a, const std::vector<Column>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Column& x, const Column& y) {
    return x.name == y.name && x.type == y.type && x.sql_type == y.sql_type;
  });
}

// Reads all rows of a statement of the server's own, which are not wanted.
Status PassOver(StatementResult& result) {
  Row row;
  bool more = true;
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, result.Next(&row));
  }
  return Status();
}

}  // namespace

ClientSession::ClientSession(std::unique_ptr<StatementRunner> runner, Settings reported)
    : runner_(std::move(runner)), reported_(std::move(reported)) {}

void ClientSession::ReportSettings() { reports_due_ = true; }

// Statements and rows of a session end before it.
ClientSession::~ClientSession() {
  portals_.CloseAllBut(nullptr);
  statements_.Clear();
}

// The database counts what it cannot prepare, by the error that it finds, which may be another than
// the server's where the text is like one of the server's own statements. So it gets this one.
void ClientSession::NoteSyntaxError() {
  runner_->Prepare("syntax error").status().IgnoreError("it is one");
}

Result<std::unique_ptr<PreparedQuery>> ClientSession::MakeOwn(std::string_view statement) {
  Result<std::unique_ptr<PreparedQuery>> own = ClientQuery::Make(*this, statement);
  if (own.status().sqlstate() == "42601") {
    NoteSyntaxError();
  }
  return own;
}

Result<std::unique_ptr<PreparedQuery>> ClientSession::Prepare(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<PreparedQuery> own, MakeOwn(statement));
  return own != nullptr ? Result<std::unique_ptr<PreparedQuery>>(std::move(own))
                        : runner_->Prepare(statement);
}

ClientSession::Outcome ClientSession::Run(std::string_view statement, Place place,
                                          const CopyStreams& streams) {
  return RunAt(KindOf(statement), place, [&]() -> Outcome {
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<PreparedQuery> own, MakeOwn(statement));
    return own != nullptr ? own->Run({}) : runner_->RunWithStreams(statement, streams);
  });
}

Status ClientSession::Open(Portal& portal, Place place, const CopyStreams& streams) {
  const NamedStatement& statement = *portal.statement;
  running_ = &portal;
  Outcome outcome = RunAt(statement.kind, place,
                          [&] { return statement.query->RunWithStreams(portal.values, streams); });
  running_ = nullptr;
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<StatementResult> result, std::move(outcome));
  const std::vector<Column> prepared = statement.query->columns();
  if (!prepared.empty() && !SameColumns(prepared, result->columns())) {
    return Status::Unimplemented(std::string(kChangedColumns))
        .WithHint("Prepare the statement again.");
  }
  portal.rows = std::make_unique<PortalRows>(std::move(result));
  return Status();
}

Result<bool> ClientSession::ClosePortal(std::string_view name) {
  const std::shared_ptr<Portal> portal = portals_.Find(name);
  if (portal != nullptr && portal.get() == running_) {
    return Status::FailedPrecondition(fmt::format("cannot drop active portal \"{}\"", name))
        .WithSqlState("24000");
  }
  return portals_.Erase(name);
}

Status ClientSession::DecideColumns(Portal& portal) {
  const std::vector<Column>& columns = portal.rows->columns();
  if (!AllTyped(columns)) {
    DASHI_RETURN_IF_ERROR(portal.rows->ReadAhead(kFirstRowsMax));
  }
  portal.columns = WireColumnsOf(columns, portal.rows->ahead());
  return Status();
}

Status ClientSession::CheckTakes(StatementKind kind) const {
  if (!runner_->transaction_failed() || LeavesFailedBlock(kind)) {
    return Status();
  }
  return Status::FailedPrecondition(
             "current transaction is aborted, commands ignored until end of transaction block")
      .WithSqlState("25P02")
      .WithHint("ROLLBACK, or ROLLBACK TO a savepoint.");
}

ClientSession::Outcome ClientSession::RunAt(StatementKind kind, Place place,
                                            const std::function<Outcome()>& run) {
  DASHI_RETURN_IF_ERROR(CheckTakes(kind));
  const bool controls =
      kind == StatementKind::kBegin || kind == StatementKind::kSavepoint || LeavesFailedBlock(kind);
  if (place != Place::kAlone && !controls && !runner_->in_transaction()) {
    DASHI_RETURN_IF_ERROR(RunQuietly("BEGIN"));
    in_series_ = true;
    series_is_query_ = place == Place::kInQuery;
  }
  if (EndsRows(kind) && runner_->in_transaction()) {
    DASHI_RETURN_IF_ERROR(portals_.KeepRows());
  }
  Outcome outcome = in_series_ && controls ? RunInSeries(kind, run) : run();
  if (!outcome.ok()) {
    Fail();
    if (!runner_->in_transaction()) {
      portals_.EndTransaction(/*committed=*/false);
    }
    return outcome;
  }
  reports_due_ = reports_due_ || kind == StatementKind::kSetting;
  if (kind == StatementKind::kCommit || kind == StatementKind::kRollback) {
    portals_.EndTransaction((*outcome)->command_tag() == "COMMIT");
  }
  return outcome;
}

// What controls transactions, where the series has one that the client knows nothing of.
ClientSession::Outcome ClientSession::RunInSeries(StatementKind kind,
                                                  const std::function<Outcome()>& run) {
  if (kind == StatementKind::kSavepoint || kind == StatementKind::kRollbackTo) {
    return Status::FailedPrecondition("SAVEPOINT can only be used in transaction blocks")
        .WithSqlState("25P01");
  }
  in_series_ = false;
  Outcome outcome = run();
  if (!outcome.ok()) {
    RollBack();
    return outcome;
  }
  const std::string tag = (*outcome)->command_tag();
  std::vector<std::string> notices;
  if (kind != StatementKind::kBegin) {
    notices.emplace_back(kNoTransaction);
  }
  return std::unique_ptr<StatementResult>(
      std::make_unique<FinishedResult>(tag, std::move(notices)));
}

void ClientSession::Fail() {
  if (std::exchange(in_series_, false)) {
    portals_.EndTransaction(/*committed=*/false);
    RollBack();
  } else {
    runner_->FailTransaction();
  }
}

Status ClientSession::EndSeries() {
  Status committed;
  if (std::exchange(in_series_, false)) {
    committed = RunQuietly("COMMIT");
    if (!committed.ok()) {
      RollBack();
    }
  }
  if (!runner_->in_transaction()) {
    portals_.EndTransaction(committed.ok());
  }
  return committed;
}

// A cancelled statement is over; the cancel must not keep its transaction open.
void ClientSession::RollBack() {
  for (int i = 0; i < kRollBacksMax && runner_->in_transaction(); ++i) {
    runner_->ForgetCancel();
    RunQuietly("ROLLBACK").IgnoreError("the error that led here is the one to tell");
  }
}

Status ClientSession::RunQuietly(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result, runner_->Run(statement));
  return PassOver(*result);
}

TransactionStatus ClientSession::transaction_status() const {
  if (in_series_ || !runner_->in_transaction()) {
    return TransactionStatus::kIdle;
  }
  return runner_->transaction_failed() ? TransactionStatus::kFailed
                                       : TransactionStatus::kInTransaction;
}

bool ClientSession::in_block() const {
  return runner_->in_transaction() && (!in_series_ || series_is_query_);
}

void ClientSession::AppendReports(std::string* out) {
  // What is set in a block goes with it, so it is told again behind it.
  if (!reports_due_ || runner_->transaction_failed()) {
    return;
  }
  reports_due_ = runner_->in_transaction();
  for (auto& [name, value] : reported_) {
    Result<std::string> now = runner_->Setting(name);
    if (!now.ok()) {
      reports_due_ = true;  // It was cancelled, and comes with the next.
    } else if (*now != value) {
      value = std::move(now).value();
      AppendParameterStatus(out, name, value);
    }
  }
}

}  // namespace dashi
