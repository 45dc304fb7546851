#include "server/query_texts.h"

#include <algorithm>
#include <optional>
#include <utility>

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

}  // namespace dashi
