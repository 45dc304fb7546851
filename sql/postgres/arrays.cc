// Arrays, functions that return rows, and the numbers of objects of PostgreSQL's catalog.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/rewriter.h"
#include "sql/postgres/statement_types.h"
#include "sql/postgres/unnested_rows.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

namespace {

StaticType ArrayTypeOf(StaticType element) {
  switch (element) {
    case StaticType::kInteger:
      return StaticType::kIntegerArray;
    case StaticType::kNumeric:
    case StaticType::kFloat:
      return StaticType::kRealArray;
    case StaticType::kBoolean:
      return StaticType::kBooleanArray;
    case StaticType::kOid:
      return StaticType::kOidArray;
    case StaticType::kName:
      return StaticType::kNameArray;
    case StaticType::kChar:
      return StaticType::kCharArray;
    default:
      return StaticType::kTextArray;
  }
}

/// As ElementValue and UnnestedRows have it.
char KindOfElements(StaticType array) {
  switch (ElementTypeOf(array)) {
    case StaticType::kInteger:
    case StaticType::kOid:
      return 'i';
    case StaticType::kFloat:
      return 'f';
    case StaticType::kBoolean:
      return 'b';
    default:
      return 't';
  }
}

CastKind KindOfObject(StaticType type) {
  const int number = static_cast<int>(type) - static_cast<int>(StaticType::kRegclass);
  return static_cast<CastKind>(static_cast<int>(CastKind::kRegclass) + number);
}
static_assert(static_cast<int>(CastKind::kRegrole) - static_cast<int>(CastKind::kRegclass) ==
                  static_cast<int>(StaticType::kRegrole) - static_cast<int>(StaticType::kRegclass),
              "both in the same order");

}  // namespace

bool IsSetFunction(std::string_view name) {
  return name == "unnest" || name == "generate_subscripts" || name == "_pg_expandarray";
}

// ARRAY[value, ...]
Result<Operand> Rewriter::ReadArray() {
  const std::size_t begin = Begin();
  Take();
  Take();
  std::vector<TextReplacements::Piece> pieces;
  std::optional<StaticType> type;
  int depth = 0;
  while (!tokens_.AtEnd() && !Peek().IsOperator("]")) {
    if (Peek().IsOperator("[") || Peek().IsKeyword("ARRAY")) {
      return tokens_.Unsupported(Peek(), "arrays of arrays are not supported");
    }
    DASHI_ASSIGN_OR_RETURN(const Operand element, ReadExpression(kLevelOr));
    pieces.emplace_back(", ");
    pieces.emplace_back(element.range);
    depth = std::max(depth, element.depth);
    if (!element.takes_any_type) {
      type = !type || *type == element.type ? element.type : StaticType::kUnknown;
    }
    if (!Peek().IsOperator(",")) {
      break;
    }
    Take();
  }
  if (!Peek().IsOperator("]")) {
    return tokens_.SyntaxError("a closing bracket");
  }
  Take();
  types_matter_ = true;
  const StaticType element = type.value_or(StaticType::kText);
  pieces.insert(pieces.begin(),
                element == StaticType::kBoolean ? " dashi_array(1" : " dashi_array(0");
  pieces.emplace_back(")");
  return Replace({begin, end_}, std::move(pieces), ArrayTypeOf(element), depth);
}

// ARRAY(query)
Result<Operand> Rewriter::ReadArrayOfQuery() {
  const std::size_t begin = Begin();
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand query, ReadGroup());
  return Replace({begin, end_},
                 {" (WITH dashi_named(x) AS ", query.range,
                  " SELECT dashi_array_of('A', 0, x) FROM dashi_named)"},
                 StaticType::kTextArray, query.depth);
}

// array[subscript]
Result<Operand> Rewriter::ReadSubscript(Operand left) {
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand subscript, ReadExpression(kLevelOr));
  NoteUse(subscript, StaticType::kInteger);
  if (Peek().IsOperator(":")) {
    return tokens_.Unsupported(Peek(), "slices of arrays are not supported");
  }
  if (!Peek().IsOperator("]")) {
    return tokens_.SyntaxError("a closing bracket");
  }
  Take();
  types_matter_ = true;
  return Replace({left.range.begin, end_},
                 {" dashi_element(", left.range, ", ", subscript.range,
                  fmt::format(", '{}')", KindOfElements(left.type))},
                 ElementTypeOf(left.type), std::max(left.depth, subscript.depth));
}

// (row).x or (row).n, of _pg_expandarray.
Result<Operand> Rewriter::ReadField(Operand row) {
  Take();
  const std::string name = Peek().Name();
  if (name != "x" && name != "n") {
    return tokens_.Unsupported(Peek(), "fields of rows are not supported");
  }
  Take();
  return Replace({row.range.begin, end_},
                 {" dashi_field(", row.range, name == "x" ? ", 1)" : ", 2)"}, StaticType::kInteger,
                 row.depth);
}

// A call of unnest and its kin in a select list.
Result<Operand> Rewriter::ReadSetCall(const Call& call) {
  const SourcePosition position = tokens_.PositionOfOffset(call.begin);
  if (set_calls_ == nullptr) {
    return Status::Unimplemented("a function that returns rows is not supported here: " + call.name)
        .WithPosition(position)
        .WithHint("It may stand in FROM and in a select list.");
  }
  const bool subscripts = call.name == "generate_subscripts";
  if (!call.regular || call.arguments.size() != (subscripts ? 2U : 1U)) {
    return Status::InvalidArgument("wrong number of arguments to function " + call.name + "()")
        .WithSqlState("42883")
        .WithPosition(position);
  }
  if (set_calls_->size() >= static_cast<std::size_t>(kUnnestedMax)) {
    return Status::ResourceExhausted("too many functions that return rows in a select list")
        .WithSqlState("54000")
        .WithPosition(position);
  }
  const Operand& array = call.arguments.front();
  const bool is_other = array.type != StaticType::kUnknown && array.type != StaticType::kText &&
                        ElementTypeOf(array.type) == StaticType::kUnknown;
  if (is_other) {
    return Status::InvalidArgument("the argument of " + call.name + " is no array")
        .WithSqlState("42883")
        .WithPosition(position);
  }
  const bool rows = call.name == "_pg_expandarray";
  types_matter_ = true;
  num_sets_ += set_calls_->empty() ? 1 : 0;
  set_calls_->push_back(
      {subscripts ? 's' : (rows ? 'r' : KindOfElements(array.type)), array.range});
  const StaticType type = subscripts ? StaticType::kInteger
                          : rows     ? StaticType::kText
                                     : ElementTypeOf(array.type);
  return Replace({call.begin, call.end},
                 {fmt::format(" dashi_set{}.dashi_{}", num_sets_, set_calls_->size())}, type,
                 array.depth);
}

// The table of the calls of a select list that ends here, before the others of FROM: SQLite finds
// the order, and takes their columns as arguments.
Status Rewriter::JoinSetCalls(const std::vector<SetCall>& calls, std::size_t list_begin) {
  if (calls.empty()) {
    return Status();
  }
  std::vector<TextReplacements::Piece> pieces;
  std::string kinds;
  for (const SetCall& call : calls) {
    kinds += call.kind;
  }
  const bool from = Peek().IsKeyword("FROM");
  if (!from) {
    pieces.emplace_back(TextRange{list_begin, end_});
  }
  pieces.emplace_back(fmt::format(" FROM dashi_unnested('{}'", kinds));
  for (const SetCall& call : calls) {
    pieces.emplace_back(", ");
    pieces.emplace_back(call.array);
  }
  pieces.emplace_back(fmt::format(") AS dashi_set{}{}", num_sets_, from ? ", " : " "));
  replacements_.Add(from ? RangeOf(Peek()) : TextRange{list_begin, end_}, std::move(pieces));
  return Status();
}

// The names behind a function that returns rows: [AS] name [(column, ...)]. `columns` has the
// default names; returns how many the list has.
Result<std::size_t> Rewriter::ReadSetNames(std::string* name, std::vector<std::string>* columns,
                                           std::size_t num_columns) {
  const std::size_t as = Peek().IsKeyword("AS") ? 1 : 0;
  if (IsName(Peek(as))) {
    if (as == 1) {
      Take();
    }
    *name = Peek().Name();
    Take();
    if (columns->size() == 2) {  // With the one of WITH ORDINALITY.
      columns->front() = *name;
    }
  }
  std::size_t num_listed = 0;
  while (num_listed == 0 ? Peek().IsOperator("(") : Peek().IsOperator(",")) {
    Take();
    if (!IsName(Peek()) || num_listed >= num_columns) {
      return tokens_.SyntaxError("the name of a column");
    }
    (*columns)[num_listed++] = Peek().Name();
    Take();
  }
  if (num_listed > 0) {
    if (!Peek().IsOperator(")")) {
      return tokens_.SyntaxError("a closing parenthesis");
    }
    Take();
  }
  return num_listed;
}

// unnest(array, ...) or generate_subscripts(array, 1) [WITH ORDINALITY] [AS name [(column, ...)]]
// in FROM. pg_partition_ancestors(table) has no rows: no table is a partition.
Status Rewriter::ReadUnnest() {
  const std::size_t begin = Begin();
  const Token function = Peek();
  Take();
  Call call;
  call.name = function.Name();
  DASHI_ASSIGN_OR_RETURN(call, ReadArguments(std::move(call)));
  const bool subscripts = call.name == "generate_subscripts";
  const bool ancestors = call.name == "pg_partition_ancestors";
  if (!call.regular || call.arguments.empty() || (subscripts && call.arguments.size() != 2) ||
      (ancestors && call.arguments.size() != 1) ||
      call.arguments.size() > static_cast<std::size_t>(kUnnestedMax)) {
    return tokens_.Unsupported(function, call.name + " does not take these arguments");
  }
  if (subscripts) {
    call.arguments.pop_back();  // The dimension: there is but one.
  }
  const bool numbered = Peek().IsKeyword("WITH") && Peek(1).IsKeyword("ORDINALITY");
  if (numbered) {
    Take();
    Take();
  }
  const std::size_t num_arrays = call.arguments.size();
  std::string name = call.name;
  std::vector<std::string> columns(num_arrays, name);
  columns.emplace_back("ordinality");
  DASHI_ASSIGN_OR_RETURN(const std::size_t num_listed,
                         ReadSetNames(&name, &columns, num_arrays + (numbered ? 1 : 0)));
  types_matter_ = true;
  std::string kinds;
  std::vector<TextReplacements::Piece> pieces{"(SELECT "};
  for (std::size_t i = 0; i < num_arrays + (numbered ? 1 : 0); ++i) {
    const bool position = i == num_arrays;
    const StaticType type = position || subscripts || ancestors
                                ? StaticType::kInteger
                                : ElementTypeOf(call.arguments[i].type);
    if (found_ != nullptr) {
      found_->NoteDerived(ToLowerAscii(columns[i]), type, /*is_listed=*/i < num_listed);
    }
    if (!position) {
      kinds += subscripts ? 's' : KindOfElements(call.arguments[i].type);
    }
    pieces.emplace_back(fmt::format("{}dashi_{} AS {}", i == 0 ? "" : ", ",
                                    position ? "position" : std::to_string(i + 1),
                                    QuotedName(columns[i])));
  }
  pieces.emplace_back(" FROM dashi_unnested('" + kinds + "'");
  for (const Operand& argument : call.arguments) {
    if (found_ != nullptr) {
      found_->NoteArray(argument.parameter, StaticType::kText);
    }
    pieces.emplace_back(", ");
    pieces.emplace_back(ancestors ? TextReplacements::Piece("'{}'")
                                  : TextReplacements::Piece(argument.range));
  }
  pieces.emplace_back(")) AS " + QuotedName(name));
  replacements_.Add({begin, end_}, std::move(pieces));
  return Status();
}

// array_agg(value [ORDER BY key, ...])
Result<Operand> Rewriter::ArrayAgg(const Call& call) {
  if (!call.regular || call.arguments.size() != 1) {
    return Status::InvalidArgument("array_agg takes a value")
        .WithSqlState("42883")
        .WithPosition(tokens_.PositionOfOffset(call.begin));
  }
  if (call.distinct && call.order.size() > 1) {
    return Status::Unimplemented("array_agg(DISTINCT ...) is ordered by its value alone")
        .WithPosition(tokens_.PositionOfOffset(call.order.front().range.begin));
  }
  const Operand& value = call.arguments.front();
  types_matter_ = true;
  std::vector<TextReplacements::Piece> pieces{
      fmt::format(" dashi_array_agg('{}{}', {}, ", call.distinct ? "D" : "A", call.order_spec,
                  value.type == StaticType::kBoolean ? 1 : 0),
      value.range};
  int depth = value.depth;
  for (const Operand& key : call.order) {
    pieces.emplace_back(", ");
    pieces.emplace_back(key.range);
    depth = std::max(depth, key.depth);
  }
  pieces.emplace_back(")");
  return Replace({call.begin, call.end}, std::move(pieces), ArrayTypeOf(value.type), depth);
}

// x::regclass and its kin: the number of an object.
Result<Operand> Rewriter::CastToObject(const Operand& operand, CastKind kind, TextRange range) {
  NoteUse(operand, StaticTypeOf(kind));
  types_matter_ = true;
  return Replace(range,
                 {" dashi_object(", operand.range, fmt::format(", {})", static_cast<int>(kind))},
                 StaticTypeOf(kind), operand.depth);
}

// The name of an object, written in `range`.
Operand Rewriter::ShowObject(const Operand& operand, TextRange range, StaticType type) {
  types_matter_ = true;
  return Replace(range,
                 {" dashi_object_name(", operand.range,
                  fmt::format(", {})", static_cast<int>(KindOfObject(operand.type)))},
                 type, operand.depth);
}

}  // namespace dashi::sql::postgres
