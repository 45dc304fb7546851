#include "server/extended_query.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/status.h"
#include "server/copy_conversation.h"
#include "server/parameter_decoder.h"
#include "server/query_texts.h"
#include "server/wire_columns.h"

namespace dashi {

namespace {

Status ProtocolViolation(std::string message) {
  return Status::InvalidArgument(std::move(message)).WithSqlState("08P01");
}

Status NoPortal(std::string_view name) {
  return Status::NotFound(fmt::format("portal \"{}\" does not exist", name)).WithSqlState("34000");
}

Result<std::shared_ptr<NamedStatement>> FindStatement(ClientSession& session,
                                                      const std::string& name) {
  std::shared_ptr<NamedStatement> statement = session.statements().Find(name);
  if (statement == nullptr) {
    return Status::NotFound(name.empty()
                                ? "unnamed prepared statement does not exist"
                                : fmt::format("prepared statement \"{}\" does not exist", name))
        .WithSqlState("26000");
  }
  return statement;
}

bool MayFail(const ExtendedMessage& message) {
  return !std::holds_alternative<CloseMessage>(message) &&
         !std::holds_alternative<FlushMessage>(message) &&
         !std::holds_alternative<SyncMessage>(message);
}

// As the protocol has it; '?' for one that cannot be read.
char TypeOf(const ExtendedMessage& message) {
  static constexpr std::string_view kTypes = "PBDECHS?";
  return kTypes[message.index()];
}

bool IsKnown(WireFormat format) {
  return format == WireFormat::kText || format == WireFormat::kBinary;
}

// The types that a client named, and where it did not, those that the database uses them as.
std::vector<TypeOid> ParameterTypes(const std::vector<TypeOid>& named,
                                    const std::vector<SqlType>& used_as) {
  std::vector<TypeOid> types = named;
  types.resize(std::max(named.size(), used_as.size()), TypeOid::kUnspecified);
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == TypeOid::kUnspecified || types[i] == TypeOid::kUnknown) {
      types[i] = i < used_as.size() ? TypeOidOf(used_as[i]) : TypeOid::kText;
    }
  }
  return types;
}

Status CheckCounts(const BindMessage& message, const NamedStatement& statement) {
  const std::size_t num_parameters = message.parameters.size();
  const std::size_t num_formats = message.parameter_formats.size();
  if (num_formats > 1 && num_formats != num_parameters) {
    return ProtocolViolation(fmt::format("bind message has {} parameter formats but {} parameters",
                                         num_formats, num_parameters));
  }
  if (num_parameters != statement.parameter_types.size()) {
    return ProtocolViolation(fmt::format(
        "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
        num_parameters, message.statement, statement.parameter_types.size()));
  }
  return Status();
}

Result<std::vector<Value>> ValuesOf(const BindMessage& message, const NamedStatement& statement) {
  std::vector<Value> values(message.parameters.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (message.parameters[i]) {
      DASHI_ASSIGN_OR_RETURN(values[i], DecodeParameter(statement.parameter_types[i],
                                                        FormatAt(message.parameter_formats, i),
                                                        *message.parameters[i], i + 1));
    }
  }
  // The client may have named types of parameters that the statement does not have.
  const std::size_t num_used =
      statement.query == nullptr ? 0 : statement.query->parameter_types().size();
  values.resize(std::min(values.size(), num_used));
  return values;
}

// The command tag of a portal with rows: its number is that of the rows which this run sent.
std::string TagOf(const PortalRows& rows, std::uint64_t num_rows) {
  static constexpr std::array<std::string_view, 5> kCounted = {"SELECT ", "INSERT 0 ", "UPDATE ",
                                                               "DELETE ", "FETCH "};
  const std::string tag = rows.command_tag();
  const auto* counted = std::find_if(kCounted.begin(), kCounted.end(),
                                     [&](std::string_view word) { return tag.starts_with(word); });
  return counted == kCounted.end() ? tag : fmt::format("{}{}", *counted, num_rows);
}

}  // namespace

Result<SeriesEnd> ExtendedQuery::Run(const std::vector<ExtendedMessage>& messages) {
  num_left_ = static_cast<std::size_t>(std::count_if(messages.begin(), messages.end(), MayFail));
  const auto* malformed =
      messages.empty() ? nullptr : std::get_if<MalformedMessage>(&messages.back());
  commits_ = !messages.empty() && std::holds_alternative<SyncMessage>(messages.back());
  ends_with_sync_ = commits_ || (malformed != nullptr && malformed->is_sync);
  rest_ = messages;
  while (!rest_.empty()) {
    const ExtendedMessage& message = rest_.front();
    rest_ = rest_.subspan(1);
    num_left_ -= MayFail(message) ? 1 : 0;
    running_ = nullptr;
    const Status status = CatchAsStatus("message", [&] { return Answer(message); });
    if (!status.ok()) {
      return EndWith(status);
    }
  }
  if (ends_with_sync_) {
    DASHI_RETURN_IF_ERROR(Sync());
  }
  DASHI_RETURN_IF_ERROR(replies_.Flush());
  return ends_with_sync_ ? SeriesEnd::kSynced : SeriesEnd::kOpen;
}

Result<SeriesEnd> ExtendedQuery::EndWith(const Status& error) {
  session_.Fail();
  if (replies_.client_gone()) {
    return error;
  }
  const std::optional<SourcePosition> position = error.position();
  const bool placed = position && running_ != nullptr &&
                      running_->offset + position->offset <= running_->text.size();
  AppendError(replies_.bytes(), Severity::kError, error,
              placed ? CharacterAt(running_->text, running_->offset + position->offset) : 0);
  if (inbox_.broken()) {
    return EndLost(replies_);
  }
  if (ends_with_sync_) {
    DASHI_RETURN_IF_ERROR(Sync());
  }
  DASHI_RETURN_IF_ERROR(replies_.Flush());
  return ends_with_sync_ ? SeriesEnd::kSynced : SeriesEnd::kFailed;
}

Status ExtendedQuery::Answer(const ExtendedMessage& message) {
  if (const auto* parse = std::get_if<ParseMessage>(&message)) {
    return Parse(*parse);
  }
  if (const auto* bind = std::get_if<BindMessage>(&message)) {
    return Bind(*bind);
  }
  if (const auto* describe = std::get_if<DescribeMessage>(&message)) {
    return Describe(*describe);
  }
  if (const auto* execute = std::get_if<ExecuteMessage>(&message)) {
    return Execute(*execute);
  }
  if (const auto* close = std::get_if<CloseMessage>(&message)) {
    return Close(*close);
  }
  if (const auto* malformed = std::get_if<MalformedMessage>(&message)) {
    return malformed->status;
  }
  return Status();
}

Status ExtendedQuery::Parse(const ParseMessage& message) {
  if (message.name.empty()) {
    session_.statements().Erase("");
  }
  auto statement = std::make_shared<NamedStatement>();
  statement->text = message.query;
  const std::vector<ScriptStatement> statements = StatementsOf(message.query);
  if (statements.size() > 1) {
    return Status::InvalidArgument("cannot insert multiple commands into a prepared statement")
        .WithSqlState("42601");
  }
  std::vector<SqlType> used_as;
  if (!statements.empty()) {
    statement->offset = statements.front().offset;
    statement->kind = KindOf(statements.front().text);
    running_ = statement;
    if (session_.runner().transaction_failed()) {
      DASHI_RETURN_IF_ERROR(CheckSyntax(statements.front().text));
    }
    DASHI_RETURN_IF_ERROR(session_.CheckTakes(statement->kind));
    DASHI_ASSIGN_OR_RETURN(statement->query, session_.Prepare(statements.front().text));
    used_as = statement->query->parameter_types();
    statement->columns = statement->query->columns();
  }
  statement->parameter_types = ParameterTypes(message.parameter_types, used_as);
  running_ = nullptr;
  DASHI_RETURN_IF_ERROR(session_.statements().Add(message.name, std::move(statement)));
  AppendParseComplete(replies_.bytes());
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::Bind(const BindMessage& message) {
  DASHI_ASSIGN_OR_RETURN(std::shared_ptr<NamedStatement> statement,
                         FindStatement(session_, message.statement));
  DASHI_RETURN_IF_ERROR(CheckCounts(message, *statement));
  DASHI_RETURN_IF_ERROR(session_.CheckTakes(statement->kind));
  auto portal = std::make_shared<Portal>();
  portal->name = message.portal;
  portal->result_formats = message.result_formats;
  DASHI_ASSIGN_OR_RETURN(portal->values, ValuesOf(message, *statement));
  const std::size_t num_columns =
      statement->query == nullptr ? 0 : statement->query->columns().size();
  if (num_columns > 0 && message.result_formats.size() > 1 &&
      message.result_formats.size() != num_columns) {
    return ProtocolViolation(
        fmt::format("bind message has {} result formats but query has {} columns",
                    message.result_formats.size(), num_columns));
  }
  portal->statement = std::move(statement);
  DASHI_RETURN_IF_ERROR(session_.portals().Add(std::move(portal)));
  AppendBindComplete(replies_.bytes());
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::Describe(const DescribeMessage& message) {
  DASHI_RETURN_IF_ERROR(message.kind == NamedKind::kStatement ? DescribeStatement(message.name)
                                                              : DescribePortal(message.name));
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::DescribeStatement(const std::string& name) {
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<NamedStatement> statement,
                         FindStatement(session_, name));
  const std::vector<Column>& columns = statement->columns;
  if (!columns.empty()) {
    DASHI_RETURN_IF_ERROR(session_.CheckTakes(statement->kind));
  }
  AppendParameterDescription(replies_.bytes(), statement->parameter_types);
  statement->announced = WireColumnsOf(columns, {});
  if (columns.empty()) {
    AppendNoData(replies_.bytes());
  } else {
    AppendRowDescription(replies_.bytes(), *statement->announced);
  }
  return Status();
}

Status ExtendedQuery::DescribePortal(const std::string& name) {
  const std::shared_ptr<Portal> portal = session_.portals().Find(name);
  if (portal == nullptr) {
    return NoPortal(name);
  }
  NamedStatement& statement = *portal->statement;
  const bool has_columns = statement.query != nullptr && !statement.query->columns().empty();
  if (!has_columns) {
    statement.announced = std::vector<WireColumn>();
    AppendNoData(replies_.bytes());
    return Status();
  }
  running_ = portal->statement;
  DASHI_RETURN_IF_ERROR(session_.CheckTakes(statement.kind));
  if (portal->rows == nullptr && statement.kind == StatementKind::kQuery &&
      !AllTyped(statement.query->columns())) {
    // What the values are shows in the first of them.
    DASHI_RETURN_IF_ERROR(Open(*portal, /*num_executes=*/1));
  }
  if (portal->rows != nullptr && !portal->columns) {
    DASHI_RETURN_IF_ERROR(session_.DecideColumns(*portal));
  }
  if (!portal->columns) {
    portal->columns = WireColumnsOf(statement.query->columns(), {});
  }
  statement.announced = portal->columns;
  for (std::size_t i = 0; i < portal->columns->size(); ++i) {
    (*portal->columns)[i].format = FormatAt(portal->result_formats, i);
  }
  AppendRowDescription(replies_.bytes(), *portal->columns);
  return Status();
}

Status ExtendedQuery::Execute(const ExecuteMessage& message) {
  const std::shared_ptr<Portal> portal = session_.portals().Find(message.portal);
  if (portal == nullptr) {
    return NoPortal(message.portal);
  }
  if (portal->statement->query == nullptr) {
    AppendEmptyQueryResponse(replies_.bytes());
    return replies_.FlushIfLarge();
  }
  running_ = portal->statement;
  DASHI_RETURN_IF_ERROR(session_.CheckTakes(portal->statement->kind));
  if (portal->done) {
    return Status::FailedPrecondition(fmt::format("portal \"{}\" cannot be run", portal->name))
        .WithSqlState("55000");
  }
  if (portal->rows == nullptr) {
    if (!portal->statement->query->columns().empty() &&
        !std::all_of(portal->result_formats.begin(), portal->result_formats.end(), IsKnown)) {
      const auto bad =
          std::find_if_not(portal->result_formats.begin(), portal->result_formats.end(), IsKnown);
      return Status::InvalidArgument(
                 fmt::format("unsupported format code: {}", static_cast<std::uint16_t>(*bad)))
          .WithSqlState("22023");
    }
    DASHI_RETURN_IF_ERROR(Open(*portal, /*num_executes=*/0));
  }
  DASHI_RETURN_IF_ERROR(DecideColumns(*portal));
  return portal->columns->empty() ? RunWithoutRows(*portal)
                                  : SendRows(*portal, message.num_rows_max);
}

// The columns of a portal that runs without having been described are those that the client was
// told of its statement before.
Status ExtendedQuery::DecideColumns(Portal& portal) {
  if (portal.columns) {
    return Status();
  }
  const std::optional<std::vector<WireColumn>>& announced = portal.statement->announced;
  const std::size_t num_columns = portal.rows->columns().size();
  if (announced && (announced->empty() || announced->size() == num_columns)) {
    portal.columns = announced;
  } else {
    DASHI_RETURN_IF_ERROR(session_.DecideColumns(portal));
  }
  for (std::size_t i = 0; i < portal.columns->size(); ++i) {
    (*portal.columns)[i].format = FormatAt(portal.result_formats, i);
  }
  return Status();
}

// Rows of which the client was told that there are none are passed over.
Status ExtendedQuery::RunWithoutRows(Portal& portal) {
  portal.done = true;
  Row row;
  bool more = true;
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, portal.rows->Next(&row));
  }
  for (const std::string& notice : portal.rows->notices()) {
    AppendNotice(replies_.bytes(), notice);
  }
  AppendCommandComplete(replies_.bytes(), portal.rows->command_tag());
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::SendRows(Portal& portal, std::uint32_t num_rows_max) {
  if (num_rows_max > 0 && portal.statement->kind != StatementKind::kQuery) {
    // What is no query runs to its end, however many of its rows are wanted.
    DASHI_RETURN_IF_ERROR(portal.rows->ReadAll(PortalStore::kBytesMax).status());
  }
  Row row;
  std::uint64_t num_rows = 0;
  while (num_rows_max == 0 || num_rows < num_rows_max) {
    DASHI_ASSIGN_OR_RETURN(const bool more, portal.rows->Next(&row));
    if (!more) {
      for (const std::string& notice : portal.rows->notices()) {
        AppendNotice(replies_.bytes(), notice);
      }
      AppendCommandComplete(replies_.bytes(), TagOf(*portal.rows, num_rows));
      return replies_.FlushIfLarge();
    }
    DASHI_RETURN_IF_ERROR(AppendDataRow(replies_.bytes(), row, *portal.columns));
    DASHI_RETURN_IF_ERROR(replies_.FlushIfLarge());
    ++num_rows;
  }
  AppendPortalSuspended(replies_.bytes());
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::Close(const CloseMessage& message) {
  if (message.kind == NamedKind::kStatement) {
    session_.statements().Erase(message.name);
  } else {
    session_.portals().Erase(message.name);
  }
  AppendCloseComplete(replies_.bytes());
  return replies_.FlushIfLarge();
}

Status ExtendedQuery::Sync() {
  const Status ended = session_.EndSeries();
  if (!ended.ok()) {
    AppendError(replies_.bytes(), Severity::kError, ended, /*position=*/0);
  }
  session_.AppendReports(replies_.bytes());
  AppendReadyForQuery(replies_.bytes(), session_.transaction_status());
  return Status();
}

// Alone is what a Sync follows, with nothing between them that could undo it.
Status ExtendedQuery::Open(Portal& portal, std::size_t num_executes) {
  const NamedStatement& statement = *portal.statement;
  // The rows that a write returns may turn out not to be such as can be sent.
  const bool returns =
      statement.kind == StatementKind::kWrite && !statement.query->columns().empty();
  const bool alone = commits_ && num_left_ <= num_executes && !returns;
  CopyConversation copy(replies_, inbox_, [this] { return PassOverForInput(); });
  Status status =
      session_.Open(portal, alone ? ClientSession::Place::kAlone : ClientSession::Place::kInSeries,
                    copy.streams());
  copy.End(status.ok());
  return status;
}

// The Sync with which a client sends its COPY comes before it knows of it: another one follows the
// input.
Status ExtendedQuery::PassOverForInput() {
  for (const ExtendedMessage& message : rest_) {
    if (!std::holds_alternative<SyncMessage>(message) &&
        !std::holds_alternative<FlushMessage>(message)) {
      Status status = UnexpectedInCopy(TypeOf(message));
      inbox_.Break(status);
      return status;
    }
  }
  rest_ = {};
  ends_with_sync_ = false;
  return Status();
}

}  // namespace dashi
