// What operators mean, as far as the types of their operands are known, and how replacements are
// made.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/cast.h"
#include "sql/postgres/literal.h"
#include "sql/postgres/rewriter.h"
#include "sql/postgres/statement_types.h"

namespace dashi::sql::postgres {

namespace {

/// How many replacements may stand in one another.
constexpr int kDepthMax = 300;

bool IsNumeric(StaticType type) {
  return type == StaticType::kInteger || type == StaticType::kNumeric || type == StaticType::kFloat;
}

bool IsMoment(StaticType type) {
  return type == StaticType::kDate || type == StaticType::kTime || type == StaticType::kTimestamp ||
         type == StaticType::kInterval;
}

bool IsString(const Operand& operand) {
  return operand.literal && operand.literal->kind == TokenKind::kString;
}

/// Whether a literal is a number other than 0.
bool IsNonZero(const Operand& operand) {
  if (!operand.literal || operand.literal->kind == TokenKind::kString) {
    return false;
  }
  const std::string_view text = operand.literal->text;
  const std::string_view digits = text.substr(0, text.find_first_of("eE"));
  return !text.starts_with("0x") && !text.starts_with("0X") &&
         digits.find_first_of("123456789") != std::string_view::npos;
}

/// The type to which PostgreSQL takes a string beside a value of another type.
std::optional<CastKind> LiteralKind(StaticType beside) {
  switch (beside) {
    case StaticType::kBoolean:
      return CastKind::kBoolean;
    case StaticType::kInteger:
      return CastKind::kInt8;
    case StaticType::kNumeric:
      return CastKind::kNumeric;
    case StaticType::kFloat:
      return CastKind::kFloat8;
    case StaticType::kDate:
      return CastKind::kDate;
    case StaticType::kTime:
      return CastKind::kTime;
    case StaticType::kTimestamp:
      return CastKind::kTimestamptz;
    case StaticType::kInterval:
      return CastKind::kInterval;
    case StaticType::kVector:
      return CastKind::kVector;
    case StaticType::kOid:
      return CastKind::kOid;
    case StaticType::kRegclass:
      return CastKind::kRegclass;
    case StaticType::kRegtype:
      return CastKind::kRegtype;
    case StaticType::kRegproc:
      return CastKind::kRegproc;
    case StaticType::kRegnamespace:
      return CastKind::kRegnamespace;
    case StaticType::kRegrole:
      return CastKind::kRegrole;
    default:
      return std::nullopt;
  }
}

/// What pgvector's operators compute; empty for others.
std::string_view DistanceFunction(const Token& op) {
  static constexpr std::pair<std::string_view, std::string_view> kFunctions[] = {
      {"<->", "l2_distance"},
      {"<=>", "cosine_distance"},
      {"<#>", "dashi_negative_inner_product"},
      {"<+>", "l1_distance"}};
  for (const auto& [text, function] : kFunctions) {
    if (op.text == text) {
      return function;
    }
  }
  return {};
}

StaticType TypeOfSum(StaticType a, StaticType b) {
  if (a == StaticType::kUnknown || b == StaticType::kUnknown || !IsNumeric(a) || !IsNumeric(b)) {
    return StaticType::kUnknown;
  }
  return std::max(a, b);  // Integer, numeric, float: the later takes the earlier.
}

/// The type of a sum or difference with a date, time, timestamp or interval.
StaticType TypeOfTimes(StaticType a, StaticType b, bool plus) {
  if (plus && b < a) {
    std::swap(a, b);  // Dates before times, timestamps and intervals, numbers before all.
  }
  const auto is = [&](StaticType x, StaticType y) { return a == x && b == y; };
  if (is(StaticType::kInterval, StaticType::kInterval) ||
      is(StaticType::kTime, StaticType::kTime)) {
    return StaticType::kInterval;
  }
  if (is(StaticType::kInteger, StaticType::kDate) || is(StaticType::kDate, StaticType::kInteger)) {
    return StaticType::kDate;
  }
  if (is(StaticType::kDate, StaticType::kDate)) {
    return StaticType::kInteger;
  }
  if (!IsMoment(a) || !IsMoment(b)) {
    return StaticType::kUnknown;
  }
  const bool points = a != StaticType::kInterval && b != StaticType::kInterval;
  if (!plus && points) {
    return StaticType::kInterval;
  }
  return is(StaticType::kTime, StaticType::kInterval) ? StaticType::kTime : StaticType::kTimestamp;
}

std::string TypeNumber(StaticType type) { return fmt::format(", {}", static_cast<int>(type)); }

}  // namespace

Operand Rewriter::Replace(TextRange range, std::vector<TextReplacements::Piece> pieces,
                          StaticType type, int depth) {
  replacements_.Add(range, std::move(pieces));
  Operand operand = Atom(range, type);
  operand.depth = depth + 1;
  deepest_ = std::max(deepest_, operand.depth);
  return operand;
}

Status Rewriter::CheckDepth(const Operand& operand) const {
  if (operand.depth <= kDepthMax) {
    return Status();
  }
  return Status::ResourceExhausted("the expression is nested too deeply")
      .WithSqlState("54001")
      .WithPosition(tokens_.PositionOf(Peek()));
}

void Rewriter::Parenthesize(Operand* operand, int level_min) {
  if (operand->level < level_min) {
    const StaticType type = operand->type;
    *operand = Replace(operand->range, {"(", operand->range, ")"}, type, operand->depth);
  }
}

Operand Rewriter::Infix(Operand left, Operand right, int sqlite_level, StaticType type) {
  Parenthesize(&left, sqlite_level);
  Parenthesize(&right, sqlite_level + 1);
  Operand operand = Atom({left.range.begin, right.range.end}, type);
  operand.level = sqlite_level;
  operand.depth = std::max(left.depth, right.depth);
  return operand;
}

Operand Rewriter::CallOf(std::string_view function, const std::vector<Operand>& arguments,
                         StaticType type) {
  std::vector<TextReplacements::Piece> pieces;
  int depth = 0;
  pieces.emplace_back(" " + std::string(function) + "(");
  for (const Operand& argument : arguments) {
    if (&argument != arguments.data()) {
      pieces.emplace_back(", ");
    }
    pieces.emplace_back(argument.range);
    depth = std::max(depth, argument.depth);
  }
  pieces.emplace_back(")");
  return Replace({arguments.front().range.begin, end_}, std::move(pieces), type, depth);
}

// CAST(operand AS target), written in `range`. Literals are cast at once.
Result<Operand> Rewriter::AddCast(const Operand& operand, CastTarget target, TextRange range) {
  if (IsRegistered(target.kind) && !target.array) {
    return CastToObject(operand, target.kind, range);
  }
  const StaticType type = target.array ? ArrayTypeOf(target.kind) : StaticTypeOf(target.kind);
  const bool text = target.kind == CastKind::kText || target.kind == CastKind::kVarchar ||
                    target.kind == CastKind::kName;
  if (IsRegistered(operand.type) && text && !target.array) {
    return ShowObject(operand, range, type);
  }
  if (target.array && found_ != nullptr) {
    found_->NoteArray(operand.parameter, StaticTypeOf(target.kind));
  }
  NoteUse(operand, target.array ? StaticType::kUnknown : type);
  if (operand.literal) {
    const bool decimal = operand.literal->kind == TokenKind::kDecimal;
    if (operand.literal->kind != TokenKind::kString && LiteralValue(*operand.literal).is_null()) {
      return Status::InvalidArgument("the number is too large: " +
                                     std::string(operand.literal->text))
          .WithSqlState("22003")
          .WithPosition(tokens_.PositionOf(*operand.literal));
    }
    const bool plain = target.kind == CastKind::kText && decimal &&
                       operand.literal->text.find_first_of("eE") == std::string_view::npos;
    Result<Value> value = plain ? Value::Text((operand.literal->text.starts_with('.') ? "0" : "") +
                                              std::string(operand.literal->text))
                                : Cast(LiteralValue(*operand.literal), target, operand.type);
    if (!value.ok()) {
      return std::move(value).status().WithPosition(tokens_.PositionOf(*operand.literal));
    }
    return Replace(range, {SqlText(*value)}, type, operand.depth);
  }
  types_matter_ = true;
  std::string rest = fmt::format(", {}{}, ", CastNumber(target), TypeNumber(operand.type));
  rest += target.modifier ? fmt::format("{})", *target.modifier) : "NULL)";
  return Replace(range, {" dashi_cast(", operand.range, std::move(rest)}, type, operand.depth);
}

// Takes strings beside values of a known type to that type, and makes dates and intervals
// comparable.
Status Rewriter::AlignTypes(Operand* left, Operand* right, bool compared) {
  NoteUse(*left, right->type);
  NoteUse(*right, left->type);
  types_matter_ = types_matter_ || IsString(*left) || IsString(*right) || IsMoment(left->type) ||
                  IsMoment(right->type);
  for (const auto& [literal, beside] : {std::pair(left, right), std::pair(right, left)}) {
    const std::optional<CastKind> kind = LiteralKind(beside->type);
    if (IsString(*literal) && kind) {
      DASHI_ASSIGN_OR_RETURN(*literal, AddCast(*literal, {*kind, std::nullopt}, literal->range));
    }
  }
  if (!compared) {
    return Status();
  }
  if (left->type == StaticType::kInterval || right->type == StaticType::kInterval) {
    for (Operand* operand : {left, right}) {
      *operand = Replace(operand->range, {" dashi_interval_order(", operand->range, ")"},
                         StaticType::kInterval, operand->depth);
    }
  }
  for (const auto& [date, beside] : {std::pair(left, right), std::pair(right, left)}) {
    if (date->type == StaticType::kDate && beside->type == StaticType::kTimestamp) {
      DASHI_ASSIGN_OR_RETURN(*date,
                             AddCast(*date, {CastKind::kTimestamptz, std::nullopt}, date->range));
    }
  }
  return Status();
}

Result<Operand> Rewriter::Arithmetic(Operand left, const Token& op, Operand right,
                                     int sqlite_level) {
  types_matter_ = true;
  if (const std::string_view function = DistanceFunction(op); !function.empty()) {
    for (Operand* operand : {&left, &right}) {
      NoteUse(*operand, StaticType::kVector);
      if (IsString(*operand)) {
        DASHI_ASSIGN_OR_RETURN(
            *operand, AddCast(*operand, {CastKind::kVector, std::nullopt}, operand->range));
      }
    }
    Operand distance = CallOf(function, {left, right}, StaticType::kFloat);
    distance.is_distance = true;
    return distance;
  }
  if (left.type == StaticType::kVector || right.type == StaticType::kVector) {
    return tokens_.Unsupported(
        op, "the operator " + std::string(op.text) + " is not supported of vectors");
  }
  if (op.text == "||") {
    NoteUse(left, StaticType::kText);
    NoteUse(right, StaticType::kText);
    return Concatenation(left, right, sqlite_level);
  }
  if (op.text == "^") {
    return CallOf("power", {left, right}, StaticType::kFloat);
  }
  if (op.text == "#") {
    return CallOf("dashi_xor", {left, right}, StaticType::kInteger);
  }
  const bool moments = IsMoment(left.type) || IsMoment(right.type);
  if (op.text == "+" || op.text == "-") {
    if (!moments) {
      DASHI_RETURN_IF_ERROR(AlignTypes(&left, &right, /*compared=*/false));
    }
    return Sum(left, op, right, sqlite_level);
  }
  if (op.text == "*" || op.text == "/" || op.text == "%") {
    if (!moments) {
      DASHI_RETURN_IF_ERROR(AlignTypes(&left, &right, /*compared=*/false));
    }
    return Product(left, op, right, sqlite_level);
  }
  return Infix(left, right, sqlite_level, StaticType::kUnknown);
}

Result<Operand> Rewriter::Sum(Operand left, const Token& op, Operand right, int sqlite_level) {
  const bool plus = op.text == "+";
  if (!IsMoment(left.type) && !IsMoment(right.type)) {
    // Only the values tell whether columns are numbers or times.
    const auto may_be_time = [](const Operand& operand) {
      return !operand.literal &&
             (operand.type == StaticType::kUnknown || operand.type == StaticType::kText);
    };
    const bool open = may_be_time(left) && may_be_time(right);
    if (!plus && open) {
      return CallOf("dashi_minus", {left, right}, StaticType::kUnknown);
    }
    const StaticType type = TypeOfSum(left.type, right.type);
    return Infix(left, right, sqlite_level, type);
  }
  // A string beside a time is an interval when it is added, and of the same type otherwise.
  for (const auto& [literal, beside] : {std::pair(&left, &right), std::pair(&right, &left)}) {
    if (IsString(*literal)) {
      if (plus && beside->type == StaticType::kDate) {
        return Status::InvalidArgument("a string beside a date may be an interval or a time")
            .WithSqlState("42725")
            .WithPosition(tokens_.PositionOf(op))
            .WithHint("Write interval '...' or time '...'.");
      }
      const bool interval = plus || beside->type == StaticType::kInterval;
      const std::optional<CastKind> kind = LiteralKind(beside->type);
      DASHI_ASSIGN_OR_RETURN(
          *literal, AddCast(*literal, {interval ? CastKind::kInterval : *kind, std::nullopt},
                            literal->range));
    }
  }
  const StaticType type = TypeOfTimes(left.type, right.type, plus);
  return Replace({left.range.begin, right.range.end},
                 {plus ? " dashi_time_add(" : " dashi_time_subtract(", left.range,
                  TypeNumber(left.type) + ", ", right.range, TypeNumber(right.type) + ")"},
                 type, std::max(left.depth, right.depth));
}

Result<Operand> Rewriter::Product(Operand left, const Token& op, Operand right, int sqlite_level) {
  const bool interval = left.type == StaticType::kInterval || right.type == StaticType::kInterval;
  if (interval && op.text != "%") {
    return CallOf(op.text == "*" ? "dashi_interval_times" : "dashi_interval_divide", {left, right},
                  StaticType::kInterval);
  }
  if (IsMoment(left.type) || IsMoment(right.type)) {
    return Status::InvalidArgument("operator does not exist for dates and times: " +
                                   std::string(op.text))
        .WithSqlState("42883")
        .WithPosition(tokens_.PositionOf(op));
  }
  const StaticType type = TypeOfSum(left.type, right.type);
  const bool plain = op.text == "*" ||
                     (IsNonZero(right) && (op.text == "/" || (left.type == StaticType::kInteger &&
                                                              right.type == StaticType::kInteger)));
  if (plain) {
    return Infix(left, right, sqlite_level, type);
  }
  return CallOf(op.text == "/" ? "dashi_divide" : "dashi_modulo", {left, right}, type);
}

Result<Operand> Rewriter::Concatenation(Operand left, Operand right, int sqlite_level) {
  for (Operand* operand : {&left, &right}) {
    const bool shown_otherwise = operand->type == StaticType::kBoolean ||
                                 operand->type == StaticType::kNumeric ||
                                 operand->type == StaticType::kFloat;
    if (shown_otherwise) {
      DASHI_ASSIGN_OR_RETURN(*operand,
                             AddCast(*operand, {CastKind::kText, std::nullopt}, operand->range));
    }
  }
  return Infix(left, right, sqlite_level, StaticType::kText);
}

}  // namespace dashi::sql::postgres
