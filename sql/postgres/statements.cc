// What stands around expressions: select lists, FROM, LIMIT.

#include <algorithm>
#include <iterator>
#include <utility>

#include <sqlite3.h>

#include "base/status.h"
#include "sql/postgres/column_types.h"
#include "sql/postgres/rewriter.h"
#include "sql/postgres/statement_types.h"

namespace dashi::sql::postgres {

namespace {

/// Ascending.
constexpr std::string_view kReserved[] = {
    "ALL",    "AND",       "AS",       "ASC",       "BETWEEN", "BY",      "COLLATE", "CROSS",
    "DELETE", "DESC",      "DISTINCT", "ELSE",      "END",     "EXCEPT",  "FETCH",   "FOR",
    "FROM",   "FULL",      "GLOB",     "GROUP",     "HAVING",  "ILIKE",   "IN",      "INNER",
    "INSERT", "INTERSECT", "INTO",     "IS",        "ISNULL",  "JOIN",    "LATERAL", "LEFT",
    "LIKE",   "LIMIT",     "MATCH",    "NATURAL",   "NOT",     "NOTNULL", "OFFSET",  "ON",
    "OR",     "ORDER",     "OUTER",    "PARTITION", "RANGE",   "REGEXP",  "REPLACE", "RETURNING",
    "RIGHT",  "ROWS",      "SELECT",   "SET",       "SIMILAR", "THEN",    "UNION",   "UPDATE",
    "USING",  "VALUES",    "WHEN",     "WHERE",     "WINDOW",  "WITH"};
constexpr std::size_t kReservedBytesMax = 9;

/// Words behind which a table stands.
bool BeginsTable(const Token& token) {
  return token.IsKeyword("FROM") || token.IsKeyword("JOIN") || token.IsKeyword("USING");
}

/// Words behind which no table stands any more.
bool EndsTables(const Token& token) {
  static constexpr std::string_view kWords[] = {
      "WHERE",  "GROUP", "HAVING", "WINDOW",    "ORDER",     "UNION", "EXCEPT",
      "SELECT", "SET",   "VALUES", "INTERSECT", "RETURNING", "INTO"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return token.IsKeyword(word); });
}

bool BeginsQuery(const Token& token) {
  return token.IsKeyword("SELECT") || token.IsKeyword("VALUES") || token.IsKeyword("WITH");
}

// Reserved words that may begin an expression all the same.
bool BeginsExpression(const Token& token, const Token& next) {
  static constexpr std::string_view kFunctions[] = {"LEFT", "RIGHT", "REPLACE", "GLOB", "LIKE"};
  return token.IsKeyword("NOT") ||
         (next.IsOperator("(") &&
          std::any_of(std::begin(kFunctions), std::end(kFunctions),
                      [&](std::string_view word) { return token.IsKeyword(word); }));
}

}  // namespace

bool IsName(const Token& token) {
  return token.kind == TokenKind::kQuotedIdentifier ||
         (token.kind == TokenKind::kIdentifier && !IsReserved(token));
}

bool IsReserved(const Token& token) {
  if (token.kind != TokenKind::kIdentifier || token.text.size() > kReservedBytesMax) {
    return false;
  }
  char upper[kReservedBytesMax];
  std::transform(token.text.begin(), token.text.end(), upper, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return std::binary_search(std::begin(kReserved), std::end(kReserved),
                            std::string_view(upper, token.text.size()));
}

StaticType Rewriter::TypeOfColumn(std::string_view name) const {
  return types_ == nullptr ? StaticType::kUnknown : types_->Find(ToLowerAscii(name));
}

// Where `operand` is a parameter, it stands for a value of this type.
void Rewriter::NoteUse(const Operand& operand, StaticType type) {
  if (found_ != nullptr) {
    found_->NoteParameter(operand.parameter, type);
  }
}

// The parameters in the list of values in parentheses that begins here.
void Rewriter::NoteUsesInList(StaticType type) {
  if (found_ == nullptr || type == StaticType::kUnknown || BeginsQuery(Peek(1))) {
    return;
  }
  for (std::size_t i = 1; Peek(i - 1).IsOperator("(") || Peek(i - 1).IsOperator(","); i += 2) {
    found_->NoteParameter(Peek(i).parameter, type);
  }
}

// A column of the rows of the statement itself.
void Rewriter::NoteResult(const Operand& item) {
  if (found_ == nullptr || nesting_ != 0) {
    return;
  }
  const bool string = item.literal && item.literal->kind == TokenKind::kString;
  if (tokens_.TextOf(item.range).ends_with('*')) {
    found_->NoteStar();
  } else {
    found_->NoteResult(string ? StaticType::kText : item.type);
  }
}

Status Rewriter::Run() {
  while (!tokens_.AtEnd()) {
    DASHI_ASSIGN_OR_RETURN(const Body body, ReadBody());
    static_cast<void>(body);
    if (!tokens_.AtEnd()) {
      Take();  // A parenthesis too many: SQLite says so.
    }
  }
  return Status();
}

const Token& Rewriter::Take() {
  const Token& token = tokens_.Take();
  end_ = token.offset + token.text.size();
  return token;
}

// Reads to the end or a parenthesis that was opened before.
Result<Rewriter::Body> Rewriter::ReadBody() {
  Body body;
  bool in_from = false;
  bool in_order = false;
  std::vector<SetCall>* const outer = set_calls_;  // Of a list that this is an item of, or not.
  DerivedColumns derived;
  DerivedColumns* const outer_derived = std::exchange(derived_, &derived);
  bool is_joined = false;
  while (!tokens_.AtEnd() && !Peek().IsOperator(")")) {
    const Token& token = Peek();
    const bool fetch =
        token.IsKeyword("FETCH") && (Peek(1).IsKeyword("FIRST") || Peek(1).IsKeyword("NEXT"));
    if (token.IsKeyword("LIMIT") || token.IsKeyword("OFFSET") || fetch) {
      body.has_words = true;
      DASHI_RETURN_IF_ERROR(ReadRowCount());
      in_from = false;
    } else if ((IsReserved(token) && !BeginsExpression(token, Peek(1))) || token.IsOperator(",")) {
      body.has_words = true;
      in_order = token.IsKeyword("ORDER") ||
                 (in_order && (token.IsKeyword("BY") || token.IsKeyword("ASC") ||
                               token.IsKeyword("DESC") || token.IsOperator(",")));
      is_joined = is_joined || token.IsKeyword("UNION") || token.IsKeyword("EXCEPT") ||
                  token.IsKeyword("INTERSECT");
      DASHI_RETURN_IF_ERROR(ReadWord(&in_from));
    } else {
      DASHI_ASSIGN_OR_RETURN(body.last, ReadExpression(kLevelOr));
      ++body.num_expressions;
      if (in_order && body.last.is_distance) {
        PutNullsLast(body.last);
      }
    }
  }
  set_calls_ = outer;
  derived_ = outer_derived;
  NoteDerived(derived, is_joined);
  return body;
}

// Rows without a vector come behind all others where rows are ordered by a distance, as in
// PostgreSQL: they are not the nearest ones.
void Rewriter::PutNullsLast(const Operand& distance) {
  if (Peek().IsKeyword("ASC")) {
    Take();
  }
  if (!Peek().IsKeyword("DESC") && !Peek().IsKeyword("NULLS")) {
    const TextRange range{distance.range.begin, end_};
    Replace(range, {range, " NULLS LAST"}, distance.type, distance.depth);
  }
}

void Rewriter::NoteDerived(const DerivedColumns& columns, bool is_joined) {
  if (found_ == nullptr || nesting_ == 0) {
    return;
  }
  for (const auto& [name, type] : columns) {
    found_->NoteDerived(name, is_joined ? StaticType::kUnknown : type);
  }
}

// Takes a word between expressions, and what it says of those behind it.
Status Rewriter::ReadWord(bool* in_from) {
  const Token token = Peek();
  Take();
  if (token.IsKeyword("SELECT") || token.IsKeyword("RETURNING")) {
    *in_from = false;
    if (found_ != nullptr && nesting_ == 0) {
      found_->BeginResults(token.IsKeyword("RETURNING"));
    }
    return ReadSelectList();
  }
  if (token.IsKeyword("SET")) {
    *in_from = false;
    return ReadAssignments();
  }
  if (token.IsKeyword("AS") && (IsName(Peek()) || Peek().kind == TokenKind::kString)) {
    Take();
    return Status();
  }
  if (BeginsTable(token) || (*in_from && token.IsOperator(","))) {
    *in_from = true;
    return ReadFromItem();
  }
  *in_from = *in_from && !EndsTables(token);
  return Status();
}

// The assignments of SET, which are no comparisons.
Status Rewriter::ReadAssignments() {
  while (!tokens_.AtEnd() && !Peek().IsOperator(")")) {
    StaticType assigned = StaticType::kUnknown;
    if (IsName(Peek()) && Peek(1).IsOperator("=")) {
      assigned = TypeOfColumn(Peek().Name());
      Take();
      Take();
    }
    DASHI_ASSIGN_OR_RETURN(const Operand value, ReadExpression(kLevelOr));
    NoteUse(value, assigned);
    if (!Peek().IsOperator(",")) {
      return Status();
    }
    Take();
  }
  return Status();
}

// The columns of a SELECT or RETURNING. A rewritten one keeps the name that SQLite would give it.
Status Rewriter::ReadSelectList() {
  if (Peek().IsKeyword("DISTINCT") || Peek().IsKeyword("ALL")) {
    Take();
  }
  std::vector<SetCall> calls;
  set_calls_ = &calls;
  const std::size_t begin = Begin();
  const Status read = ReadSelectItems();
  set_calls_ = nullptr;  // Such functions stand nowhere else.
  DASHI_RETURN_IF_ERROR(read);
  return JoinSetCalls(calls, begin);
}

Status Rewriter::ReadSelectItems() {
  while (!tokens_.AtEnd() && !Peek().IsOperator(")")) {
    if (IsReserved(Peek()) && !BeginsExpression(Peek(), Peek(1))) {
      return Status();
    }
    DASHI_RETURN_IF_ERROR(ReadSelectItem());
    if (!Peek().IsOperator(",")) {
      return Status();
    }
    Take();
  }
  return Status();
}

Status Rewriter::ReadSelectItem() {
  const std::size_t before = replacements_.size();
  const std::size_t begin = Begin();
  DASHI_ASSIGN_OR_RETURN(Operand item, ReadExpression(kLevelOr));
  if (IsRegistered(item.type) && nesting_ == 0) {  // Names are shown, numbers are compared.
    item = ShowObject(item, item.range, item.type);
  }
  NoteResult(item);
  return ReadItemName(item, begin, replacements_.size() > before);
}

Status Rewriter::ReadItemName(const Operand& item, std::size_t begin, bool is_rewritten) {
  const Token& alias = Peek(Peek().IsKeyword("AS") ? 1 : 0);
  if (derived_ != nullptr && (Peek().IsKeyword("AS") || IsName(alias))) {
    const bool string = item.literal && item.literal->kind == TokenKind::kString;
    derived_->emplace_back(ToLowerAscii(alias.Name()), string ? StaticType::kText : item.type);
  }
  if (Peek().IsKeyword("AS")) {
    Take();
    const Token name = Peek();
    const bool keyword =
        name.kind == TokenKind::kIdentifier &&
        sqlite3_keyword_check(name.text.data(), static_cast<int>(name.text.size())) != 0;
    if (!tokens_.AtEnd() && !name.IsOperator(")")) {
      Take();
    }
    if (keyword) {  // Any word may be a name behind AS.
      replacements_.Add(RangeOf(name), {QuotedName(name.Name())});
    }
  } else if (IsName(Peek()) || Peek().kind == TokenKind::kString) {
    Take();
  } else if (is_rewritten) {
    const TextRange range{begin, end_};
    replacements_.Add(range, {range, " AS " + QuotedName(tokens_.TextOf(range))});
  }
  return Status();
}

// A table, function or subquery behind FROM, JOIN or a comma.
Status Rewriter::ReadFromItem() {
  if (Peek().IsKeyword("LATERAL")) {
    const Token lateral = Peek();
    if (!IsName(Peek(1)) || !Peek(2).IsOperator("(")) {
      return tokens_.Unsupported(lateral, "LATERAL is supported before table functions alone",
                                 "Their arguments may name columns of tables before them; a "
                                 "subquery in FROM cannot.");
    }
    Take();
    replacements_.Add(RangeOf(lateral), {""});
  }
  const bool of_catalog = Peek().IsKeyword("PG_CATALOG") && Peek(1).IsOperator(".");
  const Token function = Peek(of_catalog ? 2 : 0);
  const bool series = function.IsKeyword("GENERATE_SERIES");
  const bool unnest = function.IsKeyword("UNNEST") || function.IsKeyword("GENERATE_SUBSCRIPTS") ||
                      function.IsKeyword("PG_PARTITION_ANCESTORS");
  if ((series || unnest) && Peek(of_catalog ? 3 : 1).IsOperator("(")) {
    if (of_catalog) {
      replacements_.Add({Begin(), function.offset}, {" "});
      Take();
      Take();
    }
    return series ? ReadSeries() : ReadUnnest();
  }
  if (Peek().IsKeyword("INFORMATION_SCHEMA") && Peek(1).IsOperator(".")) {
    return ReadSystemTable();
  }
  const bool group = Peek().IsOperator("(");
  const bool subquery = group && BeginsQuery(Peek(1));
  if (!group && !IsName(Peek())) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const Operand item, ReadPrimary());
  return ReadTableAlias(subquery ? std::optional(item.range) : std::nullopt);
}

// information_schema.tables, which is one name to SQLite.
Status Rewriter::ReadSystemTable() {
  const std::size_t begin = Begin();
  Take();
  Take();
  if (!IsName(Peek())) {
    return tokens_.SyntaxError("the name of a table");
  }
  const std::string name = Peek().Name();
  Take();
  const TextRange range{begin, end_};
  const bool named = Peek().IsKeyword("AS") || IsName(Peek());
  replacements_.Add(range, {QuotedName("information_schema." + name) +
                            (named ? std::string() : " AS " + QuotedName(name))});
  return ReadTableAlias(std::nullopt);
}

// (query) AS name (column, ...) becomes a common table expression, which SQLite can name columns
// of.
Status Rewriter::ReadTableAlias(const std::optional<TextRange>& subquery) {
  const std::size_t as = Peek().IsKeyword("AS") ? 1 : 0;
  if (!IsName(Peek(as)) || !Peek(as + 1).IsOperator("(")) {
    return Status();
  }
  if (!subquery) {
    return tokens_.Unsupported(Peek(as + 1), "names for the columns of a table are not supported",
                               "Write (SELECT column AS name FROM table) AS alias.");
  }
  if (as == 1) {
    Take();
  }
  const TextRange name = RangeOf(Peek());
  Take();
  const std::size_t list = Begin();
  Take();
  while (!tokens_.AtEnd() && !Peek().IsOperator(")")) {
    Take();
  }
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  replacements_.Add({subquery->begin, end_}, {"(WITH dashi_named", TextRange{list, end_}, " AS ",
                                              *subquery, " SELECT * FROM dashi_named) AS ", name});
  return Status();
}

// generate_series(start, stop [, step]) [AS name [(column)]] as a recursive query.
Status Rewriter::ReadSeries() {
  const std::size_t begin = Begin();
  const Token function = Peek();
  Take();
  Call call;
  call.name = "generate_series";
  DASHI_ASSIGN_OR_RETURN(call, ReadArguments(std::move(call)));
  if (call.arguments.size() < 2 || call.arguments.size() > 3 || !call.regular) {
    return tokens_.Unsupported(function, "generate_series takes start, stop and step");
  }
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    NoteUse(call.arguments[i], ArgumentType(call.name, i));
  }
  const std::size_t as = Peek().IsKeyword("AS") ? 1 : 0;
  TextReplacements::Piece name = "generate_series";
  TextReplacements::Piece column = "generate_series";
  if (IsName(Peek(as))) {
    if (as == 1) {
      Take();
    }
    name = RangeOf(Peek());
    column = name;
    Take();
    if (Peek().IsOperator("(") && IsName(Peek(1)) && Peek(2).IsOperator(")")) {
      column = RangeOf(Peek(1));
      Take();
      Take();
      Take();
    }
  }
  std::vector<TextReplacements::Piece> pieces{
      "(WITH RECURSIVE dashi_bounds(a, b, s) AS (SELECT dashi_series_bound(",
      call.arguments[0].range, "), dashi_series_bound(", call.arguments[1].range,
      "), dashi_series_step("};
  if (call.arguments.size() == 3) {
    pieces.emplace_back(call.arguments[2].range);
  } else {
    pieces.emplace_back("1");
  }
  pieces.emplace_back(
      ")), dashi_series(a, b, s) AS (SELECT a, b, s FROM dashi_bounds WHERE (s > 0 AND a <= b) OR "
      "(s < 0 AND a >= b) UNION ALL SELECT a + s, b, s FROM dashi_series WHERE (s > 0 AND a <= b "
      "- s) OR (s < 0 AND a >= b - s)) SELECT a AS ");
  pieces.push_back(std::move(column));
  pieces.emplace_back(" FROM dashi_series) AS ");
  pieces.push_back(std::move(name));
  replacements_.Add({begin, end_}, std::move(pieces));
  return Status();
}

Status Rewriter::ReadRowCount() {
  RowCount count;
  count.begin = Begin();
  for (;;) {
    const bool fetch =
        Peek().IsKeyword("FETCH") && (Peek(1).IsKeyword("FIRST") || Peek(1).IsKeyword("NEXT"));
    const Token clause = Peek();
    if ((clause.IsKeyword("LIMIT") || fetch) && (count.limit || count.all || count.one)) {
      return tokens_.SyntaxError("one LIMIT or FETCH");
    }
    if (clause.IsKeyword("OFFSET") && count.offset) {
      return tokens_.SyntaxError("one OFFSET");
    }
    if (clause.IsKeyword("LIMIT")) {
      DASHI_RETURN_IF_ERROR(ReadLimit(&count));
    } else if (clause.IsKeyword("OFFSET")) {
      DASHI_RETURN_IF_ERROR(ReadOffset(&count));
    } else if (fetch) {
      DASHI_RETURN_IF_ERROR(ReadFetch(&count));
    } else {
      break;
    }
  }
  if (!count.rewrite) {
    return Status();
  }
  std::vector<TextReplacements::Piece> pieces{" LIMIT "};
  if (count.limit) {
    pieces.emplace_back(*count.limit);
  } else {
    pieces.emplace_back(count.one ? "1" : "-1");
  }
  if (count.offset) {
    pieces.emplace_back(" OFFSET ");
    pieces.emplace_back(*count.offset);
  }
  pieces.emplace_back(" ");
  replacements_.Add({count.begin, end_}, std::move(pieces));
  return Status();
}

Status Rewriter::ReadLimit(RowCount* count) {
  Take();
  count->rewrite = count->rewrite || count->offset;
  if (Peek().IsKeyword("ALL") || Peek().IsKeyword("NULL")) {
    Take();
    count->all = true;
    count->rewrite = true;
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const Operand limit, ReadExpression(kLevelOr));
  NoteUse(limit, StaticType::kInteger);
  count->limit = limit.range;
  if (Peek().IsOperator(",")) {  // SQLite's LIMIT offset, count
    Take();
    DASHI_ASSIGN_OR_RETURN(const Operand rows, ReadExpression(kLevelOr));
    NoteUse(rows, StaticType::kInteger);
    count->offset = count->limit;
    count->limit = rows.range;
  }
  return Status();
}

Status Rewriter::ReadOffset(RowCount* count) {
  Take();
  if (Peek().IsKeyword("NULL")) {
    return tokens_.Unsupported(Peek(), "OFFSET NULL is not supported", "Leave OFFSET out.");
  }
  DASHI_ASSIGN_OR_RETURN(const Operand offset, ReadExpression(kLevelOr));
  NoteUse(offset, StaticType::kInteger);
  count->offset = offset.range;
  count->rewrite = count->rewrite || !count->limit;
  if (Peek().IsKeyword("ROW") || Peek().IsKeyword("ROWS")) {
    Take();
    count->rewrite = true;
  }
  return Status();
}

Status Rewriter::ReadFetch(RowCount* count) {
  Take();
  Take();
  count->rewrite = true;
  if (Peek().IsKeyword("ROW") || Peek().IsKeyword("ROWS")) {
    count->one = true;
  } else {
    DASHI_ASSIGN_OR_RETURN(const Operand limit, ReadPrefix());
    NoteUse(limit, StaticType::kInteger);
    count->limit = limit.range;
  }
  if (!Peek().IsKeyword("ROW") && !Peek().IsKeyword("ROWS")) {
    return tokens_.SyntaxError("ROW or ROWS");
  }
  Take();
  if (Peek().IsKeyword("WITH")) {
    return tokens_.Unsupported(Peek(), "FETCH ... WITH TIES is not supported",
                               "Compare rank() OVER (ORDER BY ...) with the number of rows.");
  }
  if (!Peek().IsKeyword("ONLY")) {
    return tokens_.SyntaxError("ONLY");
  }
  Take();
  return Status();
}

}  // namespace dashi::sql::postgres
