#include "sql/postgres/types.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "base/nearest_name.h"
#include "base/status.h"
#include "base/vector_codec.h"

namespace dashi::sql::postgres {

namespace {

struct TypeName {
  std::string_view name;
  CastKind kind;
};

constexpr TypeName kTypes[] = {
    {"bool", CastKind::kBoolean},
    {"boolean", CastKind::kBoolean},
    {"int2", CastKind::kInt2},
    {"smallint", CastKind::kInt2},
    {"int", CastKind::kInt4},
    {"integer", CastKind::kInt4},
    {"int4", CastKind::kInt4},
    {"int8", CastKind::kInt8},
    {"bigint", CastKind::kInt8},
    {"real", CastKind::kFloat8},
    {"float4", CastKind::kFloat4},
    {"float8", CastKind::kFloat8},
    {"float", CastKind::kFloat8},
    {"double", CastKind::kFloat8},
    {"numeric", CastKind::kNumeric},
    {"decimal", CastKind::kNumeric},
    {"dec", CastKind::kNumeric},
    {"text", CastKind::kText},
    {"varchar", CastKind::kVarchar},
    {"character", CastKind::kVarchar},
    {"bytea", CastKind::kBytes},
    {"date", CastKind::kDate},
    {"time", CastKind::kTime},
    {"timestamp", CastKind::kTimestamp},
    {"timestamptz", CastKind::kTimestamptz},
    {"interval", CastKind::kInterval},
    {"json", CastKind::kJson},
    {"oid", CastKind::kOid},
    {"name", CastKind::kName},
    {"vector", CastKind::kVector},
    {"regclass", CastKind::kRegclass},
    {"regtype", CastKind::kRegtype},
    {"regproc", CastKind::kRegproc},
    {"regprocedure", CastKind::kRegproc},  // Without its arguments.
    {"regnamespace", CastKind::kRegnamespace},
    {"regrole", CastKind::kRegrole},
};

constexpr std::string_view kRefused[] = {
    "char",      "bpchar",    "timetz",   "jsonb",   "uuid",      "money",     "bit",
    "varbit",    "xml",       "inet",     "cidr",    "macaddr",   "point",     "line",
    "lseg",      "box",       "path",     "polygon", "circle",    "tsvector",  "tsquery",
    "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "halfvec",
    "sparsevec", "nchar",     "national", "macaddr8"};

constexpr std::uint64_t kVarcharMax = 10'485'760;
constexpr std::uint64_t kPrecisionMax = 1000;
/// What arrays' numbers begin with.
constexpr int kArrayNumber = 100;
constexpr std::uint64_t kSecondDigitsMax = 6;
constexpr std::uint64_t kFloatBitsMax = 53;
constexpr std::int32_t kSingleBitsMax = 24;

Status OutOfRange(const TokenStream& tokens, std::string message) {
  return Status::InvalidArgument(std::move(message))
      .WithSqlState("22023")
      .WithPosition(tokens.PositionOf(tokens.Peek()));
}

/// Takes WITH TIME ZONE or WITHOUT TIME ZONE; returns whether it was the first.
Result<bool> TakeTimeZone(TokenStream& tokens) {
  const bool with = tokens.Peek().IsKeyword("WITH");
  if ((with || tokens.Peek().IsKeyword("WITHOUT")) && tokens.Peek(1).IsKeyword("TIME")) {
    tokens.Take();
    tokens.Take();
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("ZONE"));
    return with;
  }
  return false;
}

Result<std::optional<std::int32_t>> TakeOneModifier(TokenStream& tokens, std::uint64_t min,
                                                    std::uint64_t max) {
  if (!tokens.TakeOperator("(")) {
    return std::optional<std::int32_t>();
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t value, tokens.ExpectInteger("a whole number", max));
  if (value < min) {
    return OutOfRange(tokens, "the modifier of the type is too small");
  }
  DASHI_RETURN_IF_ERROR(tokens.ExpectOperator(")"));
  return std::optional(static_cast<std::int32_t>(value));
}

Status TakeNumericModifier(TokenStream& tokens, CastTarget* target) {
  if (!tokens.TakeOperator("(")) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t precision,
                         tokens.ExpectInteger("a precision", kPrecisionMax));
  std::uint64_t scale = 0;
  if (tokens.TakeOperator(",")) {
    if (tokens.Peek().IsOperator("-")) {
      return tokens.Unsupported(tokens.Peek(), "a negative scale is not supported",
                                "Write round(x, -n).");
    }
    DASHI_ASSIGN_OR_RETURN(scale, tokens.ExpectInteger("a scale", kPrecisionMax - 1));
  }
  if (precision == 0) {
    return OutOfRange(tokens, "the precision of numeric is at least 1");
  }
  target->modifier = static_cast<std::int32_t>(precision * kPrecisionMax + scale);
  return tokens.ExpectOperator(")");
}

Status TakeModifier(TokenStream& tokens, const Token& word, CastTarget* target) {
  switch (target->kind) {
    case CastKind::kNumeric:
      return TakeNumericModifier(tokens, target);
    case CastKind::kVarchar: {
      DASHI_ASSIGN_OR_RETURN(const auto length, TakeOneModifier(tokens, 1, kVarcharMax));
      target->modifier = length;
      return Status();
    }
    case CastKind::kVector: {
      DASHI_ASSIGN_OR_RETURN(const auto dimension, TakeOneModifier(tokens, 1, kVectorDimensionMax));
      target->modifier = dimension;
      return Status();
    }
    case CastKind::kFloat8: {
      if (!word.IsKeyword("FLOAT")) {
        return Status();
      }
      DASHI_ASSIGN_OR_RETURN(const auto bits, TakeOneModifier(tokens, 1, kFloatBitsMax));
      target->kind = bits && *bits <= kSingleBitsMax ? CastKind::kFloat4 : CastKind::kFloat8;
      return Status();
    }
    case CastKind::kTime:
    case CastKind::kTimestamp:
    case CastKind::kTimestamptz: {
      DASHI_ASSIGN_OR_RETURN(const auto digits, TakeOneModifier(tokens, 0, kSecondDigitsMax));
      target->modifier = digits;
      DASHI_ASSIGN_OR_RETURN(const bool zone, TakeTimeZone(tokens));
      if (zone && target->kind == CastKind::kTime) {
        return tokens.Unsupported(word, "the type time with time zone is not supported");
      }
      target->kind = zone ? CastKind::kTimestamptz : target->kind;
      return Status();
    }
    default:
      return Status();
  }
}

}  // namespace

StaticType StaticTypeOf(CastKind kind) {
  switch (kind) {
    case CastKind::kBoolean:
      return StaticType::kBoolean;
    case CastKind::kInt2:
    case CastKind::kInt4:
    case CastKind::kInt8:
      return StaticType::kInteger;
    case CastKind::kFloat4:
    case CastKind::kFloat8:
      return StaticType::kFloat;
    case CastKind::kNumeric:
      return StaticType::kNumeric;
    case CastKind::kBytes:
      return StaticType::kBytes;
    case CastKind::kDate:
      return StaticType::kDate;
    case CastKind::kTime:
      return StaticType::kTime;
    case CastKind::kTimestamp:
    case CastKind::kTimestamptz:
      return StaticType::kTimestamp;
    case CastKind::kInterval:
      return StaticType::kInterval;
    case CastKind::kOid:
      return StaticType::kOid;
    case CastKind::kName:
      return StaticType::kName;
    case CastKind::kChar:
      return StaticType::kChar;
    case CastKind::kVector:
      return StaticType::kVector;
    case CastKind::kRegclass:
      return StaticType::kRegclass;
    case CastKind::kRegtype:
      return StaticType::kRegtype;
    case CastKind::kRegproc:
      return StaticType::kRegproc;
    case CastKind::kRegnamespace:
      return StaticType::kRegnamespace;
    case CastKind::kRegrole:
      return StaticType::kRegrole;
    default:
      return StaticType::kText;
  }
}

StaticType ArrayTypeOf(CastKind element) {
  switch (element) {
    case CastKind::kBoolean:
      return StaticType::kBooleanArray;
    case CastKind::kInt2:
      return StaticType::kSmallIntArray;
    case CastKind::kInt4:
    case CastKind::kInt8:
      return StaticType::kIntegerArray;
    case CastKind::kFloat4:
    case CastKind::kFloat8:
    case CastKind::kNumeric:
      return StaticType::kRealArray;
    case CastKind::kOid:
      return StaticType::kOidArray;
    case CastKind::kName:
      return StaticType::kNameArray;
    case CastKind::kChar:
      return StaticType::kCharArray;
    default:
      return StaticType::kTextArray;
  }
}

StaticType ElementTypeOf(StaticType array) {
  switch (array) {
    case StaticType::kSmallIntVector:
    case StaticType::kSmallIntArray:
    case StaticType::kIntegerArray:
      return StaticType::kInteger;
    case StaticType::kOidVector:
    case StaticType::kOidArray:
      return StaticType::kOid;
    case StaticType::kRealArray:
      return StaticType::kFloat;
    case StaticType::kBooleanArray:
      return StaticType::kBoolean;
    case StaticType::kCharArray:
      return StaticType::kChar;
    case StaticType::kNameArray:
      return StaticType::kName;
    case StaticType::kTextArray:
      return StaticType::kText;
    default:
      return StaticType::kUnknown;
  }
}

bool IsRegistered(StaticType type) {
  return type >= StaticType::kRegclass && type <= StaticType::kRegrole;
}

bool IsRegistered(CastKind kind) { return kind >= CastKind::kRegclass; }

bool IsTypedLiteral(const Token& word) {
  static constexpr std::string_view kWords[] = {"DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ",
                                                "INTERVAL"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view name) { return word.IsKeyword(name); });
}

int CastNumber(const CastTarget& target) {
  return static_cast<int>(target.kind) + (target.array ? kArrayNumber : 0);
}

Result<CastTarget> CastOfNumber(int number) {
  const bool array = number >= kArrayNumber;
  const int kind = array ? number - kArrayNumber : number;
  if (kind < 0 || kind > static_cast<int>(CastKind::kRegrole)) {
    return Status::InvalidArgument("there is no such type").WithSqlState("22023");
  }
  return CastTarget{static_cast<CastKind>(kind), std::nullopt, array};
}

namespace {

// Takes the brackets behind the type of an array's elements.
Result<CastTarget> TakeBrackets(TokenStream& tokens, CastTarget target) {
  if (tokens.Peek().IsOperator("[") && tokens.Peek(1).IsOperator("]")) {
    tokens.Take();
    tokens.Take();
    target.array = true;
  }
  if (tokens.Peek().IsOperator("[") || tokens.Peek().IsKeyword("ARRAY")) {
    return tokens.Unsupported(tokens.Peek(), "arrays are not supported but for type[]");
  }
  return target;
}

}  // namespace

Result<CastTarget> ExpectTypeName(TokenStream& tokens) {
  if (tokens.Peek().IsKeyword("PG_CATALOG") && tokens.Peek(1).IsOperator(".")) {
    tokens.Take();
    tokens.Take();
  }
  const Token word = tokens.Peek();
  if (word.text == "\"char\"") {  // Not char, which is another type.
    tokens.Take();
    return TakeBrackets(tokens, {CastKind::kChar, std::nullopt});
  }
  if (word.kind != TokenKind::kIdentifier) {
    return tokens.SyntaxError("the name of a type");
  }
  const std::string name = word.Name();
  tokens.Take();
  if (tokens.Peek().IsOperator(".")) {
    return tokens.Unsupported(word, "names of types have no schema", "Write the name alone.");
  }
  const bool padded =
      name == "character" && !tokens.TakeKeyword("VARYING");  // character(n) is padded
  const auto* refused = std::find(std::begin(kRefused), std::end(kRefused), name);
  if (padded || refused != std::end(kRefused)) {
    return tokens.Unsupported(word, "the type " + name + " is not supported",
                              padded || name == "char" ? "Write varchar(n) or text." : "");
  }
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TypeName& one) { return one.name == name; });
  if (type == std::end(kTypes)) {
    std::string_view names[std::size(kTypes)];
    std::transform(std::begin(kTypes), std::end(kTypes), std::begin(names),
                   [](const TypeName& one) { return one.name; });
    const std::string_view nearest = NearestName(name, names);
    Status status = Status::NotFound("no such type: " + name)
                        .WithSqlState("42704")
                        .WithPosition(tokens.PositionOf(word));
    return nearest.empty()
               ? status
               : std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
  }
  CastTarget target{type->kind, std::nullopt};
  if (name == "double") {
    DASHI_RETURN_IF_ERROR(tokens.ExpectKeyword("PRECISION"));
  }
  DASHI_RETURN_IF_ERROR(TakeModifier(tokens, word, &target));
  return TakeBrackets(tokens, target);
}

}  // namespace dashi::sql::postgres
