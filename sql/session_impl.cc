#include "sql/session_impl.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/memory_account.h"
#include "base/status.h"
#include "sql/inserted_columns.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/plan_analysis.h"
#include "sql/postgres/column_types.h"
#include "sql/prepared_impl.h"
#include "sql/query_rows.h"
#include "sql/roles/statement_rights.h"
#include "sql/session_use.h"
#include "sql/setting_statements.h"
#include "sql/show_statements.h"
#include "sql/transaction_statements.h"
#include "sql/write_statement.h"
#include "sql/write_text.h"

namespace dashi::internal {

namespace {

using sql::ParsedStatement;
using sql::StatementContext;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

// Statements that are allowed in a failed block, because they end it or go back before the failure.
bool HelpsFailedBlock(const sql::StatementNode& node) {
  return std::holds_alternative<sql::CommitStatement>(node) ||
         std::holds_alternative<sql::RollbackStatement>(node) ||
         std::holds_alternative<sql::RollbackToStatement>(node);
}

// Statements under which no cursor may go on reading the block: all that write, even into the
// catalog, because undoing a failed one invalidates cursors, and all that end the block.
bool ChangesBlock(const sql::StatementNode& node) {
  const auto* sqlite = std::get_if<sql::SqliteStatement>(&node);
  if (sqlite != nullptr) {
    return sqlite->run_verb() != sql::SqliteVerb::kSelect;
  }
  return !std::holds_alternative<sql::CopyToStatement>(node) &&
         !std::holds_alternative<sql::ShowListStatement>(node) &&
         !std::holds_alternative<sql::ShowSettingStatement>(node) &&
         !std::holds_alternative<sql::ShowBackupsStatement>(node) &&
         !std::holds_alternative<sql::SetStatement>(node) &&
         !std::holds_alternative<sql::ResetStatement>(node);
}

// Statements after which there may be commits of the session's own.
bool MayWrite(const sql::StatementNode& node, const sql::TransactionBlock& block) {
  if (std::holds_alternative<sql::CommitStatement>(node)) {
    return block.active() && block.transaction() != nullptr && block.transaction()->has_writes();
  }
  return ChangesBlock(node) && !std::holds_alternative<sql::BeginStatement>(node) &&
         !std::holds_alternative<sql::RollbackStatement>(node) &&
         !std::holds_alternative<sql::SavepointStatement>(node) &&
         !std::holds_alternative<sql::ReleaseSavepointStatement>(node) &&
         !std::holds_alternative<sql::RollbackToStatement>(node) &&
         !std::holds_alternative<sql::SetTransactionStatement>(node);
}

/// Counts what a statement allocates from its begin to where it has run or its rows can be read.
class StatementMemory {
 public:
  explicit StatementMemory(const sql::SessionState& session)
      : account_(MemoryAccount::Make(MemoryAccount::Holder::kStatement, {},
                                     session.settings.statement_memory_bytes(), session.memory)),
        scope_(account_.get()) {}
  ~StatementMemory() { account_->Trim(); }
  StatementMemory(const StatementMemory&) = delete;
  StatementMemory& operator=(const StatementMemory&) = delete;

 private:
  const MemoryAccountRef account_;
  const MemoryScope scope_;
};

}  // namespace

SessionImpl::SessionImpl(std::shared_ptr<DatabaseImpl> database)
    : database_(std::move(database)), state_(*database_) {}

SessionImpl::~SessionImpl() {
  while (!open_rows_.empty()) {
    (*open_rows_.begin())
        ->Close(Status::FailedPrecondition("the session of this result set is gone")
                    .WithSqlState("24000"));
  }
  for (PreparedImpl* prepared : prepared_) {
    prepared->Close();
  }
  state_.block.Rollback();
  sqlite_.reset();
  if (state_.entry != nullptr) {
    database_->sessions().Close(state_.entry);
  }
}

Result<std::unique_ptr<SessionImpl>> SessionImpl::Open(std::shared_ptr<DatabaseImpl> database,
                                                       const SessionOptions& options) {
  auto session = std::unique_ptr<SessionImpl>(new SessionImpl(std::move(database)));
  DASHI_RETURN_IF_ERROR(session->Become(options));
  session->Register(options);
  SessionImpl* self = session.get();
  const MemoryScope scope(session->state_.memory.get(), MemoryScope::Limits::kDoNotHold);
  DASHI_ASSIGN_OR_RETURN(session->sqlite_, sql::SqliteConnection::Open([self] {
                           return self->state_.interruption.Poll();
                         }));
  session->state_.memory->Trim();
  return session;
}

Status SessionImpl::Become(const SessionOptions& options) {
  state_.user = options.user;
  state_.unrestricted = options.unrestricted;
  state_.file_directories = options.file_directories;
  state_.on_audited = options.on_audited;
  state_.other_databases = options.other_databases;
  DASHI_RETURN_IF_ERROR(state_.settings.SetDefault(
      "statement_memory", std::to_string(options.statement_memory_bytes_max)));
  MemoryAccountRef memory = database_->role_memory().all();
  bool is_admin = options.unrestricted;
  if (!options.unrestricted) {
    DASHI_ASSIGN_OR_RETURN(const auto view, database_->store().NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(const sql::Roles roles, sql::ReadRoles(*view));
    const sql::StoredRole* role = roles.Find(options.user);
    if (role == nullptr) {
      return Status::NotFound(fmt::format("role \"{}\" does not exist", options.user))
          .WithSqlState("28000");
    }
    is_admin = role->rights.admin;
    memory = database_->role_memory().Of(options.user);
    memory->set_limit_bytes(role->memory_bytes_max);
    state_.role_memory = memory;
    for (const auto& [name, value] : role->settings) {
      DASHI_RETURN_IF_ERROR(state_.settings.Set(name, value));
    }
  }
  state_.memory = MemoryAccount::Make(MemoryAccount::Holder::kSession, {}, /*limit_bytes=*/0,
                                      std::move(memory));
  state_.settings.SetFixed("session_authorization", options.user);
  state_.settings.SetFixed("is_superuser", is_admin ? "on" : "off");
  return Status();
}

void SessionImpl::Register(const SessionOptions& options) {
  state_.on_statement = options.on_statement;
  state_.slow_statement = options.slow_statement;
  sql::SessionActivity activity;
  activity.id = options.id;
  activity.user = options.user;
  activity.client = options.client;
  sql::SessionEntry::Controls controls{options.on_cancel, options.on_terminate};
  if (controls.cancel == nullptr) {
    controls.cancel = [this] { state_.interruption.Cancel(); };
  }
  state_.entry =
      database_->sessions().Open(std::move(activity), state_.memory, std::move(controls));
}

void SessionImpl::NoteNoStatement(const Status& status) {
  NoteFailure();
  if (state_.on_statement != nullptr) {
    StatementReport report;  // Its text may hold a password, and nobody knows where.
    const std::string sqlstate(status.sqlstate());
    report.sqlstate = sqlstate;
    state_.on_statement(report);
  }
}

Result<ResultSet> SessionImpl::Execute(std::string_view sql, std::span<const Value> values,
                                       const CopyStreams* streams) {
  const SessionUse use(in_use_);
  DASHI_RETURN_IF_ERROR(use.status());
  const StatementMemory memory(state_);
  Result<ParsedStatement> parsed = sql::ParseOne(sql);
  if (!parsed.ok()) {
    NoteNoStatement(parsed.status());
    return std::move(parsed).status();
  }
  return ExecuteNoted(std::make_shared<const ParsedStatement>(std::move(*parsed)), values, nullptr,
                      streams);
}

Status SessionImpl::ExecuteScript(std::string_view sql,
                                  const std::function<Status(ResultSet&)>& on_result) {
  sql::Parser parser(sql);
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(std::optional<ResultSet> result, ExecuteNext(parser));
    if (!result) {
      return Status();
    }
    if (on_result) {
      DASHI_RETURN_IF_ERROR(on_result(*result));
    }
  }
}

Result<std::optional<ResultSet>> SessionImpl::ExecuteNext(sql::Parser& parser) {
  const SessionUse use(in_use_);
  DASHI_RETURN_IF_ERROR(use.status());
  const StatementMemory memory(state_);
  Result<std::optional<ParsedStatement>> parsed = parser.Next();
  if (!parsed.ok()) {
    NoteNoStatement(parsed.status());
    return std::move(parsed).status();
  }
  if (!*parsed) {
    return std::optional<ResultSet>();
  }
  DASHI_ASSIGN_OR_RETURN(ResultSet result,
                         ExecuteNoted(std::make_shared<const ParsedStatement>(std::move(**parsed)),
                                      {}, nullptr, nullptr));
  return std::optional<ResultSet>(std::move(result));
}

Result<PreparedParts> SessionImpl::Prepare(std::string_view sql, const CompiledKeeper& keeper) {
  const SessionUse use(in_use_);
  DASHI_RETURN_IF_ERROR(use.status());
  const StatementMemory memory(state_);
  Result<PreparedParts> parts = ParseAndCompile(sql, keeper);
  if (!parts.ok() && sql.empty()) {
    NoteFailure();  // Nothing was asked for.
  } else if (!parts.ok()) {
    NoteNoStatement(parts.status());
  }
  return parts;
}

Result<PreparedParts> SessionImpl::ParseAndCompile(std::string_view sql,
                                                   const CompiledKeeper& keeper) {
  PreparedParts parts;
  DASHI_ASSIGN_OR_RETURN(ParsedStatement parsed, sql::ParseOne(sql));
  parts.statement = std::make_shared<const ParsedStatement>(std::move(parsed));
  parts.parameter_types.resize(parts.statement->num_parameters);
  if (state_.block.failed()) {
    return parts;
  }
  if (const auto* show = std::get_if<sql::ShowListStatement>(&parts.statement->node)) {
    DASHI_ASSIGN_OR_RETURN(const ParsedStatement select, sql::ParseOne(ShowListQuery(show->list)));
    DASHI_ASSIGN_OR_RETURN(StatementContext context, NewContext());
    DASHI_ASSIGN_OR_RETURN(const sql::CompiledStatement compiled,
                           sqlite_->Compile(select, context));
    parts.columns = compiled.Columns();
  } else if (std::holds_alternative<sql::SqliteStatement>(parts.statement->node)) {
    DASHI_ASSIGN_OR_RETURN(StatementContext context, NewContext());
    DASHI_ASSIGN_OR_RETURN(*keeper, sqlite_->Compile(*parts.statement, context));
    DASHI_ASSIGN_OR_RETURN(parts.columns, ColumnsOf(*parts.statement, context, *keeper));
    DASHI_ASSIGN_OR_RETURN(const sql::postgres::TypedStatement read,
                           sql::postgres::ReadWithTypes(*parts.statement, context.schemas));
    parts.parameter_types = read.types.Parameters(parts.statement->num_parameters);
  } else {
    parts.columns = sql::ColumnsBeforeRun(parts.statement->node);
  }
  return parts;
}

Result<std::vector<Column>> SessionImpl::ColumnsOf(const ParsedStatement& statement,
                                                   StatementContext& context,
                                                   const sql::CompiledStatement& compiled) {
  const auto& node = std::get<sql::SqliteStatement>(statement.node);
  if (node.verb == sql::SqliteVerb::kSelect) {
    return compiled.Columns();
  }
  if (node.verb == sql::SqliteVerb::kExplain) {
    return sql::PlanColumns();
  }
  if (!node.write || !node.write->returning) {
    return std::vector<Column>();
  }
  if (node.verb == sql::SqliteVerb::kDelete) {
    std::vector<Column> columns = compiled.Columns();
    columns.erase(columns.begin());  // The row numbers.
    return columns;
  }
  DASHI_ASSIGN_OR_RETURN(const sql::postgres::TypedStatement read,
                         sql::postgres::ReadWithTypes(statement, context.schemas));
  DASHI_ASSIGN_OR_RETURN(const sql::CompiledStatement returning,
                         sqlite_->CompileComposed(sql::ReturningText(statement, read.replaced),
                                                  statement, read, context));
  return returning.Columns();
}

Result<ResultSet> SessionImpl::ExecuteParsed(
    const std::shared_ptr<const ParsedStatement>& statement, std::span<const Value> values,
    const CompiledKeeper& keeper, const CopyStreams* streams) {
  const SessionUse use(in_use_);
  DASHI_RETURN_IF_ERROR(use.status());
  const StatementMemory memory(state_);
  return ExecuteNoted(statement, values, keeper, streams);
}

Result<ResultSet> SessionImpl::ExecuteNoted(const std::shared_ptr<const ParsedStatement>& statement,
                                            std::span<const Value> values,
                                            const CompiledKeeper& keeper,
                                            const CopyStreams* streams) {
  watch_ = std::make_unique<sql::StatementWatch>(state_, *statement);
  Result<ResultSet> result = ExecuteWatched(statement, values, keeper, streams);
  if (watch_ != nullptr) {
    watch_->End(result.status(), 0, nullptr);
    watch_.reset();
  }
  return result;
}

Result<ResultSet> SessionImpl::ExecuteWatched(
    const std::shared_ptr<const ParsedStatement>& statement, std::span<const Value> values,
    const CompiledKeeper& keeper, const CopyStreams* streams) {
  state_.streams = streams;  // Of this statement alone: the next one sets its own.
  if (state_.block.failed() && !HelpsFailedBlock(statement->node)) {
    return Status::FailedPrecondition(
               "the transaction has failed: statements are ignored until it ends")
        .WithSqlState("25P02")
        .WithHint("ROLLBACK, or ROLLBACK TO a savepoint.");
  }
  state_.interruption.Begin(state_.settings.statement_timeout_ms());
  if (state_.block.active() && ChangesBlock(statement->node)) {
    CloseBlockRows();
  }
  Result<ResultSet> result = CatchAsStatus("statement", [&]() -> Result<ResultSet> {
    if (values.size() != statement->num_parameters) {
      return Status::InvalidArgument(
                 "the number of values differs from the number of parameters: got " +
                 std::to_string(values.size()) + ", want " +
                 std::to_string(statement->num_parameters))
          .WithSqlState("07001");
    }
    DASHI_RETURN_IF_ERROR(state_.interruption.ToStatus());
    DASHI_RETURN_IF_ERROR(sql::CheckMayRun(state_, statement->node));
    const bool may_write = MayWrite(statement->node, state_.block);
    Result<ResultSet> run = Run(statement, values, keeper);
    state_.has_written = state_.has_written || may_write;
    if (state_.roles_changed && !state_.block.active()) {
      state_.roles_changed = false;
      database_->NoteRolesChanged();
    }
    return run;
  });
  sql::Audit(state_, statement->node, result.status());
  if (result.ok()) {
    return result;
  }
  NoteFailure();
  const Status stopped = state_.interruption.ToStatus();
  const Status status = std::move(result).status();
  // Whoever noticed the interruption does not know whether a person or the clock asked for it.
  return status.sqlstate() == "57014" && !stopped.ok() ? stopped : status;
}

Result<ResultSet> SessionImpl::Run(const std::shared_ptr<const ParsedStatement>& statement,
                                   std::span<const Value> values, const CompiledKeeper& keeper) {
  const ParsedStatement& parsed = *statement;
  sql::SessionState& session = state_;
  Result<std::unique_ptr<RowSource>> rows = std::visit(
      Overloaded{
          [&](const sql::SqliteStatement& node) -> sql::StatementResult {
            if (node.verb == sql::SqliteVerb::kExplain) {
              return RunExplain(statement, values);
            }
            return node.verb == sql::SqliteVerb::kSelect
                       ? RunQuery(statement, values, keeper, "SELECT")
                       : RunWrite(parsed, values, keeper);
          },
          [&](const sql::DescribeStatement& node) {
            return node.query ? DescribeQuery(parsed, node)
                              : sql::ExecuteOwnStatement(session, parsed, node);
          },
          [&](const sql::CopyToStatement& node) { return RunCopyTo(parsed, node, values); },
          [&](const sql::RunScheduleStatement& node) { return RunSchedule(parsed, node); },
          [&](const sql::BeginStatement& node) { return ExecuteBegin(session, node); },
          [&](const sql::CommitStatement&) { return ExecuteCommit(session); },
          [&](const sql::RollbackStatement&) { return ExecuteRollback(session); },
          [&](const sql::SavepointStatement& node) { return ExecuteSavepoint(session, node); },
          [&](const sql::ReleaseSavepointStatement& node) {
            return ExecuteReleaseSavepoint(session, node);
          },
          [&](const sql::RollbackToStatement& node) { return ExecuteRollbackTo(session, node); },
          [&](const sql::SetTransactionStatement& node) {
            return ExecuteSetTransaction(session, node);
          },
          [&](const sql::ShowListStatement& node) { return RunShow(ShowListQuery(node.list)); },
          [&](const sql::ShowSettingStatement& node) {
            return ExecuteShowSetting(session, parsed, node);
          },
          [&](const sql::SetStatement& node) { return ExecuteSet(session, parsed, node); },
          [&](const sql::ResetStatement& node) { return ExecuteReset(session, parsed, node); },
          [&](const auto& node) { return sql::ExecuteOwnStatement(session, parsed, node); }},
      parsed.node);
  if (!rows.ok()) {
    return std::move(rows).status();
  }
  return ResultSet(std::move(*rows));
}

Result<StatementContext> SessionImpl::NewContextOn(std::shared_ptr<const storage::View> view) {
  StatementContext context;
  context.database = database_.get();
  context.sqlite = sqlite_.get();
  context.settings = &state_.settings;
  context.interruption = &state_.interruption;
  context.session = &state_;
  context.started_at_micros = Clock::System().NowMicros();
  DASHI_ASSIGN_OR_RETURN(context.schemas, sql::UserSchemas::Read(*view));
  {  // The tables stay with the session.
    const MemoryScope scope(state_.memory.get(), MemoryScope::Limits::kDoNotHold);
    DASHI_RETURN_IF_ERROR(sqlite_->UseSchemas(context.schemas));
    state_.memory->Trim();  // What it had in spare, beyond limits too, is not for the statement.
  }
  if (std::exchange(state_.has_written, false)) {
    DASHI_ASSIGN_OR_RETURN(state_.needed_sequence, view->CommitSequence());
  }
  if (!state_.block.active()) {
    context.needed_sequence = state_.needed_sequence;
  }
  context.view = std::move(view);
  return context;
}

Result<StatementContext> SessionImpl::NewContext() {
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<const storage::View> view, ReadView(state_));
  return NewContextOn(std::move(view));
}

Result<sql::CompiledStatement> SessionImpl::CompileOrTake(const ParsedStatement& statement,
                                                          StatementContext& context,
                                                          const CompiledKeeper& keeper) {
  if (keeper != nullptr && !keeper->empty()) {
    sql::CompiledStatement kept = std::exchange(*keeper, sql::CompiledStatement());
    if (sqlite_->IsCurrent(kept)) {
      return kept;
    }
  }
  return sqlite_->Compile(statement, context);
}

void SessionImpl::GiveBack(sql::CompiledStatement compiled, const CompiledKeeper& keeper) {
  sqlite3_reset(compiled.get());
  sqlite3_clear_bindings(compiled.get());
  if (keeper != nullptr && keeper->empty()) {
    *keeper = std::move(compiled);
  }
}

Result<std::unique_ptr<RowSource>> SessionImpl::RunQuery(
    const std::shared_ptr<const ParsedStatement>& statement, std::span<const Value> values,
    const CompiledKeeper& keeper, std::string tag_word) {
  DASHI_ASSIGN_OR_RETURN(StatementContext context, NewContext());
  auto owned = std::make_unique<StatementContext>(std::move(context));
  DASHI_ASSIGN_OR_RETURN(sql::CompiledStatement compiled,
                         CompileOrTake(*statement, *owned, keeper));
  DASHI_RETURN_IF_ERROR(sqlite_->Bind(compiled.get(), values));
  auto rows = std::make_unique<QueryRows>(this, statement, std::move(compiled), std::move(owned),
                                          keeper, std::move(tag_word), std::move(watch_));
  open_rows_.insert(rows.get());
  return std::unique_ptr<RowSource>(std::move(rows));
}

Result<std::unique_ptr<RowSource>> SessionImpl::RunShow(std::string_view select) {
  DASHI_ASSIGN_OR_RETURN(ParsedStatement parsed, sql::ParseOne(select));
  return RunQuery(std::make_shared<const ParsedStatement>(std::move(parsed)), {}, nullptr, "SHOW");
}

Result<StatementContext> SessionImpl::NewWriteContext(const ParsedStatement& statement,
                                                      storage::Transaction& transaction) {
  const auto& node = std::get<sql::SqliteStatement>(statement.node);
  // The transaction outlives the statement, so nothing is shared in truth.
  DASHI_ASSIGN_OR_RETURN(
      StatementContext context,
      NewContextOn(std::shared_ptr<const storage::View>(std::shared_ptr<void>(), &transaction)));
  context.transaction = &transaction;
  context.inserted_columns = sql::InsertedColumns(statement, context.schemas);
  context.upsert = node.upsert ? &*node.upsert : nullptr;
  return context;
}

Result<std::unique_ptr<RowSource>> SessionImpl::RunWrite(const ParsedStatement& statement,
                                                         std::span<const Value> values,
                                                         const CompiledKeeper& keeper) {
  const sql::SqliteVerb verb = std::get<sql::SqliteStatement>(statement.node).verb;
  DASHI_RETURN_IF_ERROR(RequireWritable(state_, sql::WriteWord(verb)));
  sql::WriteOutcome outcome;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(StatementContext context, NewWriteContext(statement, transaction));
    DASHI_ASSIGN_OR_RETURN(sql::CompiledStatement compiled,
                           CompileOrTake(statement, context, keeper));
    DASHI_ASSIGN_OR_RETURN(outcome,
                           sql::RunWriteStatement(*sqlite_, statement, values, compiled, context));
    GiveBack(std::move(compiled), keeper);
    return Status();
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(state_, write));
  const char* word = sql::WriteWord(verb);
  return sql::Finished(std::string(word) + (verb == sql::SqliteVerb::kInsert ? " 0 " : " ") +
                           std::to_string(outcome.rows_changed),
                       std::move(outcome.columns), std::move(outcome.rows), /*notices=*/{},
                       std::move(outcome.memory));
}

void SessionImpl::CloseBlockRows() {
  std::vector<QueryRows*> rows;
  for (QueryRows* open : open_rows_) {
    if (open->in_block()) {
      rows.push_back(open);
    }
  }
  for (QueryRows* open : rows) {
    open->Close(Status::FailedPrecondition(
                    "the result set was ended by a later statement of its transaction")
                    .WithSqlState("24000"));
  }
}

}  // namespace dashi::internal
