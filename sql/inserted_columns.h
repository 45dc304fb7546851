#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/parser.h"
#include "sql/sqlite_text.h"
#include "sql/user_schemas.h"

namespace dashi::sql {

/// The columns that an INSERT names, `INSERT INTO t (a, b) ...`, in lower case; those of a VALUES
/// without names that has fewer values than the table has columns, which are the first ones that
/// can be set; nullopt when it gives all, and for other statements. SQLite gives a virtual table
/// NULL for a column that is not named and for one that is given NULL: this tells them apart, so
/// that the former gets its default.
std::optional<std::vector<std::string>> InsertedColumns(const ParsedStatement& statement,
                                                        const UserSchemas& schemas);

/// Adds the names that SQLite needs for such a VALUES.
void NameInsertedColumns(const ParsedStatement& statement, const UserSchemas& schemas,
                         TextReplacements* replaced);

/// A parameter that stands for the value of a column.
struct InsertedParameter {
  std::uint32_t parameter = 0;
  std::string column;
};

/// The parameters that are values by themselves in the rows of INSERT ... VALUES.
std::vector<InsertedParameter> InsertedParameters(const ParsedStatement& statement,
                                                  const UserSchemas& schemas);

}  // namespace dashi::sql
