#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/parser.h"

namespace dashi::sql {

/// The columns that an INSERT names, `INSERT INTO t (a, b) ...`, in lower case; nullopt when it
/// names none, and for other statements. SQLite gives a virtual table NULL for a column that is not
/// named and for one that is given NULL: this tells them apart, so that the former gets its
/// default.
std::optional<std::vector<std::string>> InsertedColumns(const ParsedStatement& statement);

}  // namespace dashi::sql
