#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/user_schemas.h"

namespace dashi::sql {

/// The names of a table's columns in order, user columns behind the built-in ones; none when there
/// is no such table.
std::vector<std::string> ColumnNames(std::string_view table, const UserSchemas& schemas);

}  // namespace dashi::sql
