#include "server/statement_kind.h"

#include <algorithm>
#include <array>

#include "sql/lexer.h"
#include "sql/token.h"

namespace dashi {

namespace {

// A WITH longer than this counts as a write: it is not cut into tokens twice.
constexpr std::size_t kWithBytesMax = std::size_t{64} << 10;

// Takes the next word of a statement, in lower case; "" where something else than a word comes.
std::string TakeWord(std::string_view* rest) {
  while (!rest->empty()) {
    if (rest->front() == ' ' || (rest->front() >= '\t' && rest->front() <= '\r')) {
      rest->remove_prefix(1);
      continue;
    }
    const bool line = rest->starts_with("--");
    if (!line && !rest->starts_with("/*")) {
      break;
    }
    const std::string_view closing = line ? "\n" : "*/";
    const std::size_t end = rest->find(closing, 2);
    rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + closing.size());
  }
  const auto is_letter = [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';
  };
  const auto end = std::find_if_not(rest->begin(), rest->end(), is_letter);
  std::string word = sql::ToLowerAscii({rest->begin(), end});
  rest->remove_prefix(word.size());
  return word;
}

bool WithWrites(std::string_view statement) {
  if (statement.size() > kWithBytesMax) {
    return true;
  }
  const Result<sql::LexedStatement> lexed = sql::LexStatement(statement, 0);
  return !lexed.ok() ||
         std::any_of(lexed->tokens.begin(), lexed->tokens.end(), [](const sql::Token& token) {
           return token.IsKeyword("INSERT") || token.IsKeyword("UPDATE") ||
                  token.IsKeyword("DELETE") || token.IsKeyword("REPLACE");
         });
}

// ROLLBACK [WORK | TRANSACTION] [TO ...]
StatementKind RollbackKind(std::string_view rest) {
  std::string word = TakeWord(&rest);
  if (word == "work" || word == "transaction") {
    word = TakeWord(&rest);
  }
  return word == "to" ? StatementKind::kRollbackTo : StatementKind::kRollback;
}

}  // namespace

StatementKind KindOf(std::string_view statement) {
  struct Known {
    std::string_view word;
    StatementKind kind;
  };
  static constexpr std::array<Known, 25> kKnown = {
      {{"begin", StatementKind::kBegin},       {"start", StatementKind::kBegin},
       {"commit", StatementKind::kCommit},     {"end", StatementKind::kCommit},
       {"abort", StatementKind::kRollback},    {"savepoint", StatementKind::kSavepoint},
       {"release", StatementKind::kSavepoint}, {"select", StatementKind::kQuery},
       {"values", StatementKind::kQuery},      {"set", StatementKind::kSetting},
       {"reset", StatementKind::kSetting},     {"show", StatementKind::kRead},
       {"describe", StatementKind::kRead},     {"desc", StatementKind::kRead},
       {"discard", StatementKind::kSetting},   {"declare", StatementKind::kRead},
       {"fetch", StatementKind::kRead},        {"move", StatementKind::kRead},
       {"close", StatementKind::kRead},        {"prepare", StatementKind::kRead},
       {"deallocate", StatementKind::kRead},   {"unlisten", StatementKind::kRead},
       {"insert", StatementKind::kWrite},      {"update", StatementKind::kWrite},
       {"delete", StatementKind::kWrite}}};
  std::string_view rest = statement;
  const std::string word = TakeWord(&rest);
  if (word == "rollback") {
    return RollbackKind(rest);
  }
  if (word == "explain") {
    // With ANALYZE it runs what it explains.
    const std::string next = TakeWord(&rest);
    return next.empty() || next == "analyze" ? StatementKind::kOther : StatementKind::kRead;
  }
  if (word == "with") {
    return WithWrites(statement) ? StatementKind::kWrite : StatementKind::kQuery;
  }
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const Known& entry) { return entry.word == word; });
  return known == kKnown.end() ? StatementKind::kOther : known->kind;
}

bool LeavesFailedBlock(StatementKind kind) {
  return kind == StatementKind::kCommit || kind == StatementKind::kRollback ||
         kind == StatementKind::kRollbackTo;
}

}  // namespace dashi
