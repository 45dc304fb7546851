#include "sql/function_arguments.h"

#include <string>

#include "base/status.h"
#include "query/top_k.h"
#include "sql/virtual_table.h"
#include "storage/store.h"

namespace dashi::sql {

Result<std::size_t> ReadTopKCount(sqlite3_value* value) {
  const std::string shown =
      sqlite3_value_type(value) == SQLITE_NULL ? std::string("NULL") : std::string(TextOf(value));
  const bool integer = sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
  const sqlite3_int64 k = integer ? sqlite3_value_int64(value) : -1;
  if (k < 0 || k > static_cast<sqlite3_int64>(query::kTopKMax)) {
    return Status::InvalidArgument("k is a whole number from 0 to " +
                                   std::to_string(query::kTopKMax) + ": got " + shown);
  }
  return static_cast<std::size_t>(k);
}

Result<std::string_view> ReadTextArgument(sqlite3_value* value, std::string_view name) {
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return Status::InvalidArgument("the argument is NULL: " + std::string(name))
        .WithSqlState("22004");
  }
  if (sqlite3_value_type(value) == SQLITE_BLOB) {
    return Status::InvalidArgument("the argument takes text, not bytes: " + std::string(name))
        .WithSqlState("42804");
  }
  return TextOf(value);
}

void CallRowIds::Begin(std::span<const Value> arguments) {
  std::string call;
  for (const Value& argument : arguments) {
    const std::string text = argument.ToString();
    call += std::string(ValueTypeName(argument.type())) + std::to_string(text.size()) + ":" + text;
  }
  call_ = storage::HashText(call);
}

std::int64_t CallRowIds::Of(std::uint64_t row) const {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // Rows of one call never meet.
  return static_cast<std::int64_t>(call_ + (row + 1) * kOdd);
}

}  // namespace dashi::sql
