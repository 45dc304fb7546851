#include "sql/schema_grammar.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "base/nearest_name.h"
#include "base/status.h"
#include "base/vector_codec.h"

namespace dashi::sql {

namespace {

using storage::ColumnType;

struct TypeName {
  std::string_view name;
  ColumnType type;
};

/// The spellings of the types, PostgreSQL's among them.
constexpr TypeName kTypes[] = {
    {"INTEGER", ColumnType::kInteger},     {"INT", ColumnType::kInteger},
    {"BIGINT", ColumnType::kInteger},      {"SMALLINT", ColumnType::kInteger},
    {"INT2", ColumnType::kInteger},        {"INT4", ColumnType::kInteger},
    {"INT8", ColumnType::kInteger},        {"REAL", ColumnType::kReal},
    {"DOUBLE", ColumnType::kReal},         {"FLOAT", ColumnType::kReal},
    {"FLOAT4", ColumnType::kReal},         {"FLOAT8", ColumnType::kReal},
    {"TEXT", ColumnType::kText},           {"VARCHAR", ColumnType::kText},
    {"BOOLEAN", ColumnType::kBoolean},     {"BOOL", ColumnType::kBoolean},
    {"TIMESTAMP", ColumnType::kTimestamp}, {"TIMESTAMPTZ", ColumnType::kTimestamp},
    {"VECTOR", ColumnType::kVector},
};

// Takes the number of dimensions behind VECTOR, which may be left out.
Result<std::uint32_t> TakeDimension(TokenStream& tokens) {
  if (!tokens.TakeOperator("(")) {
    return std::uint32_t{0};
  }
  const Token number = tokens.Peek();
  DASHI_ASSIGN_OR_RETURN(
      const std::uint64_t dimension,
      tokens.ExpectInteger("a number of dimensions", std::uint64_t{kVectorDimensionMax}));
  if (dimension == 0) {
    return Status::InvalidArgument("a vector has at least 1 dimension")
        .WithSqlState("22023")
        .WithPosition(tokens.PositionOf(number));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator(")"));
  return static_cast<std::uint32_t>(dimension);
}

// Takes the words behind a type's first one: DOUBLE PRECISION, TIMESTAMP WITH TIME ZONE.
Status TakeTypeTail(TokenStream& tokens, std::string_view first) {
  if (first == "DOUBLE") {
    return tokens.ExpectKeyword("PRECISION");
  }
  if (first == "TIMESTAMP" &&
      (tokens.Peek().IsKeyword("WITH") || tokens.Peek().IsKeyword("WITHOUT"))) {
    if (tokens.Peek().IsKeyword("WITHOUT")) {
      return tokens.Unsupported(tokens.Peek(), "times without a zone are not supported",
                                "TIMESTAMP keeps moments, shown in UTC.");
    }
    tokens.Take();
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TIME"));
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ZONE"));
  }
  if (tokens.Peek().IsOperator("(")) {
    return tokens.Unsupported(tokens.Peek(), "sizes of types are not supported",
                              "Write the type alone: TEXT holds up to 16 MiB.");
  }
  return Status();
}

/// REAL[] and FLOAT4[] are vectors.
bool TakeBrackets(TokenStream& tokens, std::string_view type) {
  if ((type != "REAL" && type != "FLOAT4") || !tokens.Peek().IsOperator("[") ||
      !tokens.Peek(1).IsOperator("]")) {
    return false;
  }
  tokens.Take();
  tokens.Take();
  return true;
}

Status ExpectType(TokenStream& tokens, AlterTableStatement* alter) {
  const Token& word = tokens.Peek();
  if (word.kind != TokenKind::kIdentifier) {
    return tokens.SyntaxError("a type: INTEGER, REAL, TEXT, BOOLEAN, TIMESTAMP or VECTOR");
  }
  for (const TypeName& known : kTypes) {
    if (tokens.TakeKeyword(known.name)) {
      alter->type = TakeBrackets(tokens, known.name) ? ColumnType::kVector : known.type;
      if (known.type == ColumnType::kVector) {
        DASHI_ASSIGN_OR_RETURN(alter->dimension, TakeDimension(tokens));
        return Status();
      }
      return TakeTypeTail(tokens, known.name);
    }
  }
  static constexpr std::string_view kNames[] = {"INTEGER", "BIGINT",  "REAL",      "TEXT",
                                                "VARCHAR", "BOOLEAN", "TIMESTAMP", "VECTOR"};
  const std::string_view nearest = NearestName(word.text, kNames);
  return Status::NotFound("no such type: " + std::string(word.text))
      .WithSqlState("42704")
      .WithHint(nearest.empty() ? "Columns are INTEGER, REAL, TEXT, BOOLEAN, TIMESTAMP or VECTOR."
                                : "Did you mean " + std::string(nearest) + "?")
      .WithPosition(tokens.PositionOf(word));
}

Result<Value> ReadNumber(TokenStream& tokens, bool negative) {
  const Token& token = tokens.Peek();
  const std::string digits = (negative ? "-" : "") + std::string(token.text);
  if (token.kind == TokenKind::kInteger) {
    std::int64_t integer = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), integer);
    if (error == std::errc::result_out_of_range) {
      return Status::InvalidArgument("the integer is out of range: " + digits)
          .WithSqlState("22003")
          .WithPosition(tokens.PositionOf(token));
    }
    if (end == digits.data() + digits.size()) {
      tokens.Take();
      return Value::Integer(integer);
    }
  }
  double real = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), real);
  const bool number = token.kind == TokenKind::kInteger || token.kind == TokenKind::kDecimal;
  if (!number || error != std::errc() || end != digits.data() + digits.size()) {
    return tokens.SyntaxError("a default: a string, a number, TRUE, FALSE or NULL");
  }
  tokens.Take();
  return Value::Real(real);
}

Result<Value> ExpectLiteral(TokenStream& tokens) {
  const Token& token = tokens.Peek();
  if (token.kind == TokenKind::kString) {
    return Value::Text(tokens.Take().StringValue());
  }
  if (tokens.TakeKeyword("TRUE")) {
    return Value::Integer(1);
  }
  if (tokens.TakeKeyword("FALSE")) {
    return Value::Integer(0);
  }
  if (tokens.TakeKeyword("NULL")) {
    return Value::Null();
  }
  const bool constant = token.kind != TokenKind::kIdentifier && !token.IsOperator("(");
  if (!constant || token.kind == TokenKind::kParameter) {
    return tokens.Unsupported(token, "a default is a constant",
                              "Write a string, a number, TRUE, FALSE or NULL.");
  }
  const bool negative = tokens.TakeOperator("-");
  if (!negative) {
    tokens.TakeOperator("+");
  }
  return ReadNumber(tokens, negative);
}

// Reads [DEFAULT value] and [NULL], and refuses constraints.
Status ParseColumnTail(TokenStream& tokens, AlterTableStatement* alter) {
  while (!tokens.AtEnd()) {
    const Token& token = tokens.Peek();
    if (tokens.TakeKeyword("DEFAULT")) {
      alter->default_offset = tokens.Peek().offset;
      DASHI_ASSIGN_OR_RETURN(alter->default_value, ExpectLiteral(tokens));
      continue;
    }
    if (tokens.TakeKeyword("NULL")) {
      continue;
    }
    for (const std::string_view word : {"NOT", "UNIQUE", "PRIMARY", "REFERENCES", "CHECK",
                                        "COLLATE", "GENERATED", "CONSTRAINT"}) {
      if (token.IsKeyword(word)) {
        return tokens.Unsupported(token, "constraints on columns are not supported",
                                  "A column has a name, a type and a DEFAULT; it takes NULL.");
      }
    }
    static constexpr std::string_view kTail[] = {"DEFAULT"};
    return tokens.SyntaxError("DEFAULT or the end of the statement", kTail);
  }
  return Status();
}

Result<bool> TakeIf(TokenStream& tokens, bool exists) {
  if (!tokens.Peek().IsKeyword("IF")) {
    return false;
  }
  tokens.Take();
  if (!exists) {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("NOT"));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("EXISTS"));
  return true;
}

Status ParseAdd(TokenStream& tokens, AlterTableStatement* alter) {
  tokens.TakeKeyword("COLUMN");
  DASHI_ASSIGN_OR_RETURN(alter->if_exists_clause, TakeIf(tokens, /*exists=*/false));
  alter->column_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter->column, tokens.ExpectName("a name for the column"));
  DASHI_RETURN_IF_ERROR(ExpectType(tokens, alter));
  return ParseColumnTail(tokens, alter);
}

Status ParseDropColumn(TokenStream& tokens, AlterTableStatement* alter) {
  tokens.TakeKeyword("COLUMN");
  DASHI_ASSIGN_OR_RETURN(alter->if_exists_clause, TakeIf(tokens, /*exists=*/true));
  alter->column_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter->column, tokens.ExpectName("the name of a column"));
  if (!tokens.TakeKeyword("RESTRICT")) {
    tokens.TakeKeyword("CASCADE");  // An index goes with its column either way.
  }
  return Status();
}

Status ParseRename(TokenStream& tokens, AlterTableStatement* alter) {
  if (tokens.Peek().IsKeyword("TO")) {
    return tokens.Unsupported(tokens.Peek(), "tables cannot be renamed",
                              "Write RENAME COLUMN name TO name.");
  }
  tokens.TakeKeyword("COLUMN");
  alter->column_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter->column, tokens.ExpectName("the name of a column"));
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("TO"));
  alter->new_name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter->new_name, tokens.ExpectName("a new name for the column"));
  return Status();
}

}  // namespace

Result<StatementNode> ParseAlter(TokenStream& tokens) {
  const Token& what = tokens.Peek();
  if (!tokens.TakeKeyword("TABLE")) {
    static constexpr std::string_view kWhat[] = {"TABLE", "MODEL"};
    Status near = tokens.SyntaxError("TABLE or MODEL", kWhat);
    return what.kind == TokenKind::kIdentifier && near.hint().empty()
               ? tokens.Unsupported(what, "ALTER " + std::string(what.text) + " is not supported",
                                    "This version alters models, and the columns of documents and "
                                    "labels.")
               : near;
  }
  AlterTableStatement alter;
  alter.table_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(alter.table, tokens.ExpectName("the name of a table"));
  const Token& change = tokens.Peek();
  if (tokens.TakeKeyword("ADD")) {
    alter.change = AlterTableStatement::Change::kAdd;
    DASHI_RETURN_IF_ERROR(ParseAdd(tokens, &alter));
  } else if (tokens.TakeKeyword("DROP")) {
    alter.change = AlterTableStatement::Change::kDrop;
    DASHI_RETURN_IF_ERROR(ParseDropColumn(tokens, &alter));
  } else if (tokens.TakeKeyword("RENAME")) {
    alter.change = AlterTableStatement::Change::kRename;
    DASHI_RETURN_IF_ERROR(ParseRename(tokens, &alter));
  } else {
    static constexpr std::string_view kChanges[] = {"ADD", "DROP", "RENAME"};
    Status near = tokens.SyntaxError("ADD, DROP or RENAME", kChanges);
    return change.kind == TokenKind::kIdentifier && near.hint().empty()
               ? tokens.Unsupported(
                     change, "ALTER TABLE ... " + std::string(change.text) + " is not supported",
                     "Columns can be added, dropped and renamed.")
               : near;
  }
  return StatementNode(std::move(alter));
}

Result<StatementNode> ParseCreateIndex(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("UNIQUE")) {
    return tokens.Unsupported(tokens.Peek(), "unique indexes are not supported",
                              "Ids are unique; an index may hold a value many times.");
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("INDEX"));
  CreateIndexStatement create;
  DASHI_ASSIGN_OR_RETURN(create.if_not_exists, TakeIf(tokens, /*exists=*/false));
  create.name_offset = tokens.Peek().offset;
  const bool named = !tokens.Peek().IsKeyword("ON") || tokens.Peek(1).IsKeyword("ON");
  if (named) {
    DASHI_ASSIGN_OR_RETURN(create.name, tokens.ExpectName("a name for the index"));
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ON"));
  create.table_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.table, tokens.ExpectName("the name of a table"));
  if (tokens.Peek().IsKeyword("USING") && !tokens.Peek(1).IsKeyword("BTREE")) {
    return tokens.Unsupported(tokens.Peek(1), "kinds of indexes are not supported",
                              "An index is ordered; leave USING out.");
  }
  if (tokens.TakeKeyword("USING")) {
    tokens.Take();
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator("("));
  create.column_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(create.column, tokens.ExpectName("the name of a column"));
  if (!named) {  // As PostgreSQL names it.
    create.name = create.table + "_" + create.column + "_idx";
  }
  tokens.TakeKeyword("ASC");
  if (!tokens.Peek().IsOperator(")")) {
    return tokens.Unsupported(tokens.Peek(), "an index has one column, in ascending order",
                              "It can be walked in both directions.");
  }
  tokens.Take();
  if (!tokens.AtEnd()) {
    return tokens.Unsupported(tokens.Peek(), "partial indexes and options are not supported");
  }
  return StatementNode(std::move(create));
}

Result<StatementNode> ParseDropIndex(TokenStream& tokens) {
  DropIndexStatement drop;
  DASHI_ASSIGN_OR_RETURN(drop.if_exists, TakeIf(tokens, /*exists=*/true));
  drop.name_offset = tokens.Peek().offset;
  DASHI_ASSIGN_OR_RETURN(drop.name, tokens.ExpectName("the name of an index"));
  return StatementNode(std::move(drop));
}

}  // namespace dashi::sql
