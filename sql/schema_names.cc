#include "sql/schema_names.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/entity_columns.h"
#include "sql/table_catalog.h"
#include "sql/token.h"

namespace dashi::sql {

using storage::ColumnRecord;
using storage::EntityKind;
using storage::SchemaRecord;

Status WithNearestName(Status status, std::string_view name,
                       std::span<const std::string_view> candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  return nearest.empty() ? status
                         : std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
}

Result<EntityKind> FindAlterableTable(const ParsedStatement& statement, std::string_view table,
                                      std::size_t offset) {
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    if (EqualsIgnoreCase(table, EntityTableName(kind))) {
      return kind;
    }
  }
  if (FindTable(table) != nullptr) {
    return statement.At(
        Status::InvalidArgument("the columns of this table are fixed: " + std::string(table))
            .WithSqlState("42809")
            .WithHint("documents and labels can have columns of your own."),
        offset);
  }
  static constexpr std::string_view kTables[] = {"documents", "labels"};
  return statement.At(
      WithNearestName(
          Status::NotFound("no such table: " + std::string(table)).WithSqlState("42P01"), table,
          kTables),
      offset);
}

bool IsBuiltInColumn(EntityKind kind, std::string_view name) {
  const auto columns = EntityColumns(kind);
  return std::any_of(columns.begin(), columns.end(), [&](EntityColumn column) {
    return EqualsIgnoreCase(EntityColumnName(column), name);
  });
}

Result<std::size_t> FindUserColumn(const SchemaRecord& schema, EntityKind kind,
                                   std::string_view name) {
  if (const ColumnRecord* found = schema.FindColumn(name)) {
    return static_cast<std::size_t>(found - schema.columns.data());
  }
  if (IsBuiltInColumn(kind, name)) {
    return Status::InvalidArgument(fmt::format("{}.{} is built in: it cannot be dropped or renamed",
                                               EntityTableName(kind), name))
        .WithSqlState("42P16");
  }
  std::vector<std::string_view> names;
  for (const ColumnRecord* column : schema.LiveColumns()) {
    names.push_back(column->name);
  }
  return WithNearestName(
      Status::NotFound(fmt::format("{} has no column named \"{}\"", EntityTableName(kind), name))
          .WithSqlState("42703"),
      name, names);
}

}  // namespace dashi::sql
