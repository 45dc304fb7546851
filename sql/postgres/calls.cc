// Calls of functions, and the calls that have words of their own inside.

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/literal.h"
#include "sql/postgres/rewriter.h"
#include "sql/postgres/statement_types.h"

namespace dashi::sql::postgres {

namespace {

struct RefusedFunction {
  std::string_view name;
  std::string_view hint;
};

constexpr RefusedFunction kRefusedFunctions[] = {
    {"json_agg", "Write json_group_array(x)."},
    {"jsonb_agg", "Write json_group_array(x)."},
    {"json_object_agg", "Write json_group_object(key, value)."},
    {"jsonb_object_agg", "Write json_group_object(key, value)."},
    {"json_array_elements", "Write json_each(x)."},
    {"jsonb_array_elements", "Write json_each(x)."},
    {"row_to_json", "Write json_object(key, value, ...)."},
    {"to_json", ""},
    {"to_jsonb", ""},
    {"regexp_replace", "Write replace(x, from, to)."},
    {"regexp_matches", ""},
    {"regexp_match", ""},
    {"regexp_split_to_array", ""},
    {"regexp_split_to_table", ""},
    {"regexp_count", ""},
    {"regexp_instr", ""},
    {"regexp_like", ""},
    {"regexp_substr", ""},
    {"to_date", "Cast an ISO 8601 text: x::date."},
    {"to_number", "Cast the text: x::numeric."},
    {"to_tsvector", "Search with topk(text, k)."},
    {"to_tsquery", "Search with topk(text, k)."},
    {"plainto_tsquery", "Search with topk(text, k)."},
    {"make_interval", "Write interval '1 day 2 hours'."},
    {"justify_days", ""},
    {"justify_hours", ""},
    {"justify_interval", ""},
    {"timezone", "All timestamps are UTC."},
    {"date_bin", "Use date_trunc(field, x)."},
    {"width_bucket", ""},
    {"setseed", ""},
    {"encode", "Write hex(x)."},
    {"decode", "Write x'00ff' or '\\x00ff'::bytea."},
    {"pg_typeof", "Write typeof(x)."},
    {"corr", ""},
    {"covar_pop", ""},
    {"covar_samp", ""},
    {"regr_slope", ""},
    {"regr_intercept", ""},
    {"regr_r2", ""},
    {"grouping", ""},
    {"rollup", ""},
    {"cube", ""},
    {"xmlagg", ""},
    {"bit_and", ""},
    {"bit_or", ""},
    {"generate_series", "It is supported in FROM."},
};

struct TypedFunction {
  std::string_view name;
  StaticType type;
};

constexpr TypedFunction kTypedFunctions[] = {
    {"exists", StaticType::kBoolean},
    {"starts_with", StaticType::kBoolean},
    {"bool_and", StaticType::kBoolean},
    {"bool_or", StaticType::kBoolean},
    {"every", StaticType::kBoolean},
    {"count", StaticType::kInteger},
    {"length", StaticType::kInteger},
    {"char_length", StaticType::kInteger},
    {"character_length", StaticType::kInteger},
    {"octet_length", StaticType::kInteger},
    {"strpos", StaticType::kInteger},
    {"ascii", StaticType::kInteger},
    {"row_number", StaticType::kInteger},
    {"rank", StaticType::kInteger},
    {"dense_rank", StaticType::kInteger},
    {"ntile", StaticType::kInteger},
    {"stddev", StaticType::kNumeric},
    {"stddev_samp", StaticType::kNumeric},
    {"stddev_pop", StaticType::kNumeric},
    {"variance", StaticType::kNumeric},
    {"var_samp", StaticType::kNumeric},
    {"var_pop", StaticType::kNumeric},
    {"avg", StaticType::kNumeric},
    {"sqrt", StaticType::kFloat},
    {"cbrt", StaticType::kFloat},
    {"ln", StaticType::kFloat},
    {"log", StaticType::kFloat},
    {"exp", StaticType::kFloat},
    {"power", StaticType::kFloat},
    {"random", StaticType::kFloat},
    {"date_part", StaticType::kFloat},
    {"upper", StaticType::kText},
    {"lower", StaticType::kText},
    {"initcap", StaticType::kText},
    {"substr", StaticType::kText},
    {"substring", StaticType::kText},
    {"left", StaticType::kText},
    {"right", StaticType::kText},
    {"concat", StaticType::kText},
    {"concat_ws", StaticType::kText},
    {"replace", StaticType::kText},
    {"to_char", StaticType::kText},
    {"md5", StaticType::kText},
    {"string_agg", StaticType::kText},
    {"now", StaticType::kTimestamp},
    {"statement_timestamp", StaticType::kTimestamp},
    {"transaction_timestamp", StaticType::kTimestamp},
    {"clock_timestamp", StaticType::kTimestamp},
    {"date_trunc", StaticType::kTimestamp},
    {"to_timestamp", StaticType::kTimestamp},
    {"make_timestamp", StaticType::kTimestamp},
    {"make_timestamptz", StaticType::kTimestamp},
    {"make_date", StaticType::kDate},
    {"date", StaticType::kDate},
    {"age", StaticType::kInterval},
    {"l2_distance", StaticType::kFloat},
    {"l1_distance", StaticType::kFloat},
    {"cosine_distance", StaticType::kFloat},
    {"inner_product", StaticType::kFloat},
    {"vector_norm", StaticType::kFloat},
    {"vector_dims", StaticType::kInteger},
    {"l2_normalize", StaticType::kVector},
    {"array_length", StaticType::kInteger},
    {"array_upper", StaticType::kInteger},
    {"array_lower", StaticType::kInteger},
    {"array_ndims", StaticType::kInteger},
    {"array_position", StaticType::kInteger},
    {"cardinality", StaticType::kInteger},
    {"array_to_string", StaticType::kText},
    {"string_to_array", StaticType::kTextArray},
    {"current_schemas", StaticType::kNameArray},
    {"current_database", StaticType::kName},
    {"current_schema", StaticType::kName},
    {"current_user", StaticType::kName},
    {"session_user", StaticType::kName},
    {"current_setting", StaticType::kText},
    {"version", StaticType::kText},
    {"format_type", StaticType::kText},
    {"quote_ident", StaticType::kText},
    {"quote_literal", StaticType::kText},
    {"obj_description", StaticType::kText},
    {"col_description", StaticType::kText},
    {"shobj_description", StaticType::kText},
    {"pg_get_userbyid", StaticType::kName},
    {"pg_get_expr", StaticType::kText},
    {"pg_get_indexdef", StaticType::kText},
    {"pg_get_constraintdef", StaticType::kText},
    {"pg_get_viewdef", StaticType::kText},
    {"pg_get_function_arguments", StaticType::kText},
    {"pg_get_function_identity_arguments", StaticType::kText},
    {"pg_get_function_result", StaticType::kText},
    {"pg_get_serial_sequence", StaticType::kText},
    {"pg_get_partkeydef", StaticType::kText},
    {"pg_get_triggerdef", StaticType::kText},
    {"pg_get_ruledef", StaticType::kText},
    {"pg_encoding_to_char", StaticType::kName},
    {"pg_size_pretty", StaticType::kText},
    {"pg_table_is_visible", StaticType::kBoolean},
    {"pg_type_is_visible", StaticType::kBoolean},
    {"pg_function_is_visible", StaticType::kBoolean},
    {"pg_collation_is_visible", StaticType::kBoolean},
    {"pg_is_in_recovery", StaticType::kBoolean},
    {"pg_relation_is_publishable", StaticType::kBoolean},
    {"pg_is_other_temp_schema", StaticType::kBoolean},
    {"has_table_privilege", StaticType::kBoolean},
    {"has_any_column_privilege", StaticType::kBoolean},
    {"has_column_privilege", StaticType::kBoolean},
    {"has_schema_privilege", StaticType::kBoolean},
    {"has_database_privilege", StaticType::kBoolean},
    {"has_function_privilege", StaticType::kBoolean},
    {"has_sequence_privilege", StaticType::kBoolean},
    {"has_type_privilege", StaticType::kBoolean},
    {"pg_has_role", StaticType::kBoolean},
    {"pg_backend_pid", StaticType::kInteger},
    {"pg_cancel_backend", StaticType::kBoolean},
    {"pg_terminate_backend", StaticType::kBoolean},
    {"pg_partition_ancestors", StaticType::kRegclass},
    {"pg_partition_root", StaticType::kRegclass},
    {"to_regclass", StaticType::kRegclass},
    {"to_regtype", StaticType::kRegtype},
    {"to_regproc", StaticType::kRegproc},
    {"to_regnamespace", StaticType::kRegnamespace},
    {"to_regrole", StaticType::kRegrole},
};

/// Functions whose value has the type of their first argument.
constexpr std::string_view kSameType[] = {"coalesce", "nullif", "greatest",    "least",      "min",
                                          "max",      "sum",    "first_value", "last_value", "lag",
                                          "lead",     "abs",    "mod"};
/// Functions that give numeric where they get an integer or numeric, and float where they get that.
constexpr std::string_view kNumericOrFloat[] = {"round",   "trunc", "ceil",
                                                "ceiling", "floor", "sign"};
/// Functions that show their arguments as text.
constexpr std::string_view kShowing[] = {"concat", "concat_ws", "format"};

template <std::size_t kSize>
bool Has(const std::string_view (&names)[kSize], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

Result<Operand> Rewriter::ReadCall(std::string name, TextRange name_range) {
  const int outside = std::exchange(deepest_, 0);
  Result<Operand> operand = ReadCallInside(std::move(name), name_range);
  if (operand.ok()) {
    operand->depth = std::max(operand->depth, deepest_);
  }
  deepest_ = std::max(deepest_, outside);
  return operand;
}

Result<Operand> Rewriter::ReadCallInside(std::string name, TextRange name_range) {
  Call call;
  call.name = std::move(name);
  call.name_range = name_range;
  call.begin = name_range.begin;
  for (const RefusedFunction& refused : kRefusedFunctions) {
    if (call.name == refused.name) {
      return Status::Unimplemented("the function " + call.name + " is not supported")
          .WithPosition(tokens_.PositionOfOffset(name_range.begin))
          .WithHint(std::string(refused.hint));
    }
  }
  if (call.name == "cast") {
    return ReadCast(call.begin);
  }
  if (call.name == "position") {
    return ReadPosition(call.begin);
  }
  if (call.name == "extract") {
    return ReadExtract(call.begin);
  }
  if (call.name == "trim") {
    return ReadTrim(call);
  }
  DASHI_ASSIGN_OR_RETURN(call, ReadArguments(std::move(call)));
  if (call.name == "percentile_cont" || call.name == "percentile_disc" || call.name == "mode") {
    return WithinGroup(std::move(call));
  }
  if (call.name == "string_agg") {
    DASHI_ASSIGN_OR_RETURN(const Operand operand, StringAgg(call));
    return ReadCallTail(operand, call);
  }
  if (call.name == "array_agg") {
    DASHI_ASSIGN_OR_RETURN(const Operand operand, ArrayAgg(call));
    return ReadCallTail(operand, call);
  }
  if (IsSetFunction(call.name)) {
    return ReadSetCall(call);
  }
  if (!call.order.empty()) {
    return Status::Unimplemented(
               "ORDER BY inside an aggregate is supported by string_agg and array_agg alone")
        .WithPosition(tokens_.PositionOfOffset(call.order.front().range.begin));
  }
  return FinishCall(call);
}

// Reads (arguments [ORDER BY keys]).
Result<Rewriter::Call> Rewriter::ReadArguments(Call call) {
  Take();
  call.inside.begin = end_;
  if (Peek().IsKeyword("DISTINCT") || Peek().IsKeyword("ALL")) {
    call.distinct = Peek().IsKeyword("DISTINCT");
    Take();
  }
  if (Peek().IsKeyword("VARIADIC")) {
    return tokens_.Unsupported(Peek(), "VARIADIC is not supported");
  }
  const bool query =
      Peek().IsKeyword("SELECT") || Peek().IsKeyword("VALUES") || Peek().IsKeyword("WITH");
  while (!query && !tokens_.AtEnd() && !Peek().IsOperator(")")) {
    DASHI_ASSIGN_OR_RETURN(Operand argument, ReadExpression(kLevelOr));
    call.arguments.push_back(argument);
    const bool word =
        call.arguments.size() == 1 && (Peek().IsKeyword("FROM") || Peek().IsKeyword("FOR"));
    if (call.name == "substring" && word) {
      return call;  // The rest is ReadSubstring's.
    }
    if (call.name == "overlay" && Peek().IsKeyword("PLACING")) {
      return call;
    }
    if (!Peek().IsOperator(",")) {
      break;
    }
    Take();
  }
  if (Peek().IsKeyword("ORDER") && Peek(1).IsKeyword("BY")) {
    DASHI_RETURN_IF_ERROR(ReadCallOrder(&call));
  }
  if (!Peek().IsOperator(")")) {
    call.regular = false;
    DASHI_ASSIGN_OR_RETURN(const Body rest, ReadBody());
    static_cast<void>(rest);
  }
  call.inside.end = std::max(call.inside.begin, Begin());
  if (Peek().IsOperator(")")) {
    Take();
  }
  call.end = end_;
  return call;
}

Status Rewriter::ReadCallOrder(Call* call) {
  Take();
  do {
    Take();  // BY or the comma
    DASHI_ASSIGN_OR_RETURN(Operand key, ReadExpression(kLevelOr));
    call->order.push_back(key);
    const bool descending = Peek().IsKeyword("DESC");
    if (descending || Peek().IsKeyword("ASC")) {
      Take();
    }
    bool nulls_first = descending;
    if (Peek().IsKeyword("NULLS")) {
      nulls_first = Peek(1).IsKeyword("FIRST");
      Take();
      Take();
    }
    call->order_spec += descending ? 'd' : 'a';
    call->order_spec += nulls_first ? 'f' : 'l';
  } while (Peek().IsOperator(","));
  return Status();
}

Result<Operand> Rewriter::FinishCall(const Call& call) {
  if (call.name == "substring" && call.end == 0) {
    return ReadSubstring(call);
  }
  if (call.name == "overlay" && call.end == 0) {
    return ReadOverlay(call);
  }
  const bool of_interval =
      !call.arguments.empty() && call.arguments.front().type == StaticType::kInterval;
  if (of_interval && (call.name == "sum" || call.name == "avg" || call.name == "min" ||
                      call.name == "max" || call.name == "greatest" || call.name == "least")) {
    return Status::Unimplemented(call.name + " of intervals is not supported")
        .WithPosition(tokens_.PositionOfOffset(call.begin))
        .WithHint("Take their seconds: extract(epoch FROM x).");
  }
  const bool of_vector =
      !call.arguments.empty() && call.arguments.front().type == StaticType::kVector;
  if (of_vector && (call.name == "sum" || call.name == "avg" || call.name == "total")) {
    return Status::Unimplemented(call.name + " of vectors is not supported")
        .WithPosition(tokens_.PositionOfOffset(call.begin));
  }
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    NoteUse(call.arguments[i], ArgumentType(call.name, i));
  }
  DASHI_RETURN_IF_ERROR(RenameCall(call));
  Operand operand = Atom({call.begin, call.end}, TypeOfCall(call));
  for (const Operand& argument : call.arguments) {
    operand.depth = std::max(operand.depth, argument.depth);
  }
  return ReadCallTail(operand, call);
}

// Gives a function the name that it has here, and shows booleans as PostgreSQL does.
Status Rewriter::RenameCall(const Call& call) {
  if (call.name == "json_build_object" || call.name == "jsonb_build_object" ||
      call.name == "json_build_array") {
    return RenameJsonCall(call);
  }
  if (call.name == "left" || call.name == "right") {  // Words of JOIN to SQLite.
    replacements_.Add(call.name_range, {"\"" + call.name + "\""});
  } else if (call.name == "round" && call.arguments.size() == 1 &&
             call.arguments.front().type == StaticType::kFloat) {
    replacements_.Add(call.name_range, {"dashi_round_even"});
  } else if (call.name == "date_part" && call.arguments.size() == 2) {
    const Operand& moment = call.arguments.back();
    replacements_.Add(call.name_range, {"dashi_date_part"});
    replacements_.Add(moment.range,
                      {moment.range, fmt::format(", {}", static_cast<int>(moment.type))});
  }
  const bool showing = Has(kShowing, call.name);
  types_matter_ = types_matter_ || showing || call.name == "round" || call.name == "date_part";
  if (!showing) {
    return Status();
  }
  for (const Operand& argument : call.arguments) {
    if (argument.type == StaticType::kBoolean) {
      Replace(argument.range, {" dashi_boolean_text(", argument.range, ")"}, StaticType::kText,
              argument.depth);
    } else if (argument.type == StaticType::kNumeric) {
      DASHI_ASSIGN_OR_RETURN(const Operand text,
                             AddCast(argument, {CastKind::kText, std::nullopt}, argument.range));
      static_cast<void>(text);
    }
  }
  return Status();
}

// json_build_object and json_build_array, in which booleans are booleans.
Status Rewriter::RenameJsonCall(const Call& call) {
  replacements_.Add(call.name_range,
                    {call.name == "json_build_array" ? "json_array" : "json_object"});
  types_matter_ = true;
  for (const Operand& argument : call.arguments) {
    if (argument.type == StaticType::kBoolean) {
      Replace(argument.range, {" json(dashi_truth(", argument.range, "))"}, StaticType::kText,
              argument.depth);
    }
  }
  return Status();
}

StaticType Rewriter::TypeOfCall(const Call& call) const {
  const auto typed = std::find_if(call.arguments.begin(), call.arguments.end(),
                                  [](const Operand& one) { return !one.takes_any_type; });
  const StaticType first = typed == call.arguments.end() ? StaticType::kUnknown : typed->type;
  if (Has(kSameType, call.name)) {
    const bool same = std::all_of(
        call.arguments.begin(), call.arguments.end(),
        [&](const Operand& one) { return one.type == first || one.literal || one.takes_any_type; });
    return same || call.name == "lag" || call.name == "lead" ? first : StaticType::kUnknown;
  }
  if (Has(kNumericOrFloat, call.name)) {
    if (call.arguments.size() == 2) {
      return StaticType::kNumeric;
    }
    return first == StaticType::kInteger ? StaticType::kFloat : first;
  }
  if (call.name == "array_remove" || call.name == "array_append" || call.name == "array_cat") {
    const bool array = ElementTypeOf(first) != StaticType::kUnknown;
    return array ? first : StaticType::kTextArray;
  }
  if (call.name == "avg" && first == StaticType::kFloat) {
    return StaticType::kFloat;
  }
  for (const TypedFunction& function : kTypedFunctions) {
    if (function.name == call.name) {
      return function.type;
    }
  }
  return StaticType::kUnknown;
}

// FILTER (...) and OVER (...) or OVER name.
Result<Operand> Rewriter::ReadCallTail(Operand operand, const Call& call) {
  if (Peek().IsKeyword("WITHIN") && Peek(1).IsKeyword("GROUP")) {
    return tokens_.Unsupported(Peek(), "WITHIN GROUP is not supported for " + call.name);
  }
  for (const char* word : {"FILTER", "OVER"}) {
    if (!Peek().IsKeyword(word)) {
      continue;
    }
    const bool group = Peek(1).IsOperator("(");
    if (!group && !(Peek().IsKeyword("OVER") && Peek(1).kind == TokenKind::kIdentifier)) {
      continue;
    }
    Take();
    if (group) {
      DASHI_ASSIGN_OR_RETURN(const Operand inside, ReadGroup());
      operand.depth = std::max(operand.depth, inside.depth);
    } else {
      Take();
    }
    operand.range.end = end_;
  }
  return operand;
}

// CAST(x AS type). CAST(x AS BLOB) is SQLite's.
Result<Operand> Rewriter::ReadCast(std::size_t begin) {
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand operand, ReadExpression(kLevelOr));
  if (!Peek().IsKeyword("AS")) {
    return tokens_.SyntaxError("AS and the name of a type");
  }
  Take();
  if (Peek().IsKeyword("BLOB")) {
    Take();
    if (Peek().IsOperator(")")) {
      Take();
    }
    return Atom({begin, end_}, StaticType::kBytes);
  }
  DASHI_ASSIGN_OR_RETURN(const CastTarget target, ExpectTypeName(tokens_));
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  return AddCast(operand, target, {begin, end_});
}

// position(part IN text)
Result<Operand> Rewriter::ReadPosition(std::size_t begin) {
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand part, ReadExpression(kLevelLike + 1));
  if (!Peek().IsKeyword("IN")) {
    return tokens_.SyntaxError("IN");
  }
  Take();
  DASHI_ASSIGN_OR_RETURN(const Operand text, ReadExpression(kLevelLike + 1));
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  return Replace({begin, end_}, {" strpos(", text.range, ", ", part.range, ")"},
                 StaticType::kInteger, std::max(part.depth, text.depth));
}

// extract(field FROM moment)
Result<Operand> Rewriter::ReadExtract(std::size_t begin) {
  Take();
  const Token field = Peek();
  if (field.kind != TokenKind::kIdentifier && field.kind != TokenKind::kString) {
    return tokens_.SyntaxError("a field, such as year");
  }
  Take();
  if (!Peek().IsKeyword("FROM")) {
    return tokens_.SyntaxError("FROM");
  }
  Take();
  types_matter_ = true;
  DASHI_ASSIGN_OR_RETURN(const Operand moment, ReadExpression(kLevelOr));
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  const std::string name =
      field.kind == TokenKind::kString ? SqlText(LiteralValue(field)) : "'" + field.Name() + "'";
  return Replace({begin, end_},
                 {" dashi_date_part(" + name + ", ", moment.range,
                  fmt::format(", {})", static_cast<int>(moment.type))},
                 StaticType::kNumeric, moment.depth);
}

// substring(text FROM n FOR m); the text has been read.
Result<Operand> Rewriter::ReadSubstring(const Call& call) {
  std::optional<Operand> from;
  std::optional<Operand> count;
  while (Peek().IsKeyword("FROM") || Peek().IsKeyword("FOR")) {
    const bool is_from = Peek().IsKeyword("FROM");
    Take();
    DASHI_ASSIGN_OR_RETURN(Operand operand, ReadExpression(kLevelOr));
    (is_from ? from : count) = operand;
  }
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  if (from && from->literal && from->literal->kind == TokenKind::kString) {
    return tokens_.Unsupported(*from->literal, "substring with a pattern is not supported");
  }
  Take();
  const Operand& text = call.arguments.front();
  std::vector<TextReplacements::Piece> pieces{" substr(", text.range, ", "};
  int depth = text.depth;
  if (from) {
    pieces.emplace_back(from->range);
    depth = std::max(depth, from->depth);
  } else {
    pieces.emplace_back("1");
  }
  if (count) {
    pieces.emplace_back(", ");
    pieces.emplace_back(count->range);
    depth = std::max(depth, count->depth);
  }
  pieces.emplace_back(")");
  return Replace({call.begin, end_}, std::move(pieces), StaticType::kText, depth);
}

// trim([LEADING | TRAILING | BOTH] [characters] FROM text), or SQLite's trim(text, characters).
Result<Operand> Rewriter::ReadTrim(const Call& call) {
  Take();
  std::string function = "trim";
  bool words = false;
  for (const auto& [word, name] :
       {std::pair("LEADING", "ltrim"), std::pair("TRAILING", "rtrim"), std::pair("BOTH", "trim")}) {
    if (!words && Peek().IsKeyword(word)) {
      function = name;
      words = true;
      Take();
    }
  }
  std::vector<Operand> operands;
  while (!tokens_.AtEnd() && !Peek().IsOperator(")")) {
    if (Peek().IsKeyword("FROM") || Peek().IsOperator(",")) {
      words = words || Peek().IsKeyword("FROM");
      Take();
      continue;
    }
    const std::size_t before = Begin();
    DASHI_ASSIGN_OR_RETURN(Operand operand, ReadExpression(kLevelOr));
    if (Begin() == before) {
      break;
    }
    operands.push_back(operand);
  }
  if (!Peek().IsOperator(")") || operands.empty() || operands.size() > 2) {
    return tokens_.SyntaxError("the arguments of trim");
  }
  Take();
  int depth = 0;
  for (const Operand& operand : operands) {
    depth = std::max(depth, operand.depth);
  }
  if (!words) {
    Operand operand = Atom({call.begin, end_}, StaticType::kText);
    operand.depth = depth;
    return operand;
  }
  std::vector<TextReplacements::Piece> pieces{" " + function + "(", operands.back().range};
  if (operands.size() == 2) {
    pieces.emplace_back(", ");
    pieces.emplace_back(operands.front().range);
  }
  pieces.emplace_back(")");
  return Replace({call.begin, end_}, std::move(pieces), StaticType::kText, depth);
}

// overlay(text PLACING new FROM n [FOR m]); the text has been read.
Result<Operand> Rewriter::ReadOverlay(const Call& call) {
  std::vector<TextReplacements::Piece> pieces{" overlay(", call.arguments.front().range};
  int depth = call.arguments.front().depth;
  for (const char* word : {"PLACING", "FROM", "FOR"}) {
    if (!Peek().IsKeyword(word)) {
      if (std::string_view(word) == "FOR") {
        break;
      }
      return tokens_.SyntaxError(word);
    }
    Take();
    DASHI_ASSIGN_OR_RETURN(const Operand operand, ReadExpression(kLevelOr));
    pieces.emplace_back(", ");
    pieces.emplace_back(operand.range);
    depth = std::max(depth, operand.depth);
  }
  if (!Peek().IsOperator(")")) {
    return tokens_.SyntaxError("a closing parenthesis");
  }
  Take();
  pieces.emplace_back(")");
  return Replace({call.begin, end_}, std::move(pieces), StaticType::kText, depth);
}

// string_agg(value, separator) has an order of its own in another function.
Result<Operand> Rewriter::StringAgg(const Call& call) {
  if (!call.regular || call.arguments.size() != 2) {
    return Status::InvalidArgument("string_agg takes a value and a separator")
        .WithSqlState("42883")
        .WithPosition(tokens_.PositionOfOffset(call.begin));
  }
  if (call.order.empty() && !call.distinct) {
    return Atom({call.begin, call.end}, StaticType::kText);
  }
  if (call.distinct && call.order.size() > 1) {
    return Status::Unimplemented("string_agg(DISTINCT ...) is ordered by its value alone")
        .WithPosition(tokens_.PositionOfOffset(call.order.front().range.begin));
  }
  std::vector<TextReplacements::Piece> pieces{
      " dashi_string_agg('" + std::string(call.distinct ? "D" : "A") + call.order_spec + "', ",
      call.arguments[0].range, ", ", call.arguments[1].range};
  int depth = std::max(call.arguments[0].depth, call.arguments[1].depth);
  for (const Operand& key : call.order) {
    pieces.emplace_back(", ");
    pieces.emplace_back(key.range);
    depth = std::max(depth, key.depth);
  }
  pieces.emplace_back(")");
  return Replace({call.begin, call.end}, std::move(pieces), StaticType::kText, depth);
}

// percentile_cont(fraction) WITHIN GROUP (ORDER BY value)
Result<Operand> Rewriter::WithinGroup(Call call) {
  const bool mode = call.name == "mode";
  if (!Peek().IsKeyword("WITHIN")) {
    return tokens_.SyntaxError("WITHIN GROUP (ORDER BY ...)");
  }
  Take();
  Take();
  if (!Peek().IsOperator("(") || !Peek(1).IsKeyword("ORDER")) {
    return tokens_.SyntaxError("(ORDER BY ...)");
  }
  Take();
  DASHI_RETURN_IF_ERROR(ReadCallOrder(&call));
  if (!Peek().IsOperator(")") || call.order.size() != 1 ||
      call.arguments.size() != (mode ? 0 : 1)) {
    return tokens_.SyntaxError("one key to order by, and one fraction");
  }
  Take();
  std::vector<TextReplacements::Piece> pieces{" dashi_" + call.name + "("};
  int depth = call.order.front().depth;
  if (mode) {
    pieces.emplace_back("0");
  } else {
    pieces.emplace_back(call.arguments.front().range);
    depth = std::max(depth, call.arguments.front().depth);
  }
  pieces.emplace_back(", ");
  pieces.emplace_back(call.order.front().range);
  pieces.emplace_back(", '" + call.order_spec + "')");
  const TextRange range{call.begin, end_};
  const StaticType type =
      call.name == "percentile_cont" ? StaticType::kFloat : call.order.front().type;
  return ReadCallTail(Replace(range, std::move(pieces), type, depth), call);
}

}  // namespace dashi::sql::postgres
