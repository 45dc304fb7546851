#include "server/select_types.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "sql/lexer.h"
#include "sql/token.h"

namespace dashi {

namespace {

using sql::Token;
using sql::TokenKind;
using Tokens = std::span<const Token>;

// Longer statements keep their columns without types: they are not cut into tokens twice.
constexpr std::size_t kStatementBytesMax = std::size_t{64} << 10;
constexpr std::size_t kInt64DigitsMax = 18;

struct NamedType {
  std::string_view name;
  ValueType type;
};

constexpr ValueType kInteger = ValueType::kInteger;
constexpr ValueType kReal = ValueType::kReal;

// Of casts. Times and the like are texts.
constexpr std::array<NamedType, 17> kCastTypes = {{{"int", kInteger},
                                                   {"integer", kInteger},
                                                   {"int2", kInteger},
                                                   {"int4", kInteger},
                                                   {"int8", kInteger},
                                                   {"bigint", kInteger},
                                                   {"smallint", kInteger},
                                                   {"bool", kInteger},
                                                   {"boolean", kInteger},
                                                   {"float", kReal},
                                                   {"float4", kReal},
                                                   {"float8", kReal},
                                                   {"real", kReal},
                                                   {"double", kReal},
                                                   {"numeric", kReal},
                                                   {"decimal", kReal},
                                                   {"bytea", ValueType::kBlob}}};

constexpr std::array<NamedType, 16> kFunctionTypes = {{{"count", kInteger},
                                                       {"length", kInteger},
                                                       {"char_length", kInteger},
                                                       {"character_length", kInteger},
                                                       {"octet_length", kInteger},
                                                       {"row_number", kInteger},
                                                       {"rank", kInteger},
                                                       {"dense_rank", kInteger},
                                                       {"ntile", kInteger},
                                                       {"exists", kInteger},
                                                       {"avg", kReal},
                                                       {"stddev", kReal},
                                                       {"variance", kReal},
                                                       {"percent_rank", kReal},
                                                       {"cume_dist", kReal},
                                                       {"sqrt", kReal}}};

template <std::size_t kSize>
ValueType Find(const std::array<NamedType, kSize>& types, const Token& token, ValueType otherwise) {
  if (token.kind != TokenKind::kIdentifier) {
    return ValueType::kNull;
  }
  const auto* found = std::find_if(types.begin(), types.end(), [&](const NamedType& type) {
    return sql::EqualsIgnoreCase(type.name, token.text);
  });
  return found == types.end() ? otherwise : found->type;
}

// The position behind the parenthesis that closes the one at `open`; the size where none does.
std::size_t BehindParentheses(Tokens tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    depth += tokens[i].IsOperator("(") ? 1 : tokens[i].IsOperator(")") ? -1 : 0;
    if (depth == 0) {
      return i + 1;
    }
  }
  return tokens.size();
}

bool IsName(const Token& token) {
  return token.kind == TokenKind::kIdentifier || token.kind == TokenKind::kQuotedIdentifier;
}

// Whether the tokens are one operand: a literal, a parameter, a name, a call, or in parentheses.
bool IsOperand(Tokens tokens) {
  if (tokens.size() == 1) {
    return tokens[0].kind != TokenKind::kOperator;
  }
  if (tokens.size() == 3 && tokens[1].IsOperator(".")) {
    return IsName(tokens[0]) && IsName(tokens[2]);
  }
  const std::size_t open = !tokens.empty() && tokens[0].IsOperator("(") ? 0 : 1;
  return tokens.size() > open + 1 && (open == 0 || IsName(tokens[0])) &&
         tokens[open].IsOperator("(") && BehindParentheses(tokens, open) == tokens.size();
}

// Takes AS and a name from the end, or the name alone behind what cannot be followed by another.
Tokens WithoutAlias(Tokens item) {
  const std::size_t size = item.size();
  if (size >= 3 && item[size - 2].IsKeyword("AS") && IsName(item[size - 1])) {
    return item.first(size - 2);
  }
  const bool follows =
      size >= 2 && IsName(item[size - 1]) &&
      (item[size - 2].IsOperator(")") || item[size - 2].kind == TokenKind::kInteger ||
       item[size - 2].kind == TokenKind::kDecimal);
  const bool is_window = size >= 2 && item[size - 2].IsKeyword("OVER");
  return follows && !is_window ? item.first(size - 1) : item;
}

ValueType NumberType(Tokens item) {
  if (!item.empty() && (item[0].IsOperator("-") || item[0].IsOperator("+"))) {
    item = item.subspan(1);
  }
  if (item.size() != 1) {
    return ValueType::kNull;
  }
  if (item[0].kind == TokenKind::kDecimal) {
    return kReal;
  }
  const bool fits = item[0].kind == TokenKind::kInteger && item[0].text.size() <= kInt64DigitsMax;
  return fits ? kInteger : ValueType::kNull;
}

// Whether the tokens are the name of a type: int, double precision, numeric(3, 1).
bool IsTypeName(Tokens tokens) {
  static constexpr std::array<std::string_view, 6> kWords = {"PRECISION", "VARYING", "WITH",
                                                             "WITHOUT",   "TIME",    "ZONE"};
  if (tokens.empty() || tokens[0].kind != TokenKind::kIdentifier) {
    return false;
  }
  const Tokens rest = tokens.subspan(1);
  return std::all_of(rest.begin(), rest.end(), [](const Token& token) {
    return token.kind == TokenKind::kInteger || token.IsOperator("(") || token.IsOperator(",") ||
           token.IsOperator(")") ||
           std::any_of(kWords.begin(), kWords.end(),
                       [&](std::string_view word) { return token.IsKeyword(word); });
  });
}

// x::type and CAST(x AS type), where the cast is all there is.
ValueType CastType(Tokens item) {
  for (std::size_t i = item.size(); i-- > 0;) {
    if (item[i].IsOperator("::")) {
      const bool whole = IsOperand(item.first(i)) && IsTypeName(item.subspan(i + 1));
      return whole ? Find(kCastTypes, item[i + 1], ValueType::kText) : ValueType::kNull;
    }
  }
  if (item.size() < 5 || !item[0].IsKeyword("CAST") || !IsOperand(item)) {
    return ValueType::kNull;
  }
  int depth = 0;
  for (std::size_t i = 1; i + 1 < item.size(); ++i) {
    depth += item[i].IsOperator("(") ? 1 : item[i].IsOperator(")") ? -1 : 0;
    if (depth == 1 && item[i].IsKeyword("AS")) {
      // BLOB is SQLite's.
      return item[i + 1].IsKeyword("BLOB") ? ValueType::kBlob
                                           : Find(kCastTypes, item[i + 1], ValueType::kText);
    }
  }
  return ValueType::kNull;
}

// name(...) [FILTER (...)] [OVER (...) | OVER name]
ValueType CallType(Tokens item) {
  if (item.size() < 3 || !item[1].IsOperator("(")) {
    return ValueType::kNull;
  }
  const ValueType type = Find(kFunctionTypes, item[0], ValueType::kNull);
  std::size_t at = BehindParentheses(item, 1);
  if (at + 1 < item.size() && item[at].IsKeyword("FILTER")) {
    at = BehindParentheses(item, at + 1);
  }
  if (at + 1 < item.size() && item[at].IsKeyword("OVER")) {
    at = item[at + 1].IsOperator("(") ? BehindParentheses(item, at + 1) : at + 2;
  }
  return at == item.size() ? type : ValueType::kNull;
}

ValueType TypeOf(Tokens item) {
  item = WithoutAlias(item);
  for (const ValueType type : {NumberType(item), CastType(item), CallType(item)}) {
    if (type != ValueType::kNull) {
      return type;
    }
  }
  return ValueType::kNull;
}

bool IsStar(Tokens item) { return !item.empty() && item.back().IsOperator("*"); }

// The items of the list of a SELECT; none where there are several SELECTs.
std::vector<Tokens> ItemsOf(Tokens tokens) {
  static constexpr std::array<std::string_view, 8> kEnds = {"FROM",   "WHERE", "GROUP", "HAVING",
                                                            "WINDOW", "ORDER", "LIMIT", "OFFSET"};
  std::vector<Tokens> items;
  std::optional<std::size_t> begin;  // of the item
  bool in_list = false;
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    depth += token.IsOperator("(") ? 1 : token.IsOperator(")") ? -1 : 0;
    if (depth != 0) {
      continue;
    }
    if (token.IsKeyword("UNION") || token.IsKeyword("INTERSECT") || token.IsKeyword("EXCEPT")) {
      return {};
    }
    const bool ends = std::any_of(kEnds.begin(), kEnds.end(),
                                  [&](std::string_view word) { return token.IsKeyword(word); });
    if (token.IsKeyword("SELECT") && !begin) {
      in_list = true;
      begin = i + 1;
      if (begin < tokens.size() &&
          (tokens[*begin].IsKeyword("DISTINCT") || tokens[*begin].IsKeyword("ALL"))) {
        ++*begin;
      }
    } else if (in_list && (token.IsOperator(",") || ends || token.kind == TokenKind::kEnd)) {
      items.push_back(tokens.subspan(*begin, i - std::min(i, *begin)));
      begin = i + 1;
      in_list = token.IsOperator(",");
    }
  }
  return items;
}

}  // namespace

std::vector<Column> WithSelectTypes(std::vector<Column> columns, std::string_view statement) {
  const bool all_typed = std::none_of(columns.begin(), columns.end(), [](const Column& column) {
    return column.type == ValueType::kNull;
  });
  if (all_typed || statement.size() > kStatementBytesMax) {
    return columns;
  }
  const Result<sql::LexedStatement> lexed = sql::LexStatement(statement, 0);
  if (!lexed.ok()) {
    return columns;
  }
  const std::vector<Tokens> items = ItemsOf(lexed->tokens);
  const auto star = std::find_if(items.begin(), items.end(), IsStar);
  const auto num_stars = std::count_if(items.begin(), items.end(), IsStar);
  const auto set = [&](std::size_t index, Tokens item) {
    if (index < columns.size() && columns[index].type == ValueType::kNull) {
      columns[index].type = TypeOf(item);
    }
  };
  if (num_stars == 0 ? items.size() != columns.size() : items.size() > columns.size() + 1) {
    return columns;
  }
  // A star stands for as many columns as are left.
  for (auto item = items.begin(); item != star; ++item) {
    set(static_cast<std::size_t>(item - items.begin()), *item);
  }
  for (auto item = items.rbegin(); num_stars == 1 && !IsStar(*item); ++item) {
    const auto from_end = static_cast<std::size_t>(item - items.rbegin());
    set(columns.size() - 1 - from_end, *item);
  }
  return columns;
}

}  // namespace dashi
