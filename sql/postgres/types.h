#pragma once

#include <cstdint>
#include <optional>

#include "dashi/status.h"
#include "sql/token_stream.h"

namespace dashi::sql::postgres {

/// What PostgreSQL's type of an expression is, as far as its tokens tell.
enum class StaticType : std::uint8_t {
  kUnknown,  ///< a column, a parameter, a string
  kBoolean,
  kInteger,
  kNumeric,  ///< a number with a decimal point
  kFloat,
  kText,
  kBytes,
  kName,
  kChar,  ///< "char", of one letter
  kOid,
  kRegclass,  ///< a number that is shown as a name; so the others
  kRegtype,
  kRegproc,
  kRegnamespace,
  kRegrole,
  kSmallIntVector,
  kOidVector,
  kTextArray,
  kIntegerArray,
  kRealArray,
  kBooleanArray,
  kOidArray,
  kSmallIntArray,
  kCharArray,
  kNameArray,
  kVector,  ///< of 32-bit floats
  kDate,    // From here on, times.
  kTime,
  kTimestamp,
  kInterval,
};

/// A type that a value can be cast to.
enum class CastKind : std::uint8_t {
  kBoolean,
  kInt2,
  kInt4,
  kInt8,
  kFloat4,
  kFloat8,
  kNumeric,
  kText,
  kVarchar,
  kBytes,
  kDate,
  kTime,
  kTimestamp,    ///< without time zone: text that names another offset than UTC is refused
  kTimestamptz,  ///< the same values; the offset is taken into account
  kInterval,
  kJson,
  kOid,
  kName,
  kChar,
  kVector,
  kRegclass,
  kRegtype,
  kRegproc,
  kRegnamespace,
  kRegrole,
};

struct CastTarget {
  CastKind kind = CastKind::kText;
  /// varchar: characters; numeric: digits * 1000 + scale; timestamps: digits of the second;
  /// vector: dimensions.
  std::optional<std::int32_t> modifier = std::nullopt;
  bool array = false;  ///< of such elements: a text that shows them
};

StaticType StaticTypeOf(CastKind kind);
/// Of the array of such elements, and of the elements of an array or vector; kUnknown for others.
StaticType ArrayTypeOf(CastKind element);
StaticType ElementTypeOf(StaticType array);
/// Whether values are numbers that stand for objects of the catalog and are shown as names.
bool IsRegistered(StaticType type);
bool IsRegistered(CastKind kind);

/// Kinds of casts by number, as dashi_cast() takes them, and back. Errors: 22023 for others.
int CastNumber(const CastTarget& target);
Result<CastTarget> CastOfNumber(int number);

/// Whether the tokens `word`, `next` may begin the name of a type in front of a string.
bool IsTypedLiteral(const Token& word);

/// Takes PostgreSQL's name of a type.
///
/// Errors: kUnimplemented (0A000) for types that cannot be honoured, kNotFound (42704) for names
///         that are none, 42601, 22023.
Result<CastTarget> ExpectTypeName(TokenStream& tokens);

}  // namespace dashi::sql::postgres
