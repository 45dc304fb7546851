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

/// Whether a text is a vector of PostgreSQL's catalog, "1 2", whose subscripts begin with 0.
bool IsVectorText(std::string_view text);

/// Reads an array, one of JSON's, as which the server hands on what clients send, or a vector.
///
/// Errors: as ReadArrayText.
Result<std::vector<std::optional<std::string>>> ReadAnyArrayText(std::string_view text);

/// What an array holds of a value, `booleans` as "t" and "f"; nullopt of NULL.
///
/// Errors: 42883 for bytes.
Result<std::optional<std::string>> ElementText(const Value& value, bool booleans);
/// The value of an element: an integer of a vector; else by kind of elements i integers, f reals, b
/// booleans, and others texts.
///
/// Errors: 22P02 for a text that is none.
Result<Value> ElementValue(std::string_view element, bool of_vector, std::string_view kind);

/// The text that PostgreSQL writes of an array.
std::string FormatArrayText(const std::vector<std::optional<std::string>>& elements);

/// Casts each element of an array, or of one of JSON's, to the target's type, and writes it as
/// PostgreSQL does. `from`: where it is known to be a vector.
///
/// Errors: as ReadArrayText and Cast.
Result<Value> CastToArray(std::string_view array, const CastTarget& target, StaticType from);

/// What `value = ANY (array)` is: NULL where no element is equal and one is NULL. Numbers are
/// compared with elements as numbers. The array may be one of JSON's, too, `[1,"a"]`, as which the
/// server hands on what clients send, or, `of_vector`, a vector.
///
/// Errors: as ReadArrayText; 22P02 for an element that is no number beside one.
Result<Value> IsInArray(const Value& value, std::string_view array, bool of_vector);

}  // namespace dashi::sql::postgres
