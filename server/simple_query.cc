#include "server/simple_query.h"

#include <utility>

#include "base/status.h"
#include "server/copy_conversation.h"
#include "server/query_texts.h"
#include "server/wire_columns.h"
#include "server/wire_encoder.h"

namespace dashi {

Result<SeriesEnd> SimpleQuery::Run(std::string_view query) {
  session_.statements().Erase("");
  const std::vector<ScriptStatement> statements = StatementsOf(query);
  if (statements.empty()) {
    AppendEmptyQueryResponse(replies_.bytes());
  } else {
    DASHI_RETURN_IF_ERROR(RunStatements(statements, query));
  }
  if (inbox_.broken()) {
    return EndLost(replies_);
  }
  session_.AppendReports(replies_.bytes());
  AppendReadyForQuery(replies_.bytes(), session_.transaction_status());
  DASHI_RETURN_IF_ERROR(replies_.Flush());
  return SeriesEnd::kSynced;
}

Status SimpleQuery::RunStatements(const std::vector<ScriptStatement>& statements,
                                  std::string_view query) {
  if (statements.size() > 1 || session_.runner().transaction_failed()) {
    // Nothing is run of a query in which a statement is none.
    for (const ScriptStatement& statement : statements) {
      const Status status = CheckSyntax(statement.text);
      if (!status.ok()) {
        session_.NoteSyntaxError();
        Fail(status, statement, query);
        return Status();
      }
    }
  }
  const ClientSession::Place place =
      statements.size() > 1 ? ClientSession::Place::kInQuery : ClientSession::Place::kAlone;
  for (const ScriptStatement& statement : statements) {
    Status status = CatchAsStatus("query", [&] { return RunStatement(statement, place); });
    if (!status.ok()) {
      if (replies_.client_gone()) {
        session_.Fail();
        return status;
      }
      Fail(status, statement, query);
      return Status();
    }
  }
  const Status committed = session_.EndSeries();
  if (committed.ok()) {
    AppendCommandComplete(replies_.bytes(), last_tag_.value_or(""));
  } else {
    AppendFailure(committed, /*position=*/0);
  }
  return Status();
}

Status SimpleQuery::RunStatement(const ScriptStatement& statement, ClientSession::Place place) {
  if (last_tag_) {
    AppendCommandComplete(replies_.bytes(), *last_tag_);
    last_tag_.reset();
  }
  if (session_.CheckTakes(KindOf(statement.text)).ok()) {
    session_.portals().Erase("");
  }
  CopyConversation copy(replies_, inbox_);
  ClientSession::Outcome outcome = session_.Run(statement.text, place, copy.streams());
  copy.End(outcome.ok());
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<StatementResult> result, std::move(outcome));
  DASHI_RETURN_IF_ERROR(SendRows(std::move(result)));
  return replies_.FlushIfLarge();
}

Status SimpleQuery::SendRows(std::unique_ptr<StatementResult> result) {
  PortalRows rows(std::move(result));
  if (!AllTyped(rows.columns())) {
    DASHI_RETURN_IF_ERROR(rows.ReadAhead(kFirstRowsMax));
  }
  const std::vector<WireColumn> columns = WireColumnsOf(rows.columns(), rows.ahead());
  if (!columns.empty()) {
    AppendRowDescription(replies_.bytes(), columns);
  }
  Row row;
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, rows.Next(&row));
    if (!more) {
      break;
    }
    DASHI_RETURN_IF_ERROR(AppendDataRow(replies_.bytes(), row, columns));
    DASHI_RETURN_IF_ERROR(replies_.FlushIfLarge());
  }
  for (const std::string& notice : rows.notices()) {
    AppendNotice(replies_.bytes(), notice);
  }
  last_tag_ = rows.command_tag();
  return Status();
}

void SimpleQuery::Fail(const Status& status, const ScriptStatement& statement,
                       std::string_view query) {
  session_.Fail();
  const bool placed = status.position() && status.position()->offset <= statement.text.size();
  AppendFailure(status,
                placed ? CharacterAt(query, statement.offset + status.position()->offset) : 0);
  session_.EndSeries().IgnoreError("nothing is left to be committed");
}

void SimpleQuery::AppendFailure(const Status& status, std::size_t position) {
  AppendError(replies_.bytes(), Severity::kError, status, position);
}

}  // namespace dashi
