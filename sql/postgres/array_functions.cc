// PostgreSQL's functions of arrays, which are texts here.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

using ArrayArguments = std::span<sqlite3_value*>;
using ArrayElements = std::vector<std::optional<std::string>>;

/// Vectors are counted from 0, arrays from 1.
std::int64_t FirstSubscript(std::string_view array) { return IsVectorText(array) ? 0 : 1; }

Status CheckDimension(sqlite3_value* dimension) {
  return sqlite3_value_type(dimension) == SQLITE_INTEGER
             ? Status()
             : Status::InvalidArgument("the dimension of an array is a whole number")
                   .WithSqlState("42883");
}

// array_length(array, 1)
Result<Value> ArrayLength(StatementContext& /*statement*/, ArrayArguments arguments) {
  DASHI_RETURN_IF_ERROR(CheckDimension(arguments[1]));
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(TextOf(arguments[0])));
  const bool none = sqlite3_value_int64(arguments[1]) != 1 || elements.empty();
  return none ? Value::Null() : Value::Integer(static_cast<std::int64_t>(elements.size()));
}

Result<Value> ArrayUpper(StatementContext& statement, ArrayArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Value length, ArrayLength(statement, arguments));
  return length.is_null()
             ? length
             : Value::Integer(length.integer() + FirstSubscript(TextOf(arguments[0])) - 1);
}

Result<Value> ArrayLower(StatementContext& statement, ArrayArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Value length, ArrayLength(statement, arguments));
  return length.is_null() ? length : Value::Integer(FirstSubscript(TextOf(arguments[0])));
}

Result<Value> ArrayDimensions(StatementContext& /*statement*/, ArrayArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(TextOf(arguments[0])));
  return elements.empty() ? Value::Null() : Value::Integer(1);
}

Result<Value> Cardinality(StatementContext& /*statement*/, ArrayArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(TextOf(arguments[0])));
  return Value::Integer(static_cast<std::int64_t>(elements.size()));
}

// array_to_string(array, separator [, what NULL is shown as])
Result<Value> ArrayToString(StatementContext& /*statement*/, ArrayArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL ||
      sqlite3_value_type(arguments[1]) == SQLITE_NULL) {
    return Value::Null();
  }
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(TextOf(arguments[0])));
  const bool shows_null = arguments.size() == 3 && sqlite3_value_type(arguments[2]) != SQLITE_NULL;
  const std::string separator(TextOf(arguments[1]));
  std::string text;
  bool first = true;
  for (const std::optional<std::string>& element : elements) {
    if (!element && !shows_null) {
      continue;
    }
    text += first ? "" : separator;
    text += element ? std::string_view(*element) : TextOf(arguments[2]);
    first = false;
  }
  return Value::Text(std::move(text));
}

// string_to_array(text, separator [, what becomes NULL])
Result<Value> StringToArray(StatementContext& /*statement*/, ArrayArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    return Value::Null();
  }
  const std::string_view text = TextOf(arguments[0]);
  const bool letters = sqlite3_value_type(arguments[1]) == SQLITE_NULL;
  const std::string separator(TextOf(arguments[1]));
  if (letters) {
    return Status::Unimplemented("string_to_array without a separator is not supported");
  }
  ArrayElements elements;
  std::string_view rest = text;
  bool more = !text.empty();
  while (more) {
    const std::size_t at = separator.empty() ? std::string_view::npos : rest.find(separator);
    more = at != std::string_view::npos;
    std::string part(rest.substr(0, at));
    const bool null = arguments.size() == 3 && sqlite3_value_type(arguments[2]) != SQLITE_NULL &&
                      part == TextOf(arguments[2]);
    elements.push_back(null ? std::nullopt : std::optional(std::move(part)));
    rest.remove_prefix(more ? at + separator.size() : rest.size());
  }
  return Value::Text(FormatArrayText(elements));
}

// array_position(array, value)
Result<Value> ArrayPosition(StatementContext& /*statement*/, ArrayArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    return Value::Null();
  }
  const std::string array(TextOf(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(array));
  const bool null = sqlite3_value_type(arguments[1]) == SQLITE_NULL;
  const std::string_view wanted = TextOf(arguments[1]);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (null ? !elements[i] : elements[i] == wanted) {
      return Value::Integer(static_cast<std::int64_t>(i) + FirstSubscript(array));
    }
  }
  return Value::Null();
}

Result<std::optional<std::string>> ElementOfArgument(sqlite3_value* value) {
  return ElementText(ValueFromSqlite(value), /*booleans=*/false);
}

Result<ArrayElements> ElementsOfArgument(sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return ArrayElements();
  }
  return ReadAnyArrayText(TextOf(value));
}

// array_remove(array, value)
Result<Value> ArrayRemove(StatementContext& /*statement*/, ArrayArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    return Value::Null();
  }
  DASHI_ASSIGN_OR_RETURN(ArrayElements elements, ElementsOfArgument(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::string> removed, ElementOfArgument(arguments[1]));
  std::erase(elements, removed);
  return Value::Text(FormatArrayText(elements));
}

// array_append(array, value)
Result<Value> ArrayAppend(StatementContext& /*statement*/, ArrayArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(ArrayElements elements, ElementsOfArgument(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(std::optional<std::string> added, ElementOfArgument(arguments[1]));
  elements.push_back(std::move(added));
  return Value::Text(FormatArrayText(elements));
}

// array_cat(array, array)
Result<Value> ArrayCat(StatementContext& /*statement*/, ArrayArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL &&
      sqlite3_value_type(arguments[1]) == SQLITE_NULL) {
    return Value::Null();
  }
  DASHI_ASSIGN_OR_RETURN(ArrayElements elements, ElementsOfArgument(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(ArrayElements more, ElementsOfArgument(arguments[1]));
  std::move(more.begin(), more.end(), std::back_inserter(elements));
  return Value::Text(FormatArrayText(elements));
}

// dashi_array(boolean, value, ...): ARRAY[...]; `boolean`: of booleans.
Result<Value> MakeArray(StatementContext& /*statement*/, ArrayArguments arguments) {
  ArrayElements elements;
  elements.reserve(arguments.size());
  const bool booleans = sqlite3_value_int(arguments[0]) != 0;
  for (sqlite3_value* value : arguments.subspan(1)) {
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> element,
                           ElementText(ValueFromSqlite(value), booleans));
    elements.push_back(std::move(element));
  }
  return Value::Text(FormatArrayText(elements));
}

// dashi_element(array, subscript, kind): array[subscript]
Result<Value> Element(StatementContext& /*statement*/, ArrayArguments arguments) {
  const std::string array(TextOf(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const ArrayElements elements, ReadAnyArrayText(array));
  const std::int64_t at = sqlite3_value_int64(arguments[1]) - FirstSubscript(array);
  const bool inside = at >= 0 && at < static_cast<std::int64_t>(elements.size());
  if (!inside || !elements[static_cast<std::size_t>(at)]) {
    return Value::Null();
  }
  return ElementValue(*elements[static_cast<std::size_t>(at)], IsVectorText(array),
                      TextOf(arguments[2]));
}

// dashi_field(row, number): of the text of a row of integers, "(1,2)".
Result<Value> Field(StatementContext& /*statement*/, ArrayArguments arguments) {
  std::string_view rest = TextOf(arguments[0]);
  rest.remove_prefix(rest.starts_with('(') ? 1 : 0);
  for (std::int64_t number = sqlite3_value_int64(arguments[1]); number > 1; --number) {
    const std::size_t comma = rest.find(',');
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  const std::string_view text = rest.substr(0, rest.find_first_of(",)"));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? Value::Integer(number)
                                                                  : Value::Text(std::string(text));
}

// dashi_truth(boolean): as JSON writes it.
Result<Value> Truth(StatementContext& /*statement*/, ArrayArguments arguments) {
  return Value::Text(sqlite3_value_int64(arguments[0]) != 0 ? "true" : "false");
}

constexpr auto kArrayStrict = ScalarFunction::Kind::kStrict;
constexpr auto kArrayTakesNull = ScalarFunction::Kind::kTakesNull;

constexpr ScalarFunction kArrayFunctions[] = {
    {"array_length", 2, 2, kArrayStrict, ArrayLength},
    {"array_upper", 2, 2, kArrayStrict, ArrayUpper},
    {"array_lower", 2, 2, kArrayStrict, ArrayLower},
    {"array_ndims", 1, 1, kArrayStrict, ArrayDimensions},
    {"cardinality", 1, 1, kArrayStrict, Cardinality},
    {"array_to_string", 2, 3, kArrayTakesNull, ArrayToString},
    {"string_to_array", 2, 3, kArrayTakesNull, StringToArray},
    {"array_position", 2, 2, kArrayTakesNull, ArrayPosition},
    {"array_remove", 2, 2, kArrayTakesNull, ArrayRemove},
    {"array_append", 2, 2, kArrayTakesNull, ArrayAppend},
    {"array_cat", 2, 2, kArrayTakesNull, ArrayCat},
    {"dashi_array", 1, -1, kArrayTakesNull, MakeArray},
    {"dashi_element", 3, 3, kArrayStrict, Element},
    {"dashi_truth", 1, 1, kArrayStrict, Truth},
    {"dashi_field", 2, 2, kArrayStrict, Field},
};

}  // namespace

std::span<const ScalarFunction> ArrayFunctions() { return kArrayFunctions; }

}  // namespace dashi::sql::postgres
