#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "dashi/value.h"
#include "sql/postgres/types.h"

namespace dashi::sql::postgres {

/// Reads the text of a one-dimensional array as PostgreSQL writes it, `{1,"a b",NULL}`. nullopt is
/// NULL.
///
/// Errors: 22P02 for other texts; kUnimplemented (0A000) for arrays of arrays.
Result<std::vector<std::optional<std::string>>> ReadArrayText(std::string_view text);

/// The text that PostgreSQL writes of an array.
std::string FormatArrayText(const std::vector<std::optional<std::string>>& elements);

/// Casts each element of an array, or of one of JSON's, to the target's type, and writes it as
/// PostgreSQL does.
///
/// Errors: as ReadArrayText and Cast.
Result<Value> CastToArray(std::string_view array, const CastTarget& target);

/// What `value = ANY (array)` is: NULL where no element is equal and one is NULL. Numbers are
/// compared with elements as numbers. The array may be one of JSON's, too, `[1,"a"]`, as which the
/// server hands on what clients send.
///
/// Errors: as ReadArrayText; 22P02 for an element that is no number beside one.
Result<Value> IsInArray(const Value& value, std::string_view array);

}  // namespace dashi::sql::postgres
