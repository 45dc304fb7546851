#include "sql/write_grammar.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

std::size_t EndOf(const Token& token) { return token.offset + token.text.size(); }

bool IsName(const Token& token) {
  return token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kQuotedIdentifier;
}

/// Walks over a statement's tokens and takes what stands outside parentheses apart.
class ClauseReader {
 public:
  ClauseReader(TokenStream tokens, SqliteVerb verb) : tokens_(tokens) { clauses_.verb = verb; }

  Result<std::optional<WriteClauses>> Read() {
    SkipToVerb();
    clauses_.verb_offset = tokens_.Peek().offset;
    const bool with_or = tokens_.Peek(1).IsKeyword("OR") || tokens_.Peek().IsKeyword("REPLACE");
    DASHI_RETURN_IF_ERROR(ReadTarget());
    while (!tokens_.AtEnd()) {
      const Token& token = tokens_.Peek();
      if (depth_ == 0 && token.IsKeyword("RETURNING")) {
        DASHI_RETURN_IF_ERROR(ReadReturning());
        break;
      }
      if (depth_ == 0 && clauses_.verb == SqliteVerb::kInsert && AtConflict()) {
        if (with_or) {
          return tokens_.Unsupported(token, "INSERT OR ... and ON CONFLICT exclude each other",
                                     "ON CONFLICT says the same and more.");
        }
        DASHI_RETURN_IF_ERROR(clauses_.table == "edges" ? PassConflictOfEdges() : ReadConflict());
        continue;
      }
      if (depth_ == 0 && clauses_.verb == SqliteVerb::kUpdate && token.IsKeyword("FROM")) {
        clauses_.updates_from = true;
      }
      if (depth_ == 0 && clauses_.verb == SqliteVerb::kDelete) {
        DASHI_RETURN_IF_ERROR(ReadOfDelete());
        continue;
      }
      Take();
    }
    if (!clauses_.upsert && !clauses_.returning && !clauses_.used) {
      return std::optional<WriteClauses>();
    }
    if (clauses_.main_end == 0) {
      clauses_.main_end = end_;
    }
    return std::optional<WriteClauses>(std::move(clauses_));
  }

 private:
  const Token& Take() {
    const Token& token = tokens_.Take();
    depth_ += token.IsOperator("(") ? 1 : 0;
    depth_ -= token.IsOperator(")") && depth_ > 0 ? 1 : 0;
    end_ = EndOf(token);
    return token;
  }
  void SkipToVerb() {
    while (depth_ > 0 ||
           !(tokens_.Peek().IsKeyword("INSERT") || tokens_.Peek().IsKeyword("REPLACE") ||
             tokens_.Peek().IsKeyword("UPDATE") || tokens_.Peek().IsKeyword("DELETE"))) {
      Take();
    }
  }
  /// Takes all up to the table's name and alias.
  Status ReadTarget() {
    const char* before = clauses_.verb == SqliteVerb::kInsert   ? "INTO"
                         : clauses_.verb == SqliteVerb::kDelete ? "FROM"
                                                                : nullptr;
    Take();
    if (before != nullptr) {
      while (!tokens_.AtEnd() && !tokens_.Peek().IsKeyword(before)) {
        Take();
      }
      Take();
    } else if (tokens_.Peek().IsKeyword("OR")) {
      Take();
      Take();
    }
    if (tokens_.Peek(1).IsOperator(".")) {  // main.
      Take();
      Take();
    }
    const Token& table = tokens_.Peek();
    if (!IsName(table)) {
      return Status();  // SQLite says what is wrong.
    }
    clauses_.table = ToLowerAscii(table.Name());
    clauses_.table_offset = table.offset;
    Take();
    const bool bare = clauses_.verb == SqliteVerb::kDelete && IsName(tokens_.Peek()) &&
                      !tokens_.Peek().IsKeyword("USING") && !tokens_.Peek().IsKeyword("WHERE") &&
                      !tokens_.Peek().IsKeyword("RETURNING");
    if (tokens_.Peek().IsKeyword("AS")) {
      Take();
    } else if (!bare) {
      return Status();
    }
    if (IsName(tokens_.Peek())) {
      clauses_.alias = Take().Name();
    }
    return Status();
  }

  bool AtConflict() const {
    return tokens_.Peek().IsKeyword("ON") && tokens_.Peek(1).IsKeyword("CONFLICT") &&
           (tokens_.Peek(2).IsOperator("(") || tokens_.Peek(2).IsKeyword("DO") ||
            tokens_.Peek(2).IsKeyword("ON"));
  }
  /// ParseEdgeUpsert has read it.
  Status PassConflictOfEdges() {
    clauses_.main_end = end_;
    while (!AtEndOfUpsert()) {
      Take();
    }
    return Status();
  }
  Status ReadConflict() {
    if (clauses_.upsert) {
      return tokens_.SyntaxError("RETURNING, or the end of the statement");
    }
    RowUpsert& upsert = clauses_.upsert.emplace();
    clauses_.main_end = end_;
    Take();
    Take();
    if (tokens_.Peek().IsKeyword("ON")) {
      return tokens_.Unsupported(tokens_.Peek(), "constraints have no names",
                                 "Name the key's columns: ON CONFLICT (id).");
    }
    if (tokens_.Peek().IsOperator("(")) {
      upsert.key_offset = Take().offset;
      do {
        DASHI_ASSIGN_OR_RETURN(const std::string column, tokens_.ExpectName("a column of the key"));
        upsert.key.push_back(ToLowerAscii(column));
      } while (tokens_.TakeOperator(","));
      if (!tokens_.Peek().IsOperator(")")) {
        return tokens_.SyntaxError("a comma or a closing parenthesis");
      }
      Take();
      if (tokens_.Peek().IsKeyword("WHERE")) {
        return tokens_.Unsupported(tokens_.Peek(), "there are no partial unique indexes");
      }
    }
    if (!tokens_.Peek().IsKeyword("DO")) {
      return tokens_.SyntaxError("DO NOTHING or DO UPDATE SET");
    }
    Take();
    if (tokens_.Peek().IsKeyword("NOTHING")) {
      upsert.nothing = true;
      Take();
      return AtEndOfUpsert() ? Status() : tokens_.SyntaxError("RETURNING, or the end");
    }
    for (const char* keyword : {"UPDATE", "SET"}) {
      if (!tokens_.Peek().IsKeyword(keyword)) {
        return tokens_.SyntaxError(keyword);
      }
      Take();
    }
    DASHI_ASSIGN_OR_RETURN(upsert.set, ReadUntilKeyword("WHERE", "an assignment"));
    if (tokens_.Peek().IsKeyword("WHERE")) {
      Take();
      DASHI_ASSIGN_OR_RETURN(upsert.where, ReadUntilKeyword("RETURNING", "a condition"));
    }
    return Status();
  }
  /// Takes a token that no other clause begins with: SQLite sees these expressions elsewhere than
  /// where they were written.
  Status TakeOfExpression() {
    static constexpr std::string_view kOtherClauses[] = {"FROM",      "WHERE",  "UNION",  "EXCEPT",
                                                         "INTERSECT", "ORDER",  "GROUP",  "HAVING",
                                                         "LIMIT",     "OFFSET", "WINDOW", "SET"};
    const Token& token = tokens_.Peek();
    const bool other =
        std::any_of(std::begin(kOtherClauses), std::end(kOtherClauses),
                    [&](std::string_view clause) { return token.IsKeyword(clause); });
    if (depth_ == 0 && (token.IsOperator(")") || (other && !distinct_))) {
      return tokens_.SyntaxError("an expression, or the end");
    }
    distinct_ = token.IsKeyword("DISTINCT");  // IS DISTINCT FROM
    Take();
    return Status();
  }
  bool AtEndOfUpsert() const { return tokens_.AtEnd() || tokens_.Peek().IsKeyword("RETURNING"); }

  /// Takes all up to a keyword, RETURNING or the end.
  Result<TextRange> ReadUntilKeyword(std::string_view keyword, std::string_view expected) {
    TextRange range{tokens_.Peek().offset, 0};
    while (!tokens_.AtEnd() && (depth_ > 0 || !(tokens_.Peek().IsKeyword(keyword) ||
                                                tokens_.Peek().IsKeyword("RETURNING")))) {
      DASHI_RETURN_IF_ERROR(TakeOfExpression());
      range.end = end_;
    }
    if (range.end == 0) {
      return tokens_.SyntaxError(expected);
    }
    return range;
  }

  Status ReadOfDelete() {
    const Token& token = tokens_.Peek();
    if (token.IsKeyword("USING") && !clauses_.used && !clauses_.where) {
      Take();
      DASHI_ASSIGN_OR_RETURN(clauses_.used, ReadUntilKeyword("WHERE", "a table"));
      return Status();
    }
    if (token.IsKeyword("WHERE") && !clauses_.where) {
      Take();
      DASHI_ASSIGN_OR_RETURN(clauses_.where, ReadUntilKeyword("RETURNING", "a condition"));
      return Status();
    }
    Take();
    return Status();
  }

  Status ReadReturning() {
    if (clauses_.main_end == 0) {
      clauses_.main_end = end_;
    }
    Take();
    TextRange range{tokens_.Peek().offset, 0};
    while (!tokens_.AtEnd()) {
      if (depth_ == 0 && tokens_.Peek().IsKeyword("INTO")) {
        return tokens_.Unsupported(tokens_.Peek(), "RETURNING ... INTO is not supported");
      }
      DASHI_RETURN_IF_ERROR(TakeOfExpression());
      range.end = end_;
    }
    if (range.end == 0) {
      return tokens_.SyntaxError("an expression");
    }
    clauses_.returning = range;
    return Status();
  }

  TokenStream tokens_;
  WriteClauses clauses_;
  std::size_t depth_ = 0;
  bool distinct_ = false;
  std::size_t end_ = 0;  // Of the token that was taken last.
};

}  // namespace

Result<std::optional<WriteClauses>> FindWriteClauses(TokenStream tokens, SqliteVerb verb) {
  return ClauseReader(tokens, verb).Read();
}

}  // namespace dashi::sql
