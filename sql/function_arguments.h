#pragma once

#include <cstddef>
#include <string_view>

#include <sqlite3.h>

#include "dashi/status.h"

namespace dashi::sql {

/// Reads how many rows a table function is asked for. Errors: 22023.
Result<std::size_t> ReadTopKCount(sqlite3_value* value);
/// Reads a text argument that may not be NULL. Errors: 22004, 42804 for bytes.
Result<std::string_view> ReadTextArgument(sqlite3_value* value, std::string_view name);

}  // namespace dashi::sql
