#include "server/client_query.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "server/finished_result.h"
#include "server/parameter_decoder.h"
#include "server/wire_columns.h"
#include "sql/pg_catalog/builtin_types.h"

namespace dashi {

namespace {

using sql::postgres::CastKind;

constexpr const char* kUnlockColumn = "pg_advisory_unlock_all";

// What is wrong in a part of a statement, with its place in the whole.
Status Shifted(Status status, const StatementPart& part) {
  const std::optional<SourcePosition> position = status.position();
  if (!position) {
    return status;
  }
  return std::move(status).WithPosition(
      {position->offset + part.offset, position->line, position->column});
}

// What is wrong in another statement than the one that the client sees.
Status WithoutPlace(const Status& status) {
  if (!status.position()) {
    return status;
  }
  return Status(status.code(), std::string(status.message()))
      .WithSqlState(status.sqlstate())
      .WithHint(std::string(status.hint()));
}

Status NoCursor(std::string_view name) {
  return Status::NotFound(fmt::format("cursor \"{}\" does not exist", name)).WithSqlState("34000");
}

Status NoStatement(std::string_view name) {
  return Status::NotFound(fmt::format("prepared statement \"{}\" does not exist", name))
      .WithSqlState("26000");
}

std::vector<Column> ColumnsOf(const Portal& portal) {
  std::vector<Column> columns;
  if (portal.columns) {
    columns.reserve(portal.columns->size());
    for (const WireColumn& column : *portal.columns) {
      columns.push_back(ColumnOf(column));
    }
  }
  return columns;
}

bool IsQuery(const Portal& portal) {
  return portal.statement->query != nullptr && portal.statement->kind == StatementKind::kQuery;
}

// Rows of a cursor, as many as were asked for.
class FetchResult final : public StatementResult {
 public:
  FetchResult(std::shared_ptr<Portal> portal, std::uint64_t num_rows_max)
      : portal_(std::move(portal)), columns_(ColumnsOf(*portal_)), num_rows_max_(num_rows_max) {}

  const std::vector<Column>& columns() const override { return columns_; }
  Result<bool> Next(Row* row) override {
    if (num_rows_ == num_rows_max_) {
      return false;
    }
    const Result<bool> more = portal_->rows->Next(row);
    if (!more.ok()) {
      return WithoutPlace(more.status());
    }
    num_rows_ += *more ? 1 : 0;
    return *more;
  }
  std::string command_tag() const override { return fmt::format("FETCH {}", num_rows_); }
  const std::vector<std::string>& notices() const override { return notices_; }

 private:
  const std::shared_ptr<Portal> portal_;  // Sharers: the store, until the cursor is closed.
  const std::vector<Column> columns_;
  const std::uint64_t num_rows_max_;
  std::uint64_t num_rows_ = 0;
  const std::vector<std::string> notices_;
};

TypeOid OidOf(CastKind kind) {
  switch (kind) {
    case CastKind::kBoolean:
      return TypeOid::kBool;
    case CastKind::kInt2:
      return TypeOid::kInt2;
    case CastKind::kInt4:
      return TypeOid::kInt4;
    case CastKind::kInt8:
      return TypeOid::kInt8;
    case CastKind::kFloat4:
      return TypeOid::kFloat4;
    case CastKind::kFloat8:
      return TypeOid::kFloat8;
    case CastKind::kNumeric:
      return TypeOid::kNumeric;
    case CastKind::kText:
      return TypeOid::kText;
    case CastKind::kVarchar:
      return TypeOid::kVarchar;
    case CastKind::kBytes:
      return TypeOid::kBytea;
    case CastKind::kDate:
      return TypeOid::kDate;
    case CastKind::kTime:
      return TypeOid::kTime;
    case CastKind::kTimestamp:
      return TypeOid::kTimestamp;
    case CastKind::kTimestamptz:
      return TypeOid::kTimestamptz;
    case CastKind::kInterval:
      return TypeOid::kInterval;
    case CastKind::kJson:
      return TypeOid::kJson;
    case CastKind::kOid:
      return TypeOid::kOid;
    case CastKind::kName:
      return TypeOid::kName;
    case CastKind::kChar:
      return TypeOid::kChar;
    case CastKind::kVector:
      return TypeOid::kFloat4Array;
    case CastKind::kRegclass:
      return TypeOid::kRegclass;
    case CastKind::kRegtype:
      return TypeOid::kRegtype;
    case CastKind::kRegproc:
      return TypeOid::kRegproc;
    case CastKind::kRegnamespace:
      return TypeOid::kRegnamespace;
    case CastKind::kRegrole:
      return TypeOid::kRegrole;
  }
  return TypeOid::kText;
}

// The name of a type that the server announces; "???" for others.
std::string TypeName(std::string_view text) {
  sql::pg_catalog::Oid oid = 0;
  std::from_chars(text.data(), text.data() + text.size(), oid);
  return oid == 0 ? "???" : sql::pg_catalog::FormatType(oid, std::nullopt);
}

// What EXECUTE runs: nothing that controls transactions or speaks of cursors.
bool CanBeExecuted(const NamedStatement& statement) {
  switch (statement.kind) {
    case StatementKind::kQuery:
    case StatementKind::kRead:
    case StatementKind::kWrite:
    case StatementKind::kOther:
      return dynamic_cast<const ClientQuery*>(statement.query.get()) == nullptr;
    case StatementKind::kBegin:
    case StatementKind::kCommit:
    case StatementKind::kRollback:
    case StatementKind::kSavepoint:
    case StatementKind::kRollbackTo:
    case StatementKind::kSetting:
      break;
  }
  return false;
}

ClientSession::Outcome Finished(std::string tag) {
  return std::unique_ptr<StatementResult>(std::make_unique<FinishedResult>(std::move(tag)));
}

}  // namespace

Result<std::unique_ptr<PreparedQuery>> ClientQuery::Make(ClientSession& session,
                                                         std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(std::optional<ClientStatement> parsed, ParseClientStatement(statement));
  if (!parsed) {
    return std::unique_ptr<PreparedQuery>();
  }
  std::unique_ptr<ClientQuery> query(new ClientQuery(session, std::move(*parsed)));
  if (const auto* declare = std::get_if<DeclareCursor>(&query->statement_)) {
    Result<std::unique_ptr<PreparedQuery>> prepared = session.runner().Prepare(declare->query.text);
    if (!prepared.ok()) {
      return Shifted(std::move(prepared).status(), declare->query);
    }
    query->query_ = std::move(prepared).value();
  }
  return std::unique_ptr<PreparedQuery>(std::move(query));
}

std::vector<SqlType> ClientQuery::parameter_types() const {
  return query_ == nullptr ? std::vector<SqlType>() : query_->parameter_types();
}

std::vector<Column> ClientQuery::columns() const {
  if (std::holds_alternative<UnlockAll>(statement_)) {
    return {{kUnlockColumn, ValueType::kText}};
  }
  if (const auto* types = std::get_if<NameTypes>(&statement_)) {
    return {{types->name_heading, ValueType::kText}, {types->type_heading, ValueType::kText}};
  }
  if (const auto* fetch = std::get_if<FetchCursor>(&statement_)) {
    const std::shared_ptr<Portal> portal = session_.portals().Find(fetch->name);
    if (portal == nullptr || fetch->moves) {
      return {};
    }
    if (!portal->columns && portal->rows == nullptr && IsQuery(*portal)) {
      portal->columns = WireColumnsOf(portal->statement->query->columns(), {});
    }
    return ColumnsOf(*portal);
  }
  if (const auto* execute = std::get_if<ExecutePrepared>(&statement_)) {
    const auto statement = session_.statements().Find(execute->name);
    const bool runs =
        statement != nullptr && statement->query != nullptr && CanBeExecuted(*statement);
    return runs ? statement->query->columns() : std::vector<Column>();
  }
  return {};
}

ClientQuery::Outcome ClientQuery::Run(std::span<const Value> values) {
  if (const auto* declare = std::get_if<DeclareCursor>(&statement_)) {
    return Declare(*declare, values);
  }
  if (const auto* fetch = std::get_if<FetchCursor>(&statement_)) {
    return Fetch(*fetch);
  }
  if (const auto* close = std::get_if<CloseCursor>(&statement_)) {
    return Close(*close);
  }
  if (const auto* prepare = std::get_if<PrepareStatement>(&statement_)) {
    return Prepare(*prepare);
  }
  if (const auto* execute = std::get_if<ExecutePrepared>(&statement_)) {
    return Execute(*execute);
  }
  if (const auto* deallocate = std::get_if<Deallocate>(&statement_)) {
    return Free(*deallocate);
  }
  if (const auto* discard = std::get_if<Discard>(&statement_)) {
    return Reset(*discard);
  }
  if (std::holds_alternative<UnlockAll>(statement_)) {
    return std::unique_ptr<StatementResult>(std::make_unique<FinishedResult>(
        "SELECT 1", columns(), std::vector<Row>{{Value::Text("")}}));
  }
  if (const auto* types = std::get_if<NameTypes>(&statement_)) {
    std::vector<Row> rows;
    rows.reserve(types->columns.size());
    for (const auto& [name, oid] : types->columns) {
      rows.push_back({Value::Text(name), Value::Text(TypeName(oid))});
    }
    const std::string tag = fmt::format("SELECT {}", rows.size());
    return std::unique_ptr<StatementResult>(
        std::make_unique<FinishedResult>(tag, columns(), std::move(rows)));
  }
  if (const auto* reset = std::get_if<ResetUser>(&statement_)) {
    return Finished(reset->tag);
  }
  return Finished("UNLISTEN");
}

ClientQuery::Outcome ClientQuery::Declare(const DeclareCursor& declare,
                                          std::span<const Value> values) {
  if (!declare.held && !session_.in_block()) {
    return Status::FailedPrecondition("DECLARE CURSOR can only be used in transaction blocks")
        .WithSqlState("25P01")
        .WithHint("BEGIN opens one; a cursor WITH HOLD needs none.");
  }
  if (values.size() != query_->parameter_types().size()) {
    return Status::InvalidArgument(fmt::format("there is no parameter ${}", values.size() + 1))
        .WithSqlState("42P02");
  }
  auto portal = std::make_shared<Portal>();
  portal->name = declare.name;
  portal->held = declare.held;
  portal->uncommitted = session_.runner().in_transaction();
  portal->statement = std::make_shared<NamedStatement>();
  portal->statement->kind = StatementKind::kQuery;
  portal->statement->query = query_;
  DASHI_RETURN_IF_ERROR(session_.portals().Add(portal));
  const auto open = [&]() -> Status {
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<StatementResult> result, query_->Run(values));
    portal->rows = std::make_unique<PortalRows>(std::move(result));
    DASHI_RETURN_IF_ERROR(session_.DecideColumns(*portal));
    DASHI_ASSIGN_OR_RETURN(const bool all,
                           portal->rows->ReadAll(declare.held ? PortalStore::kBytesMax : 0));
    if (declare.held && !all) {
      return Status::ResourceExhausted("the rows of a cursor WITH HOLD do not fit in memory")
          .WithSqlState("53200")
          .WithHint("Read them with a cursor inside a transaction block.");
    }
    return Status();
  };
  const Status opened = open();
  if (!opened.ok()) {
    session_.portals().Erase(declare.name);
    return Shifted(opened, declare.query);
  }
  return Finished("DECLARE CURSOR");
}

ClientQuery::Outcome ClientQuery::Fetch(const FetchCursor& fetch) {
  std::shared_ptr<Portal> portal = session_.portals().Find(fetch.name);
  if (portal == nullptr) {
    return NoCursor(fetch.name);
  }
  if (portal->rows == nullptr) {
    if (!IsQuery(*portal)) {
      return Status::FailedPrecondition(
                 fmt::format("portal \"{}\" is no cursor of a query", fetch.name))
          .WithSqlState("55000");
    }
    DASHI_RETURN_IF_ERROR(session_.Open(*portal, ClientSession::Place::kInSeries, {}));
  }
  if (!portal->columns) {
    DASHI_RETURN_IF_ERROR(session_.DecideColumns(*portal));
  }
  // To fetch no row is to fetch the last one again.
  if (fetch.num_rows == 0 && portal->rows->on_row()) {
    return fetch.moves ? Finished("MOVE 1") : Outcome(OnlyForwards());
  }
  if (!fetch.moves) {
    return std::unique_ptr<StatementResult>(
        std::make_unique<FetchResult>(std::move(portal), fetch.num_rows));
  }
  Row row;
  std::uint64_t num_rows = 0;
  bool more = true;
  while (more && num_rows < fetch.num_rows) {
    DASHI_ASSIGN_OR_RETURN(more, portal->rows->Next(&row));
    num_rows += more ? 1 : 0;
  }
  return Finished(fmt::format("MOVE {}", num_rows));
}

ClientQuery::Outcome ClientQuery::Close(const CloseCursor& close) {
  if (!close.name) {
    session_.CloseAllPortals();
    return Finished("CLOSE CURSOR ALL");
  }
  DASHI_ASSIGN_OR_RETURN(const bool closed, session_.ClosePortal(*close.name));
  return closed ? Finished("CLOSE CURSOR") : NoCursor(*close.name);
}

ClientQuery::Outcome ClientQuery::Prepare(const PrepareStatement& prepare) {
  Result<std::unique_ptr<PreparedQuery>> query = session_.Prepare(prepare.statement.text);
  if (!query.ok()) {
    return Shifted(std::move(query).status(), prepare.statement);
  }
  auto statement = std::make_shared<NamedStatement>();
  statement->text = prepare.statement.text;
  statement->kind = KindOf(statement->text);
  statement->query = std::move(query).value();
  statement->columns = statement->query->columns();
  if (!CanBeExecuted(*statement)) {
    return Status::InvalidArgument("this statement cannot be prepared").WithSqlState("42601");
  }
  const std::vector<SqlType> used_as = statement->query->parameter_types();
  for (std::size_t i = 0; i < std::max(used_as.size(), prepare.parameter_types.size()); ++i) {
    statement->parameter_types.push_back(i < prepare.parameter_types.size()
                                             ? OidOf(prepare.parameter_types[i].kind)
                                             : TypeOidOf(used_as[i]));
  }
  DASHI_RETURN_IF_ERROR(session_.statements().Add(prepare.name, std::move(statement)));
  return Finished("PREPARE");
}

// The values of an EXECUTE are expressions, which the database knows how to evaluate.
Result<std::vector<Value>> ClientQuery::Evaluate(const ExecutePrepared& execute,
                                                 const NamedStatement& statement) {
  Row values;
  if (!execute.values.text.empty()) {
    const Outcome result = session_.runner().Run("SELECT " + execute.values.text);
    if (!result.ok()) {
      return WithoutPlace(result.status());
    }
    DASHI_RETURN_IF_ERROR((*result)->Next(&values).status());
  }
  if (values.size() != statement.parameter_types.size()) {
    return Status::InvalidArgument(
               fmt::format("wrong number of parameters for prepared statement \"{}\": got {}, "
                           "want {}",
                           execute.name, values.size(), statement.parameter_types.size()))
        .WithSqlState("42601");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].is_null() && values[i].type() != ValueType::kBlob) {
      DASHI_ASSIGN_OR_RETURN(values[i],
                             DecodeParameter(statement.parameter_types[i], WireFormat::kText,
                                             values[i].ToString(), i + 1));
    }
  }
  values.resize(std::min(values.size(), statement.query->parameter_types().size()));
  return values;
}

ClientQuery::Outcome ClientQuery::Execute(const ExecutePrepared& execute) {
  // Sharers: the store; a DEALLOCATE that it runs leaves it here.
  const std::shared_ptr<NamedStatement> statement = session_.statements().Find(execute.name);
  if (statement == nullptr || statement->query == nullptr) {
    return NoStatement(execute.name);
  }
  if (!CanBeExecuted(*statement)) {
    return Status::Unimplemented("EXECUTE does not run this statement");
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<Value> values, Evaluate(execute, *statement));
  Outcome outcome = statement->query->Run(values);
  return outcome.ok() ? std::move(outcome) : WithoutPlace(outcome.status());
}

ClientQuery::Outcome ClientQuery::Free(const Deallocate& deallocate) {
  if (!deallocate.name) {
    session_.statements().Clear();
    return Finished("DEALLOCATE ALL");
  }
  return session_.statements().Erase(*deallocate.name) ? Finished("DEALLOCATE")
                                                       : NoStatement(*deallocate.name);
}

ClientQuery::Outcome ClientQuery::Reset(const Discard& discard) {
  if (discard.all) {
    if (session_.runner().in_transaction()) {
      return Status::FailedPrecondition("DISCARD ALL cannot run inside a transaction block")
          .WithSqlState("25001");
    }
    DASHI_RETURN_IF_ERROR(session_.runner().Run("RESET ALL").status());
    session_.CloseAllPortals();
    session_.statements().Clear();
  }
  return Finished("DISCARD " + discard.what);
}

}  // namespace dashi
