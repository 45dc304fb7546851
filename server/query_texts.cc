#include "server/query_texts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/client_statement.h"
#include "sql/parser.h"

namespace dashi {

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

std::size_t CharacterAt(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count_if(before.begin(), before.end(), [](char byte) {
           return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
         }));
}

Status CheckSyntax(std::string_view statement) {
  const Result<std::optional<ClientStatement>> own = ParseClientStatement(statement);
  const Status status = own.ok() && !*own ? sql::ParseOne(statement).status() : own.status();
  return status.sqlstate() == "42601" ? status : Status();
}

}  // namespace dashi
