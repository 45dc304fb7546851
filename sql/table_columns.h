#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sql/user_schemas.h"

namespace dashi::sql {

struct TableColumn {
  std::string name;
  std::string type;  ///< "ANY" where a column holds values of several types
};

/// The columns of a table in order, user columns behind the built-in ones, arguments of table
/// functions left out; none when there is no such table.
std::vector<TableColumn> TableColumns(std::string_view table, const UserSchemas& schemas);

/// The arguments of a table function, in order.
std::vector<TableColumn> TableArguments(std::string_view table);

/// The names of all columns, arguments included.
std::vector<std::string> ColumnNames(std::string_view table, const UserSchemas& schemas);

}  // namespace dashi::sql
