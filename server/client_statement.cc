#include "server/client_statement.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "base/status.h"
#include "sql/lexer.h"
#include "sql/token_stream.h"

namespace dashi {

namespace {

using sql::Token;
using sql::TokenKind;
using sql::TokenStream;

constexpr std::uint64_t kRowsMax = std::numeric_limits<std::int64_t>::max();

// From the next token to the end of the statement.
StatementPart Rest(std::string_view statement, const TokenStream& tokens) {
  const std::size_t offset = tokens.Peek().offset;
  return {std::string(statement.substr(offset)), offset};
}

// The query of a cursor, without the FOR READ ONLY with which libpqxx ends it.
StatementPart CursorQuery(std::string_view statement, TokenStream& tokens) {
  StatementPart query = Rest(statement, tokens);
  while (!tokens.AtEnd()) {
    const Token& token = tokens.Take();
    if (token.IsKeyword("FOR") && tokens.Peek().IsKeyword("READ") &&
        tokens.Peek(1).IsKeyword("ONLY") && tokens.Peek(2).kind == TokenKind::kEnd) {
      query.text.resize(token.offset - query.offset);
    }
  }
  return query;
}

Result<ClientStatement> ParseDeclare(std::string_view statement, TokenStream& tokens) {
  DeclareCursor declare;
  DASHI_ASSIGN_OR_RETURN(declare.name, tokens.ExpectName("a cursor name"));
  for (;;) {
    if (tokens.Peek().IsKeyword("BINARY")) {
      return tokens.Unsupported(tokens.Peek(), "binary cursors are not supported",
                                "Ask for binary results when the rows are fetched.");
    }
    if (tokens.Peek().IsKeyword("SCROLL")) {
      return tokens.Unsupported(tokens.Peek(), "cursors that go backwards are not supported");
    }
    if (tokens.TakeKeyword("NO")) {
      DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("SCROLL"));
    } else if (!tokens.TakeKeyword("INSENSITIVE") && !tokens.TakeKeyword("ASENSITIVE")) {
      break;
    }
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("CURSOR"));
  declare.held = tokens.TakeKeyword("WITH");
  if (declare.held || tokens.TakeKeyword("WITHOUT")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("HOLD"));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("FOR"));
  const Token& first = tokens.Peek();
  if (!first.IsKeyword("SELECT") && !first.IsKeyword("VALUES") && !first.IsKeyword("WITH")) {
    return tokens.SyntaxError("SELECT, VALUES or WITH");
  }
  declare.query = CursorQuery(statement, tokens);
  return ClientStatement(std::move(declare));
}

bool IsBackwards(const Token& token) {
  static constexpr std::array<std::string_view, 6> kWords = {"PRIOR",    "FIRST",    "LAST",
                                                             "BACKWARD", "ABSOLUTE", "RELATIVE"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return token.IsKeyword(word); });
}

Result<ClientStatement> ParseFetch(TokenStream& tokens, bool moves) {
  FetchCursor fetch;
  fetch.moves = moves;
  const Token& next = tokens.Peek(1);
  const bool has_direction = next.kind != TokenKind::kEnd;
  if (has_direction && IsBackwards(tokens.Peek())) {
    return OnlyForwards();
  }
  if (has_direction && !tokens.TakeKeyword("NEXT")) {
    static_cast<void>(tokens.TakeKeyword("FORWARD"));
    if (tokens.TakeKeyword("ALL")) {
      fetch.num_rows = FetchCursor::kAll;
    } else if (tokens.Peek().kind == TokenKind::kInteger) {
      DASHI_ASSIGN_OR_RETURN(fetch.num_rows, tokens.ExpectInteger("a number of rows", kRowsMax));
    } else if (tokens.Peek().IsOperator("-")) {
      return OnlyForwards();
    }
  }
  if (!tokens.TakeKeyword("FROM")) {
    static_cast<void>(tokens.TakeKeyword("IN"));
  }
  DASHI_ASSIGN_OR_RETURN(fetch.name, tokens.ExpectName("a cursor name"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
  return ClientStatement(std::move(fetch));
}

// Takes `name` or ALL, up to the end; nullopt is ALL.
Result<std::optional<std::string>> NameOrAll(TokenStream& tokens, std::string_view what) {
  std::optional<std::string> name;
  if (!tokens.TakeKeyword("ALL")) {
    DASHI_ASSIGN_OR_RETURN(name, tokens.ExpectName(what));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
  return name;
}

Result<ClientStatement> ParsePrepare(std::string_view statement, TokenStream& tokens) {
  PrepareStatement prepare;
  DASHI_ASSIGN_OR_RETURN(prepare.name, tokens.ExpectName("a statement name"));
  if (tokens.TakeOperator("(")) {
    do {
      DASHI_ASSIGN_OR_RETURN(const sql::postgres::CastTarget type,
                             sql::postgres::ExpectTypeName(tokens));
      prepare.parameter_types.push_back(type);
    } while (tokens.TakeOperator(","));
    DASHI_RETURN_IF_ERROR(tokens.ExpectOperator(")"));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("AS"));
  if (tokens.AtEnd()) {
    return tokens.SyntaxError("a statement");
  }
  prepare.statement = Rest(statement, tokens);
  return ClientStatement(std::move(prepare));
}

Result<ClientStatement> ParseExecute(std::string_view statement, TokenStream& tokens) {
  ExecutePrepared execute;
  DASHI_ASSIGN_OR_RETURN(execute.name, tokens.ExpectName("a statement name"));
  if (tokens.AtEnd()) {
    return ClientStatement(std::move(execute));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("("));
  execute.values = Rest(statement, tokens);
  std::size_t end = execute.values.offset;
  while (!tokens.AtEnd()) {
    end = tokens.Take().offset;
  }
  if (statement.substr(end, 1) != ")") {
    return tokens.SyntaxError("\")\"");
  }
  execute.values.text.resize(end - execute.values.offset);
  return ClientStatement(std::move(execute));
}

Result<ClientStatement> ParseDiscard(TokenStream& tokens) {
  static constexpr std::array<std::string_view, 5> kWhat = {"ALL", "PLANS", "SEQUENCES", "TEMP",
                                                            "TEMPORARY"};
  DASHI_ASSIGN_OR_RETURN(const std::size_t index, tokens.ExpectOneOf(kWhat));
  DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
  return ClientStatement(Discard{index == 0, std::string(kWhat[std::min<std::size_t>(index, 3)])});
}

Result<ClientStatement> ParseUnlisten(TokenStream& tokens) {
  if (!tokens.TakeOperator("*")) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectName("a channel name").status());
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectEnd());
  return ClientStatement(Unlisten());
}

// SELECT [pg_catalog.]pg_advisory_unlock_all()
bool IsUnlockAll(TokenStream tokens) {
  if (!tokens.TakeKeyword("SELECT")) {
    return false;
  }
  if (tokens.TakeKeyword("PG_CATALOG") && !tokens.TakeOperator(".")) {
    return false;
  }
  return tokens.TakeKeyword("PG_ADVISORY_UNLOCK_ALL") && tokens.TakeOperator("(") &&
         tokens.TakeOperator(")") && tokens.AtEnd();
}

// Takes words and operators that have to come in this order.
bool TakeAll(TokenStream& tokens, std::initializer_list<std::string_view> words) {
  return std::all_of(words.begin(), words.end(), [&](std::string_view word) {
    return tokens.TakeKeyword(word) || tokens.TakeOperator(word);
  });
}

std::optional<ResetUser> TakeResetUser(TokenStream tokens) {
  const bool sets = tokens.TakeKeyword("SET");
  if ((!sets && !tokens.TakeKeyword("RESET")) || !TakeAll(tokens, {"SESSION", "AUTHORIZATION"}) ||
      (sets && !tokens.TakeKeyword("DEFAULT")) || !tokens.AtEnd()) {
    return std::nullopt;
  }
  return ResetUser{sets ? "SET" : "RESET"};
}

std::optional<std::string> TakeString(TokenStream& tokens) {
  if (tokens.Peek().kind != TokenKind::kString) {
    return std::nullopt;
  }
  return tokens.Take().StringValue();
}

// ('id', '25'::pg_catalog.oid, -1)
bool TakeColumn(TokenStream& tokens, NameTypes* types) {
  if (!tokens.TakeOperator("(")) {
    return false;
  }
  std::optional<std::string> name = TakeString(tokens);
  if (!name || !tokens.TakeOperator(",")) {
    return false;
  }
  std::optional<std::string> oid = TakeString(tokens);
  if (!oid || !TakeAll(tokens, {"::", "PG_CATALOG", ".", "OID", ","})) {
    return false;
  }
  types->columns.emplace_back(std::move(*name), std::move(*oid));
  static_cast<void>(tokens.TakeOperator("-"));
  return tokens.Take().kind == TokenKind::kInteger && tokens.TakeOperator(")");
}

std::optional<NameTypes> TakeNameTypes(TokenStream tokens) {
  NameTypes types;
  if (!TakeAll(tokens, {"SELECT", "NAME", "AS"})) {
    return std::nullopt;
  }
  types.name_heading = tokens.Take().Name();
  if (!TakeAll(tokens, {",", "PG_CATALOG", ".", "FORMAT_TYPE", "(", "TP", ",", "TPM", ")", "AS"})) {
    return std::nullopt;
  }
  types.type_heading = tokens.Take().Name();
  if (!TakeAll(tokens, {"FROM", "(", "VALUES"})) {
    return std::nullopt;
  }
  do {
    if (!TakeColumn(tokens, &types)) {
      return std::nullopt;
    }
  } while (tokens.TakeOperator(","));
  const bool whole = TakeAll(tokens, {")", "S", "(", "NAME", ",", "TP", ",", "TPM", ")"});
  return whole && tokens.AtEnd() ? std::optional<NameTypes>(std::move(types)) : std::nullopt;
}

Result<ClientStatement> Parse(std::string_view statement, TokenStream& tokens) {
  if (tokens.TakeKeyword("DECLARE")) {
    return ParseDeclare(statement, tokens);
  }
  if (tokens.TakeKeyword("FETCH")) {
    return ParseFetch(tokens, /*moves=*/false);
  }
  if (tokens.TakeKeyword("MOVE")) {
    return ParseFetch(tokens, /*moves=*/true);
  }
  if (tokens.TakeKeyword("CLOSE")) {
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> name, NameOrAll(tokens, "a cursor name"));
    return ClientStatement(CloseCursor{std::move(name)});
  }
  if (tokens.TakeKeyword("PREPARE")) {
    return ParsePrepare(statement, tokens);
  }
  if (tokens.TakeKeyword("EXECUTE")) {
    return ParseExecute(statement, tokens);
  }
  if (tokens.TakeKeyword("DEALLOCATE")) {
    static_cast<void>(tokens.TakeKeyword("PREPARE"));
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> name, NameOrAll(tokens, "a statement name"));
    return ClientStatement(Deallocate{std::move(name)});
  }
  if (tokens.TakeKeyword("DISCARD")) {
    return ParseDiscard(tokens);
  }
  static_cast<void>(tokens.TakeKeyword("UNLISTEN"));
  return ParseUnlisten(tokens);
}

// Whether the first token says that a statement may be one of ours, before the rest is looked at.
bool MayBeOurs(std::string_view statement) {
  static constexpr std::array<std::string_view, 9> kWords = {"declare",    "fetch",   "move",
                                                             "close",      "prepare", "execute",
                                                             "deallocate", "discard", "unlisten"};
  constexpr std::size_t kResetBytesMax = 100;
  const auto begins = [&](std::string_view word) {
    return sql::EqualsIgnoreCase(statement.substr(0, word.size()), word);
  };
  return std::any_of(kWords.begin(), kWords.end(), begins) || begins("select name as \"") ||
         (statement.size() <= kResetBytesMax &&
          (begins("select") || begins("set") || begins("reset")));
}

}  // namespace

Status OnlyForwards() {
  return Status::FailedPrecondition("cursor can only scan forward").WithSqlState("55000");
}

Result<std::optional<ClientStatement>> ParseClientStatement(std::string_view statement) {
  static constexpr std::array<std::string_view, 9> kWords = {"DECLARE",    "FETCH",   "MOVE",
                                                             "CLOSE",      "PREPARE", "EXECUTE",
                                                             "DEALLOCATE", "DISCARD", "UNLISTEN"};
  if (!MayBeOurs(statement)) {
    return std::optional<ClientStatement>();
  }
  const Result<sql::LexedStatement> lexed = sql::LexStatement(statement, 0);
  if (!lexed.ok()) {
    return std::optional<ClientStatement>();  // The database says what is wrong with it.
  }
  TokenStream tokens(statement, lexed->tokens);
  if (IsUnlockAll(tokens)) {
    return std::optional<ClientStatement>(UnlockAll());
  }
  if (std::optional<ResetUser> reset = TakeResetUser(tokens)) {
    return std::optional<ClientStatement>(std::move(*reset));
  }
  if (std::optional<NameTypes> types = TakeNameTypes(tokens)) {
    return std::optional<ClientStatement>(std::move(*types));
  }
  const bool ours = std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
    return tokens.Peek().IsKeyword(word);
  });
  if (!ours) {
    return std::optional<ClientStatement>();
  }
  DASHI_ASSIGN_OR_RETURN(ClientStatement parsed, Parse(statement, tokens));
  return std::optional<ClientStatement>(std::move(parsed));
}

}  // namespace dashi
