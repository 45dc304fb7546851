#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/pg_catalog/catalog_objects.h"
#include "sql/postgres/types.h"
#include "sql/statement_context.h"

namespace dashi::sql::pg_catalog {

/// Finds the object that a text names, as ::regclass and its kin do: "pg_class", "public.labels",
/// "integer", or a number. "-" is 0.
///
/// Errors: as PostgreSQL's where there is none: 42P01, 42704, 42883 or 3F000.
Result<Oid> FindObject(const CatalogObjects& objects, postgres::CastKind kind,
                       std::string_view text);

/// What an object's number is shown as: its name, with its schema where it is not seen without; the
/// number where there is none.
std::string ObjectName(const CatalogObjects& objects, postgres::CastKind kind, std::int64_t oid);

/// Whether a column's values are numbers of objects that are shown as names.
bool IsObject(const Column& column);
/// Puts names in the place of the numbers that such columns of a row still hold.
///
/// Errors: as CatalogState::Of.
Status ShowObjects(StatementContext& statement, std::span<const Column> columns, Row* row);

}  // namespace dashi::sql::pg_catalog
