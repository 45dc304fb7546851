#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "dashi/status.h"
#include "sql/parser.h"
#include "storage/entity.h"
#include "storage/schema_record.h"

namespace dashi::sql {

/// The longest name of a column or an index.
inline constexpr std::size_t kSchemaNameBytesMax = 128;

/// Adds the candidate that is nearest to a name as a hint, if one is near.
Status WithNearestName(Status status, std::string_view name,
                       std::span<const std::string_view> candidates);

/// Finds the table that ALTER TABLE or CREATE INDEX names at `offset`.
///
/// Errors: kNotFound (42P01); kInvalidArgument (42809) for a table whose columns are fixed.
Result<storage::EntityKind> FindAlterableTable(const ParsedStatement& statement,
                                               std::string_view table, std::size_t offset);

bool IsBuiltInColumn(storage::EntityKind kind, std::string_view name);

/// Finds a user column and returns its place in `schema.columns`.
///
/// Errors: kNotFound (42703); kInvalidArgument (42P16) for a built-in column.
Result<std::size_t> FindUserColumn(const storage::SchemaRecord& schema, storage::EntityKind kind,
                                   std::string_view name);

}  // namespace dashi::sql
