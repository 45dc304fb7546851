#include "server/simple_query.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"

namespace dashi {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kFirstRowsMax = 100;  // looked at for the types of undeclared columns

std::string FirstWord(std::string_view statement) {
  std::string word;
  for (const char byte : statement) {
    if (std::isalpha(static_cast<unsigned char>(byte)) == 0) {
      break;
    }
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
  }
  return word;
}

bool ControlsTransactions(const ScriptStatement& statement) {
  constexpr std::array<std::string_view, 8> kWords = {"BEGIN",    "START", "COMMIT",    "END",
                                                      "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"};
  const std::string word = FirstWord(statement.text);
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

std::vector<ScriptStatement> StatementsOf(std::string_view query) {
  std::vector<ScriptStatement> statements;
  StatementSplitter splitter;
  splitter.Feed(query);
  while (std::optional<ScriptStatement> statement = splitter.Next()) {
    statements.push_back(std::move(*statement));
  }
  if (std::optional<ScriptStatement> last = splitter.Finish()) {
    statements.push_back(std::move(*last));
  }
  return statements;
}

// The number of the character at byte `offset`, from 1.
std::size_t CharacterAt(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count_if(before.begin(), before.end(), [](char byte) {
           return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
         }));
}

std::optional<TypeOid> TypeOf(ValueType type) {
  switch (type) {
    case ValueType::kNull:
      return std::nullopt;
    case ValueType::kInteger:
      return TypeOid::kInt8;
    case ValueType::kReal:
      return TypeOid::kFloat8;
    case ValueType::kText:
      return TypeOid::kText;
    case ValueType::kBlob:
      return TypeOid::kBytea;
  }
  return std::nullopt;
}

TypeOid Wider(TypeOid a, TypeOid b) {
  if (a == b) {
    return a;
  }
  const auto is_number = [](TypeOid type) {
    return type == TypeOid::kInt8 || type == TypeOid::kFloat8;
  };
  return is_number(a) && is_number(b) ? TypeOid::kFloat8 : TypeOid::kText;
}

}  // namespace

TransactionStatus TransactionStatusOf(const StatementRunner& runner) {
  if (runner.transaction_failed()) {
    return TransactionStatus::kFailed;
  }
  return runner.in_transaction() ? TransactionStatus::kInTransaction : TransactionStatus::kIdle;
}

std::vector<WireColumn> WireColumnsOf(const std::vector<Column>& columns,
                                      const std::vector<Row>& first_rows) {
  std::vector<WireColumn> wire_columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::optional<TypeOid> type = TypeOf(columns[i].type);
    if (!type) {
      for (const Row& row : first_rows) {
        if (const std::optional<TypeOid> seen = TypeOf(row[i].type())) {
          type = type ? Wider(*type, *seen) : *seen;
        }
      }
    }
    wire_columns.push_back({columns[i].name, type.value_or(TypeOid::kText)});
  }
  return wire_columns;
}

Status SimpleQuery::Run(std::string_view query) {
  const std::vector<ScriptStatement> statements = StatementsOf(query);
  if (statements.empty()) {
    AppendEmptyQueryResponse(&out_);
  } else {
    DASHI_RETURN_IF_ERROR(RunStatements(statements, query));
  }
  AppendReadyForQuery(&out_, TransactionStatusOf(runner_));
  return Flush();
}

Status SimpleQuery::RunStatements(const std::vector<ScriptStatement>& statements,
                                  std::string_view query) {
  const bool implicit = statements.size() > 1 && !runner_.in_transaction() &&
                        std::none_of(statements.begin(), statements.end(), ControlsTransactions);
  if (implicit) {
    const Status begun = RunQuietly("BEGIN");
    if (!begun.ok()) {
      AppendFailure(begun, /*position=*/0);
      return Status();
    }
  }
  for (const ScriptStatement& statement : statements) {
    Status status = RunStatement(statement);
    if (!status.ok()) {
      const Status undone = implicit ? RunQuietly("ROLLBACK") : Status();
      if (client_gone_) {
        undone.IgnoreError("the session ends, and its transaction with it");
        return status;
      }
      const bool placed = status.position() && status.position()->offset <= statement.text.size();
      AppendFailure(status,
                    placed ? CharacterAt(query, statement.offset + status.position()->offset) : 0);
      undone.IgnoreError("the first error is the one to tell");
      return Status();
    }
  }
  const Status committed = implicit ? RunQuietly("COMMIT") : Status();
  if (committed.ok()) {
    AppendCommandComplete(&out_, last_tag_.value_or(""));
  } else {
    AppendFailure(committed, /*position=*/0);
  }
  return Status();
}

Status SimpleQuery::RunStatement(const ScriptStatement& statement) {
  if (last_tag_) {
    AppendCommandComplete(&out_, *last_tag_);
    last_tag_.reset();
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result,
                         runner_.Run(statement.text));
  DASHI_RETURN_IF_ERROR(SendRows(*result));
  for (const std::string& notice : result->notices()) {
    AppendNotice(&out_, notice);
  }
  last_tag_ = result->command_tag();
  return FlushIfLarge();
}

Status SimpleQuery::SendRows(StatementResult& result) {
  const std::vector<Column>& columns = result.columns();
  const bool all_declared = std::none_of(columns.begin(), columns.end(), [](const Column& column) {
    return column.type == ValueType::kNull;
  });
  std::vector<Row> first_rows;
  Row row;
  bool more = true;
  while (more && !all_declared && first_rows.size() < kFirstRowsMax) {
    DASHI_ASSIGN_OR_RETURN(more, result.Next(&row));
    if (more) {
      first_rows.push_back(row);
    }
  }
  if (!columns.empty()) {
    AppendRowDescription(&out_, WireColumnsOf(columns, first_rows));
  }
  for (const Row& first_row : first_rows) {
    DASHI_RETURN_IF_ERROR(SendRow(first_row));
  }
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, result.Next(&row));
    if (more) {
      DASHI_RETURN_IF_ERROR(SendRow(row));
    }
  }
  return Status();
}

Status SimpleQuery::SendRow(const Row& row) {
  DASHI_RETURN_IF_ERROR(AppendDataRow(&out_, row));
  return FlushIfLarge();
}

Status SimpleQuery::RunQuietly(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result, runner_.Run(statement));
  Row row;
  bool more = true;
  while (more) {
    DASHI_ASSIGN_OR_RETURN(more, result->Next(&row));
  }
  return Status();
}

void SimpleQuery::AppendFailure(const Status& status, std::size_t position) {
  AppendError(&out_, Severity::kError, status, position);
}

Status SimpleQuery::FlushIfLarge() { return out_.size() < kChunkBytes ? Status() : Flush(); }

Status SimpleQuery::Flush() {
  Status status = sink_.Send(std::exchange(out_, std::string()));
  client_gone_ = client_gone_ || !status.ok();
  return status;
}

}  // namespace dashi
