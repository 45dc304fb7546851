#pragma once

#include <string_view>

#include "dashi/sql_type.h"

namespace dashi::sql {

/// What the declaration of a table's column says of its type: "TEXT TIMESTAMP", "INTEGER OID". The
/// first word is SQLite's, for comparisons; nothing behind TEXT may have INT in it.
SqlType DeclaredSqlType(std::string_view declared);

/// The declaration of a column of this type.
std::string_view DeclarationOf(SqlType type);

}  // namespace dashi::sql
