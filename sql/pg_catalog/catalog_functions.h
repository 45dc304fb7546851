#pragma once

#include <span>

#include "sql/postgres/functions.h"

namespace dashi::sql::pg_catalog {

/// PostgreSQL's functions about its catalog: format_type, pg_get_indexdef, has_table_privilege and
/// the like; and dashi_object(text, kind) and dashi_object_name(number, kind), which casts to and
/// from regclass and its kin become (the kind is that of CastNumber).
std::span<const postgres::ScalarFunction> CatalogFunctions();

}  // namespace dashi::sql::pg_catalog
