#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"
#include "dashi/value.h"

namespace dashi::sql {

/// Reads how many rows a table function is asked for. Errors: 22023.
Result<std::size_t> ReadTopKCount(sqlite3_value* value);
/// Reads a text argument that may not be NULL. Errors: 22004, 42804 for bytes.
Result<std::string_view> ReadTextArgument(sqlite3_value* value, std::string_view name);

/// Numbers the rows of calls of a table function. A statement tells rows apart by them where it
/// looks at several calls at once (`WHERE query = 'a' OR query = 'b'`), so the rows of different
/// calls must differ, and a row that two looks at one call find must not.
///
/// Threads: a value type.
class CallRowIds {
 public:
  /// Rows of the call with these arguments come next.
  void Begin(std::span<const Value> arguments);
  /// `row` names a row within the call.
  std::int64_t Of(std::uint64_t row) const;

 private:
  std::uint64_t call_ = 0;
};

}  // namespace dashi::sql
