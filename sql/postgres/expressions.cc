// Expressions, by PostgreSQL's precedences.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"
#include "sql/postgres/column_types.h"
#include "sql/postgres/literal.h"
#include "sql/postgres/rewriter.h"
#include "sql/postgres/statement_types.h"

namespace dashi::sql::postgres {

namespace {

/// Parentheses, CASEs and the like in one another. SQLite allows fewer of most of them.
constexpr int kNestingMax = 150;

struct BinaryOperator {
  std::string_view text;
  int level;
  int sqlite_level;
};

constexpr BinaryOperator kBinaryOperators[] = {
    {"OR", kLevelOr, kSqliteOr},
    {"AND", kLevelAnd, kSqliteAnd},
    {"=", kLevelEqual, kSqliteEqual},
    {"==", kLevelEqual, kSqliteEqual},
    {"<>", kLevelEqual, kSqliteEqual},
    {"!=", kLevelEqual, kSqliteEqual},
    {"<", kLevelCompare, kSqliteCompare},
    {"<=", kLevelCompare, kSqliteCompare},
    {">", kLevelCompare, kSqliteCompare},
    {">=", kLevelCompare, kSqliteCompare},
    {"||", kLevelOther, kSqliteConcat},
    {"&", kLevelOther, kSqliteBit},
    {"|", kLevelOther, kSqliteBit},
    {"<<", kLevelOther, kSqliteBit},
    {">>", kLevelOther, kSqliteBit},
    {"#", kLevelOther, kSqliteAtom},
    {"<->", kLevelOther, kSqliteAtom},
    {"<=>", kLevelOther, kSqliteAtom},
    {"<#>", kLevelOther, kSqliteAtom},
    {"<+>", kLevelOther, kSqliteAtom},
    {"+", kLevelAdd, kSqliteAdd},
    {"-", kLevelAdd, kSqliteAdd},
    {"*", kLevelMultiply, kSqliteMultiply},
    {"/", kLevelMultiply, kSqliteMultiply},
    {"%", kLevelMultiply, kSqliteMultiply},
    {"^", kLevelPower, kSqliteAtom},
    // As tight as SQLite has them: PostgreSQL would take a sum on their right for the key.
    {"->", kLevelPower, kSqliteConcat},
    {"->>", kLevelPower, kSqliteConcat},
};

struct RefusedOperator {
  std::string_view text;
  std::string_view hint;
};

constexpr RefusedOperator kRefusedOperators[] = {
    {"[", "Write ARRAY[...]."},
    {"{", ""},
    {"@@", ""},
    {"@>", "Use json_extract or json_each."},
    {"<@", "Use json_extract or json_each."},
    {"&&", ""},
    {"#>", "Write json_extract(x, path)."},
    {"#>>", "Write json_extract(x, path)."},
    {"#-", "Write json_remove(x, path)."},
    {"?|", ""},
    {"?&", ""},
    {"=>", "Give arguments by position."},
    {":=", "Give arguments by position."},
};

const BinaryOperator* FindBinary(const Token& token) {
  if (token.kind == TokenKind::kIdentifier) {  // The first two are words.
    return token.IsKeyword("OR") ? &kBinaryOperators[0]
                                 : (token.IsKeyword("AND") ? &kBinaryOperators[1] : nullptr);
  }
  if (token.kind != TokenKind::kOperator) {
    return nullptr;
  }
  const auto* found = std::find_if(std::begin(kBinaryOperators) + 2, std::end(kBinaryOperators),
                                   [&](const BinaryOperator& op) { return token.text == op.text; });
  return found == std::end(kBinaryOperators) ? nullptr : found;
}

bool IsComparison(const BinaryOperator& op) {
  return op.level == kLevelEqual || op.level == kLevelCompare;
}

bool IsQuantifier(const Token& token) {
  return token.IsKeyword("ANY") || token.IsKeyword("SOME") || token.IsKeyword("ALL");
}

/// Words that may stand behind NOT between two expressions.
bool FollowsNot(const Token& token) {
  static constexpr std::string_view kWords[] = {"LIKE", "ILIKE",  "IN",    "BETWEEN", "SIMILAR",
                                                "GLOB", "REGEXP", "MATCH", "NULL"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return token.IsKeyword(word); });
}

std::string_view LikeOperator(const Token& token) {
  static constexpr std::pair<std::string_view, std::string_view> kForms[] = {
      {"~~", "LIKE"}, {"~~*", "ILIKE"}, {"!~~", "NOT LIKE"}, {"!~~*", "NOT ILIKE"}};
  for (const auto& [op, form] : kForms) {
    if (token.IsOperator(op)) {
      return form;
    }
  }
  return {};
}

bool IsRegularExpression(const Token& token) {
  return token.IsOperator("~") || token.IsOperator("~*") || token.IsOperator("!~") ||
         token.IsOperator("!~*");
}

Result<std::optional<Operand>> Some(Result<Operand> operand) {
  if (!operand.ok()) {
    return std::move(operand).status();
  }
  return std::optional<Operand>(*operand);
}

}  // namespace

Operand Rewriter::Atom(TextRange range, StaticType type) const {
  Operand operand;
  operand.range = range;
  operand.type = type;
  operand.level = kSqliteAtom;
  return operand;
}

Result<Operand> Rewriter::ReadExpression(int level_min) {
  if (++nesting_ > kNestingMax) {
    return Status::ResourceExhausted("the expression is nested too deeply")
        .WithSqlState("54001")
        .WithPosition(tokens_.PositionOf(Peek()));
  }
  Result<Operand> operand = ReadExpressionInside(level_min);
  --nesting_;
  return operand;
}

Result<Operand> Rewriter::ReadExpressionInside(int level_min) {
  DASHI_ASSIGN_OR_RETURN(Operand left, ReadPrefix());
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(std::optional<Operand> more, ReadInfix(left, level_min));
    if (!more) {
      return left;
    }
    left = *more;
    DASHI_RETURN_IF_ERROR(CheckDepth(left));
  }
}

Result<Operand> Rewriter::ReadPrefixCall(const char* function, StaticType type) {
  const std::size_t begin = Begin();
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand operand, ReadExpression(kLevelOther + 1));
  return Replace({begin, operand.range.end},
                 {std::string(" ") + function + "(", operand.range, ")"}, type, operand.depth);
}

Result<Operand> Rewriter::ReadPrefix() {
  const Token token = Peek();
  if (token.IsKeyword("NOT") || token.IsOperator("-") || token.IsOperator("+") ||
      token.IsOperator("~")) {
    Take();
    const bool negation = token.IsKeyword("NOT");
    const bool bits = token.IsOperator("~");
    DASHI_ASSIGN_OR_RETURN(
        Operand operand,
        ReadExpression(negation ? kLevelNot : (bits ? kLevelOther + 1 : kLevelUnary)));
    const TextRange range{token.offset, operand.range.end};
    if (token.IsOperator("-") && operand.type == StaticType::kInterval) {
      return Replace(range, {" dashi_interval_times(", operand.range, ", -1)"}, operand.type,
                     operand.depth);
    }
    const int level = negation ? kSqliteNot : kSqliteUnary;
    Parenthesize(&operand, level);
    operand.range = range;
    operand.level = level;
    operand.literal.reset();
    NoteUse(operand, negation ? StaticType::kBoolean : StaticType::kUnknown);
    operand.parameter = 0;
    operand.type = negation ? StaticType::kBoolean : operand.type;
    return operand;
  }
  if (token.IsOperator("|/")) {
    return ReadPrefixCall("sqrt", StaticType::kFloat);
  }
  if (token.IsOperator("||/")) {
    return ReadPrefixCall("cbrt", StaticType::kFloat);
  }
  const bool adjacent = Peek(1).offset == token.offset + 1;
  if (token.IsOperator("@") && !(adjacent && Peek(1).kind == TokenKind::kIdentifier)) {
    return ReadPrefixCall("abs", StaticType::kUnknown);
  }
  if (token.IsOperator("@") || token.IsOperator(":") || token.IsOperator("#")) {
    return tokens_.SyntaxError("an expression; parameters are written $1, $2, ...");
  }
  return ReadPrimary();
}

Result<Operand> Rewriter::ReadPrimary() {
  const Token token = Peek();
  if (tokens_.AtEnd() || token.IsOperator(")")) {  // SQLite says that something is missing.
    return Atom({token.offset, token.offset}, StaticType::kUnknown);
  }
  Operand operand = Atom(RangeOf(token), StaticType::kUnknown);
  switch (token.kind) {
    case TokenKind::kInteger:
      operand.type = StaticType::kInteger;
      break;
    case TokenKind::kDecimal:
      operand.type = StaticType::kNumeric;
      break;
    case TokenKind::kBlob:
      operand.type = StaticType::kBytes;
      break;
    case TokenKind::kIdentifier:
    case TokenKind::kQuotedIdentifier:
      return ReadWordPrimary();
    case TokenKind::kOperator:
      if (token.text == "(") {
        DASHI_ASSIGN_OR_RETURN(const Operand group, ReadGroup());
        const bool field = Peek().IsOperator(".") && Peek(1).kind == TokenKind::kIdentifier;
        return field ? ReadField(group) : Result<Operand>(group);
      }
      for (const RefusedOperator& refused : kRefusedOperators) {
        if (token.text == refused.text) {
          return tokens_.Unsupported(
              token, "the operator " + std::string(token.text) + " is not supported",
              std::string(refused.hint));
        }
      }
      break;
    default:
      break;
  }
  const bool literal = token.kind == TokenKind::kInteger || token.kind == TokenKind::kDecimal ||
                       token.kind == TokenKind::kString;
  if (literal) {
    operand.literal = token;
  }
  operand.takes_any_type = token.kind == TokenKind::kParameter;
  operand.parameter = token.parameter;
  Take();
  if (token.IsPostgresString()) {
    operand = Replace(operand.range, {SqlText(LiteralValue(token))}, StaticType::kUnknown, 0);
    operand.literal = token;
  }
  return operand;
}

// TRUE, FALSE, NULL and the words that stand for a time, a user or the like.
std::optional<Operand> Rewriter::ReadConstant() {
  const Token token = Peek();
  for (const char* word : {"TRUE", "FALSE"}) {
    if (token.IsKeyword(word)) {
      Take();
      return Atom(RangeOf(token), StaticType::kBoolean);
    }
  }
  if (token.IsKeyword("NULL")) {
    Take();
    Operand null = Atom(RangeOf(token), StaticType::kUnknown);
    null.takes_any_type = true;
    return null;
  }
  struct Word {
    const char* word;
    const char* call;
    StaticType type;
  };
  static constexpr Word kWords[] = {{"CURRENT_TIMESTAMP", " now()", StaticType::kTimestamp},
                                    {"LOCALTIMESTAMP", " now()", StaticType::kTimestamp},
                                    {"CURRENT_DATE", " dashi_today()", StaticType::kDate},
                                    {"CURRENT_USER", " current_user()", StaticType::kName},
                                    {"CURRENT_ROLE", " current_user()", StaticType::kName},
                                    {"SESSION_USER", " session_user()", StaticType::kName},
                                    {"CURRENT_CATALOG", " current_database()", StaticType::kName},
                                    {"CURRENT_SCHEMA", " current_schema()", StaticType::kName}};
  for (const Word& moment : kWords) {
    if (token.IsKeyword(moment.word)) {
      if (Peek(1).IsOperator("(")) {
        return std::nullopt;
      }
      Take();
      return Replace(RangeOf(token), {moment.call}, moment.type, 0);
    }
  }
  return std::nullopt;
}

// Takes the schema before the name of a function or table of PostgreSQL's, which is left out.
bool Rewriter::TakeSystemSchema() {
  const std::size_t begin = Begin();
  const bool information =
      Peek().IsKeyword("INFORMATION_SCHEMA") && Peek(2).IsKeyword("_PG_EXPANDARRAY");
  if (!(Peek().IsKeyword("PG_CATALOG") || information) || !Peek(1).IsOperator(".")) {
    return false;
  }
  Take();
  Take();
  replacements_.Add({begin, end_}, {" "});
  return true;
}

// A name, a call of a function, or an expression that a keyword begins.
Result<Operand> Rewriter::ReadWordPrimary() {
  const Token token = Peek();
  if (TakeSystemSchema()) {
    return ReadWordPrimary();
  }
  if (token.IsKeyword("CASE")) {
    return ReadCase();
  }
  if (token.IsKeyword("ARRAY") && Peek(1).IsOperator("[")) {
    return ReadArray();
  }
  if (token.IsKeyword("ARRAY") && Peek(1).IsOperator("(")) {
    return ReadArrayOfQuery();
  }
  if (token.IsKeyword("ROW") && Peek(1).IsOperator("(")) {
    return tokens_.Unsupported(token, "the keyword ROW is not supported", "Write (a, b).");
  }
  if (IsTypedLiteral(token) && (Peek(1).kind == TokenKind::kString || Peek(1).IsKeyword("WITH") ||
                                Peek(1).IsKeyword("WITHOUT") ||
                                (Peek(1).IsOperator("(") && Peek(3).IsOperator(")") &&
                                 Peek(4).kind == TokenKind::kString))) {
    return ReadTypedLiteral();
  }
  if (std::optional<Operand> constant = ReadConstant()) {
    return *constant;
  }
  for (const char* word : {"CURRENT_TIME", "LOCALTIME", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP"}) {
    if (token.IsKeyword(word)) {
      return tokens_.Unsupported(token, std::string(word) + " is not supported here",
                                 "Write now() or now()::time.");
    }
  }
  Take();
  if (IsReserved(token) && !Peek().IsOperator("(")) {
    return Atom(RangeOf(token), StaticType::kUnknown);  // SQLite says what is wrong with it.
  }
  static constexpr std::string_view kLiteralTypes[] = {
      "int",       "integer", "int2",  "int4",     "int8",   "bigint", "smallint",
      "numeric",   "decimal", "real",  "float",    "float4", "float8", "bool",
      "boolean",   "varchar", "bytea", "json",     "jsonb",  "uuid",   "text",
      "precision", "bit",     "char",  "character"};
  if (Peek().kind == TokenKind::kString && token.kind == TokenKind::kIdentifier &&
      std::find(std::begin(kLiteralTypes), std::end(kLiteralTypes), token.Name()) !=
          std::end(kLiteralTypes)) {
    return tokens_.Unsupported(token,
                               "a string behind " + std::string(token.text) +
                                   " would be a name here and a value in PostgreSQL",
                               "Write AS before a name, and '...'::type for a value.");
  }
  std::string name = token.Name();
  std::size_t end = end_;
  while (Peek().IsOperator(".")) {
    Take();
    name = Peek().IsOperator("*") ? "*" : Peek().Name();
    if (!Peek().IsOperator("*") && Peek().kind != TokenKind::kIdentifier &&
        Peek().kind != TokenKind::kQuotedIdentifier) {
      break;
    }
    Take();
    end = end_;
  }
  const TextRange range{token.offset, end};
  if (Peek().IsOperator("(")) {
    return ReadCall(token.kind == TokenKind::kIdentifier ? name : std::string(), range);
  }
  return Atom(range, TypeOfColumn(name));
}

// DATE '...', TIMESTAMP WITH TIME ZONE '...', INTERVAL '5' DAY.
Result<Operand> Rewriter::ReadTypedLiteral() {
  const std::size_t begin = Begin();
  const Token word = Peek();
  DASHI_ASSIGN_OR_RETURN(const CastTarget target, ExpectTypeName(tokens_));
  if (Peek().kind != TokenKind::kString) {
    return tokens_.SyntaxError("a string");
  }
  Operand literal = Atom(RangeOf(Peek()), StaticType::kUnknown);
  literal.literal = Peek();
  Take();
  static constexpr std::string_view kFields[] = {"YEAR", "MONTH",  "DAY",
                                                 "HOUR", "MINUTE", "SECOND"};
  const bool field = word.IsKeyword("INTERVAL") &&
                     std::any_of(std::begin(kFields), std::end(kFields),
                                 [&](std::string_view name) { return Peek().IsKeyword(name); });
  if (field) {
    return tokens_.Unsupported(Peek(), "a field behind an interval is not supported",
                               "Write interval '5 days'.");
  }
  return AddCast(literal, target, {begin, end_});
}

Result<Operand> Rewriter::ReadCase() {
  const std::size_t begin = Begin();
  Take();
  StaticType type = StaticType::kUnknown;
  bool first = true;
  int depth = 0;
  if (!Peek().IsKeyword("WHEN")) {
    DASHI_ASSIGN_OR_RETURN(const Operand tested, ReadExpression(kLevelOr));
    depth = tested.depth;
  }
  while (Peek().IsKeyword("WHEN") || Peek().IsKeyword("THEN") || Peek().IsKeyword("ELSE")) {
    const bool result = !Peek().IsKeyword("WHEN");
    Take();
    const bool null = Peek().IsKeyword("NULL");
    DASHI_ASSIGN_OR_RETURN(const Operand part, ReadExpression(kLevelOr));
    depth = std::max(depth, part.depth);
    if (result && !null) {
      type = first || part.type == type ? part.type : StaticType::kUnknown;
      first = false;
    }
  }
  if (Peek().IsKeyword("END")) {
    Take();
  }
  Operand operand = Atom({begin, end_}, type);
  operand.depth = depth;
  return operand;
}

Result<Operand> Rewriter::ReadGroup() {
  const int outside = std::exchange(deepest_, 0);
  Result<Operand> operand = ReadGroupInside();
  deepest_ = std::max(deepest_, outside);
  return operand;
}

Result<Operand> Rewriter::ReadGroupInside() {
  const std::size_t begin = Begin();
  Take();
  if (++nesting_ > kNestingMax) {
    return Status::ResourceExhausted("the expression is nested too deeply")
        .WithSqlState("54001")
        .WithPosition(tokens_.PositionOf(Peek()));
  }
  DASHI_ASSIGN_OR_RETURN(const Body body, ReadBody());
  --nesting_;
  if (Peek().IsOperator(")")) {
    Take();
  }
  const bool alone = body.num_expressions == 1 && !body.has_words;
  Operand operand = Atom({begin, end_}, alone ? body.last.type : StaticType::kUnknown);
  operand.depth = deepest_;
  operand.parameter = alone ? body.last.parameter : 0;
  return operand;
}

// What may follow an operand: nullopt where it is complete.
Result<std::optional<Operand>> Rewriter::ReadInfix(Operand left, int level_min) {
  const Token token = Peek();
  if (token.IsOperator("::")) {
    Take();
    DASHI_ASSIGN_OR_RETURN(const CastTarget target, ExpectTypeName(tokens_));
    end_ = tokens_.PreviousEnd();
    return Some(AddCast(left, target, {left.range.begin, end_}));
  }
  if (token.IsOperator("[")) {
    return Some(ReadSubscript(left));
  }
  if (const BinaryOperator* op = FindBinary(token)) {
    if (op->level < level_min) {
      return std::optional<Operand>();
    }
    return Some(IsComparison(*op) ? ReadComparison(left, token, op->level, op->sqlite_level)
                                  : ReadBinary(left, token, op->level, op->sqlite_level));
  }
  if (token.IsKeyword("OPERATOR") && Peek(1).IsOperator("(")) {
    return kLevelOther < level_min ? std::optional<Operand>() : Some(ReadNamedOperator(left));
  }
  if (token.kind == TokenKind::kIdentifier) {
    return ReadWordInfix(left, level_min);
  }
  if (token.kind != TokenKind::kOperator || token.text == "," || token.text == ")") {
    return std::optional<Operand>();
  }
  for (const RefusedOperator& refused : kRefusedOperators) {
    if (token.IsOperator(refused.text)) {
      return tokens_.Unsupported(token,
                                 "the operator " + std::string(token.text) + " is not supported",
                                 std::string(refused.hint));
    }
  }
  const std::string_view like = LikeOperator(token);
  if (!like.empty() && kLevelLike >= level_min) {
    Take();
    return Some(ReadLike(left, token.offset, like.starts_with("NOT"), like.ends_with("ILIKE")));
  }
  if (IsRegularExpression(token) && kLevelOther >= level_min) {
    Take();
    return Some(ReadRegularExpression(left, token));
  }
  return std::optional<Operand>();
}

// x ~ pattern and its kin, whose operator has been taken.
Result<Operand> Rewriter::ReadRegularExpression(Operand left, const Token& op) {
  DASHI_ASSIGN_OR_RETURN(const Operand pattern, ReadExpression(kLevelOther + 1));
  NoteUse(left, StaticType::kText);
  NoteUse(pattern, StaticType::kText);
  const Operand call = CallOf(op.text.ends_with('*') ? "dashi_iregex" : "dashi_regex",
                              {left, pattern}, StaticType::kBoolean);
  if (!op.text.starts_with('!')) {
    return call;
  }
  return Replace(call.range, {" (NOT ", call.range, ")"}, StaticType::kBoolean, call.depth);
}

// OPERATOR(pg_catalog.~): an operator by its full name, which binds as ~ does whatever it is.
Result<Operand> Rewriter::ReadNamedOperator(Operand left) {
  const std::size_t begin = Begin();
  Take();
  Take();
  if (Peek().IsKeyword("PG_CATALOG") && Peek(1).IsOperator(".")) {
    Take();
    Take();
  }
  const Token op = Peek();
  Take();
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  if (IsRegularExpression(op)) {
    return ReadRegularExpression(left, op);
  }
  const std::string_view like = LikeOperator(op);
  const BinaryOperator* binary = FindBinary(op);
  if (like.empty() && (binary == nullptr || op.kind != TokenKind::kOperator)) {
    return tokens_.Unsupported(op, "the operator " + std::string(op.text) + " is not supported");
  }
  if (!like.empty()) {
    return tokens_.Unsupported(op, "OPERATOR(" + std::string(op.text) + ") is not supported",
                               "Write LIKE or ILIKE.");
  }
  replacements_.Add({begin, end_}, {" " + std::string(op.text) + " "});
  DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(kLevelOther + 1));
  if (!IsComparison(*binary)) {
    return Arithmetic(left, op, right, binary->sqlite_level);
  }
  DASHI_RETURN_IF_ERROR(AlignTypes(&left, &right, /*compared=*/true));
  return Infix(left, right, binary->sqlite_level, StaticType::kBoolean);
}

// IS, COLLATE, LIKE and other words behind an operand.
Result<std::optional<Operand>> Rewriter::ReadWordInfix(Operand left, int level_min) {
  const Token token = Peek();
  if (token.IsKeyword("IS") && kLevelIs >= level_min) {
    return Some(ReadIs(left));
  }
  if (token.IsKeyword("COLLATE") && kLevelCollate >= level_min) {
    const bool of_catalog = Peek(1).IsKeyword("PG_CATALOG") && Peek(2).IsOperator(".");
    const Token& collation = Peek(of_catalog ? 3 : 1);
    if (collation.IsKeyword("DEFAULT") || collation.text == "\"default\"") {
      while (&Peek() != &collation) {
        Take();
      }
      Take();
      replacements_.Add({token.offset, end_}, {" "});
      return std::optional<Operand>(left);
    }
    Parenthesize(&left, kSqliteCollate);
    Take();
    if (Peek().text == "\"C\"" || Peek().text == "\"POSIX\"") {
      replacements_.Add(RangeOf(Peek()), {"BINARY"});
    }
    Take();
    left.range.end = end_;
    left.level = kSqliteCollate;
    left.literal.reset();
    NoteUse(left, StaticType::kText);
    left.parameter = 0;
    return std::optional<Operand>(left);
  }
  if (token.IsKeyword("AT") && Peek(1).IsKeyword("TIME") && kLevelZone >= level_min) {
    return Some(ReadZone(left));
  }
  const bool null_test = token.IsKeyword("ISNULL") || token.IsKeyword("NOTNULL") ||
                         (token.IsKeyword("NOT") && Peek(1).IsKeyword("NULL"));
  if (null_test && kLevelIs >= level_min) {
    Take();
    if (token.IsKeyword("NOT")) {
      Take();
    }
    Parenthesize(&left, kSqliteEqual);
    Operand operand = Atom({left.range.begin, end_}, StaticType::kBoolean);
    operand.level = kSqliteEqual;
    operand.depth = left.depth;
    return std::optional<Operand>(operand);
  }
  return kLevelLike < level_min ? std::optional<Operand>() : ReadMatch(left);
}

// [NOT] LIKE, ILIKE, IN, BETWEEN, GLOB, REGEXP or MATCH behind an operand.
Result<std::optional<Operand>> Rewriter::ReadMatch(Operand left) {
  const Token token = Peek();
  const bool negated = token.IsKeyword("NOT") && FollowsNot(Peek(1));
  const Token word = negated ? Peek(1) : token;
  const bool like = word.IsKeyword("LIKE") || word.IsKeyword("ILIKE");
  const bool sqlite_word =
      word.IsKeyword("GLOB") || word.IsKeyword("REGEXP") || word.IsKeyword("MATCH");
  if (word.IsKeyword("SIMILAR") && (negated || Peek(1).IsKeyword("TO"))) {
    return tokens_.Unsupported(word, "SIMILAR TO is not supported", "Use LIKE or GLOB.");
  }
  if (word.IsKeyword("OVERLAPS") && Peek(1).IsOperator("(")) {
    return tokens_.Unsupported(word, "OVERLAPS is not supported",
                               "Compare begins and ends: a < d AND c < b.");
  }
  if (!like && !sqlite_word && !word.IsKeyword("IN") && !word.IsKeyword("BETWEEN")) {
    return std::optional<Operand>();
  }
  if (negated) {
    Take();
  }
  Take();
  if (word.IsKeyword("BETWEEN")) {
    return Some(ReadBetween(left));
  }
  if (like) {
    return Some(ReadLike(left, token.offset, negated, word.IsKeyword("ILIKE")));
  }
  if (word.IsKeyword("IN")) {
    return Some(ReadIn(left));
  }
  DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(kLevelLike + 1));
  return std::optional<Operand>(Infix(left, right, kSqliteEqual, StaticType::kBoolean));
}

Result<Operand> Rewriter::ReadBinary(Operand left, const Token& op, int level, int sqlite_level) {
  Take();
  DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(level + 1));
  if (level == kLevelOr || level == kLevelAnd) {
    NoteUse(left, StaticType::kBoolean);
    NoteUse(right, StaticType::kBoolean);
    return Infix(left, right, sqlite_level, StaticType::kBoolean);
  }
  return Arithmetic(left, op, right, sqlite_level);
}

Result<Operand> Rewriter::ReadComparison(Operand left, const Token& op, int level,
                                         int sqlite_level) {
  Take();
  if (IsQuantifier(Peek()) && Peek(1).IsOperator("(")) {
    return ReadAny(left, op);
  }
  DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(level + 1));
  DASHI_RETURN_IF_ERROR(AlignTypes(&left, &right, /*compared=*/true));
  return Infix(left, right, sqlite_level, StaticType::kBoolean);
}

// = ANY (query) and <> ALL (query) are IN and NOT IN; so they are of ARRAY[...].
Result<Operand> Rewriter::ReadAny(Operand left, const Token& op) {
  const Token quantifier = Peek();
  const bool all = quantifier.IsKeyword("ALL");
  const bool in = !all && (op.text == "=" || op.text == "==");
  const bool not_in = all && (op.text == "<>" || op.text == "!=");
  const bool array = Peek(2).IsKeyword("ARRAY") && Peek(3).IsOperator("[");
  const bool query =
      Peek(2).IsKeyword("SELECT") || Peek(2).IsKeyword("VALUES") || Peek(2).IsKeyword("WITH");
  if (!(in || not_in)) {
    return tokens_.Unsupported(
        quantifier,
        std::string(op.text) + " " + std::string(quantifier.text) + " is not supported here",
        "= ANY and <> ALL are; min() and max() tell the rest.");
  }
  if (!array && !query) {
    return ReadAnyOfText(left, not_in);
  }
  Take();
  Parenthesize(&left, kSqliteEqual);
  const char* word = in ? " IN " : " NOT IN ";
  int depth = left.depth;
  if (query) {
    replacements_.Add({op.offset, end_}, {word});
    DASHI_ASSIGN_OR_RETURN(const Operand group, ReadGroup());
    depth = std::max(depth, group.depth);
  } else {
    Take();
    Take();
    Take();
    const std::size_t begin = Begin();
    while (!tokens_.AtEnd() && !Peek().IsOperator("]")) {
      DASHI_ASSIGN_OR_RETURN(Operand element, ReadExpression(kLevelOr));
      NoteUse(element, left.type);
      depth = std::max(depth, element.depth);
      if (!Peek().IsOperator(",")) {
        break;
      }
      Take();
    }
    const TextRange list{begin, std::max(begin, end_)};
    if (!Peek().IsOperator("]") || !Peek(1).IsOperator(")")) {
      return tokens_.Unsupported(Peek(), "an array that is more than a list is not supported");
    }
    const bool empty = Begin() == begin;
    Take();
    Take();
    replacements_.Add({op.offset, end_},
                      {std::string(word) + "(", empty ? TextRange{begin, begin} : list, ")"});
  }
  Operand operand = Atom({left.range.begin, end_}, StaticType::kBoolean);
  operand.level = kSqliteEqual;
  operand.depth = depth;
  return operand;
}

// = ANY ($1) and <> ALL ($1): of the text of an array.
Result<Operand> Rewriter::ReadAnyOfText(Operand left, bool negated) {
  Take();
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand array, ReadExpression(kLevelOr));
  if (found_ != nullptr) {
    found_->NoteArray(array.parameter, left.type);
  }
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  const bool vector =
      array.type == StaticType::kSmallIntVector || array.type == StaticType::kOidVector;
  types_matter_ = true;
  return Replace({left.range.begin, end_},
                 {negated ? " (NOT dashi_in_array(" : " (dashi_in_array(", left.range, ", ",
                  array.range, vector ? ", 1))" : "))"},
                 StaticType::kBoolean, std::max(left.depth, array.depth));
}

Result<Operand> Rewriter::ReadIs(Operand left) {
  Take();
  const bool negated = Peek().IsKeyword("NOT");
  if (negated) {
    Take();
  }
  const Token token = Peek();
  if (token.IsKeyword("NULL") || token.IsKeyword("TRUE") || token.IsKeyword("FALSE") ||
      token.IsKeyword("UNKNOWN")) {
    Take();
    if (token.IsKeyword("UNKNOWN")) {
      replacements_.Add(RangeOf(token), {"NULL"});
    }
    Parenthesize(&left, kSqliteEqual);
    Operand operand = Atom({left.range.begin, end_}, StaticType::kBoolean);
    operand.level = kSqliteEqual;
    operand.depth = left.depth;
    return operand;
  }
  if (token.IsKeyword("DISTINCT") && Peek(1).IsKeyword("FROM")) {
    Take();
    Take();
    DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(kLevelIs + 1));
    DASHI_RETURN_IF_ERROR(AlignTypes(&left, &right, /*compared=*/true));
    return Infix(left, right, kSqliteEqual, StaticType::kBoolean);
  }
  for (const char* word : {"DOCUMENT", "NORMALIZED", "JSON"}) {
    if (token.IsKeyword(word)) {
      return tokens_.Unsupported(token, std::string("IS ") + word + " is not supported");
    }
  }
  DASHI_ASSIGN_OR_RETURN(Operand right, ReadExpression(kLevelEqual + 1));
  return Infix(left, right, kSqliteEqual, StaticType::kBoolean);
}

// The right side of LIKE or ILIKE, whose word has been taken; `begin` is that of NOT or the word.
Result<Operand> Rewriter::ReadLike(Operand left, std::size_t begin, bool negated, bool fold) {
  const std::size_t operator_end = end_;
  const bool word =
      tokens_.TextOf({begin, begin + 1}).find_first_of("~!") == std::string_view::npos;
  DASHI_ASSIGN_OR_RETURN(const Operand pattern, ReadExpression(kLevelLike + 1));
  NoteUse(left, StaticType::kText);
  NoteUse(pattern, StaticType::kText);
  std::vector<Operand> arguments{left, pattern};
  bool plain_escape = true;
  if (Peek().IsKeyword("ESCAPE")) {
    Take();
    DASHI_ASSIGN_OR_RETURN(const Operand escape, ReadExpression(kLevelLike + 1));
    plain_escape = escape.literal && escape.literal->text.size() == 3;  // One character.
    arguments.push_back(escape);
  }
  // PostgreSQL's LIKE has an escape where none is given: the backslash.
  const bool plain =
      pattern.literal && pattern.literal->kind == TokenKind::kString &&
      (arguments.size() == 3 ? plain_escape
                             : pattern.literal->StringValue().find('\\') == std::string::npos);
  if (!fold && plain) {
    if (!word) {
      replacements_.Add({begin, operator_end}, {negated ? " NOT LIKE " : " LIKE "});
    }
    Operand operand = Infix(left, pattern, kSqliteEqual, StaticType::kBoolean);
    operand.range.end = end_;
    return operand;
  }
  Operand call = CallOf(fold ? "dashi_ilike" : "dashi_like", arguments, StaticType::kBoolean);
  if (negated) {
    call = Replace(call.range, {" (NOT ", call.range, ")"}, StaticType::kBoolean, call.depth);
  }
  return call;
}

Result<Operand> Rewriter::ReadBetween(Operand left) {
  const Token word = Peek();
  const bool symmetric = word.IsKeyword("SYMMETRIC");
  if (symmetric || word.IsKeyword("ASYMMETRIC")) {
    replacements_.Add(RangeOf(word), {""});
    Take();
  }
  const std::size_t before = replacements_.size();
  DASHI_ASSIGN_OR_RETURN(Operand low, ReadExpression(kLevelLike + 1));
  if (!Peek().IsKeyword("AND")) {
    return Infix(left, low, kSqliteEqual, StaticType::kBoolean);
  }
  Take();
  DASHI_ASSIGN_OR_RETURN(Operand high, ReadExpression(kLevelLike + 1));
  // Both ends stand twice in what SQLite gets, which may not grow at each of several levels.
  if (symmetric && replacements_.size() != before) {
    return tokens_.Unsupported(word, "BETWEEN SYMMETRIC of such expressions is not supported",
                               "Write x BETWEEN least(a, b) AND greatest(a, b).");
  }
  DASHI_RETURN_IF_ERROR(AlignTypes(&left, &low, /*compared=*/true));
  if (left.type == StaticType::kInterval || low.type == StaticType::kInterval) {
    return tokens_.Unsupported(word, "BETWEEN of intervals is not supported",
                               "Write x >= a AND x <= b.");
  }
  Operand other = left;
  DASHI_RETURN_IF_ERROR(AlignTypes(&other, &high, /*compared=*/true));
  Parenthesize(&low, kSqliteEqual + 1);
  if (symmetric) {
    const int depth = std::max(low.depth, high.depth);
    high = Replace({low.range.begin, high.range.end},
                   {" least(", low.range, ", ", high.range, ") AND greatest(", low.range, ", ",
                    high.range, ")"},
                   StaticType::kUnknown, depth);
  }
  Operand both = Infix(left, high, kSqliteEqual, StaticType::kBoolean);
  both.depth = std::max(both.depth, low.depth);
  return both;
}

Result<Operand> Rewriter::ReadIn(Operand left) {
  if (!Peek().IsOperator("(")) {  // SQLite's IN table
    DASHI_ASSIGN_OR_RETURN(Operand table, ReadExpression(kLevelLike + 1));
    return Infix(left, table, kSqliteEqual, StaticType::kBoolean);
  }
  NoteUsesInList(left.type);
  DASHI_ASSIGN_OR_RETURN(Operand list, ReadGroup());
  NoteUse(left, list.type);
  return Infix(left, list, kSqliteEqual, StaticType::kBoolean);
}

Result<Operand> Rewriter::ReadZone(Operand left) {
  const Token at = Peek();
  Take();
  Take();
  if (!Peek().IsKeyword("ZONE")) {
    return tokens_.SyntaxError("ZONE");
  }
  Take();
  const bool utc =
      Peek().kind == TokenKind::kString && (EqualsIgnoreCase(Peek().StringValue(), "UTC") ||
                                            EqualsIgnoreCase(Peek().StringValue(), "GMT") ||
                                            EqualsIgnoreCase(Peek().StringValue(), "Z"));
  if (!utc) {
    return tokens_.Unsupported(at, "AT TIME ZONE is supported for 'UTC' alone");
  }
  Take();
  return AddCast(left, {CastKind::kTimestamptz, std::nullopt}, {left.range.begin, end_});
}

}  // namespace dashi::sql::postgres
