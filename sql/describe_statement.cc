#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/object_comments.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/schema_names.h"
#include "sql/table_catalog.h"
#include "sql/table_columns.h"
#include "sql/token.h"
#include "sql/user_column.h"

namespace dashi::sql {
namespace {

Value TextOrNull(std::optional<std::string> text) {
  return text ? Value::Text(std::move(*text)) : Value();
}

Status NoSuchTable(const std::string& name) {
  std::vector<std::string_view> names;
  for (const TableDefinition& table : AllTables()) {
    names.emplace_back(table.name);
  }
  return WithNearestName(Status::NotFound("no such table: " + name).WithSqlState("42P01"), name,
                         names);
}

/// What only user columns have.
struct OwnColumn {
  std::string type;
  Value default_value;
  std::optional<std::string> index;
};

std::optional<OwnColumn> FindOwnColumn(const storage::SchemaRecord* schema,
                                       const std::string& name) {
  const storage::ColumnRecord* column = schema == nullptr ? nullptr : schema->FindColumn(name);
  if (column == nullptr) {
    return std::nullopt;
  }
  OwnColumn own{ColumnTypeText(*column), ShownDefault(*column), std::nullopt};
  const auto index =
      std::find_if(schema->indexes.begin(), schema->indexes.end(),
                   [&](const auto& candidate) { return candidate.column == column->number; });
  if (index != schema->indexes.end()) {
    own.index = index->name;
  }
  return own;
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DescribeStatement& describe) {
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view, ReadView(session));
  DASHI_ASSIGN_OR_RETURN(const UserSchemas schemas, UserSchemas::Read(*view));
  const TableDefinition* table = FindTable(describe.table);
  if (table == nullptr) {
    return statement.At(NoSuchTable(describe.table), describe.offset);
  }
  const std::string name = table->name;
  const storage::SchemaRecord* schema = name == "documents" ? schemas.documents.get()
                                        : name == "labels"  ? schemas.labels.get()
                                                            : nullptr;
  std::vector<Row> rows;
  const std::vector<TableColumn> columns = TableColumns(name, schemas);
  rows.reserve(columns.size());
  for (const TableColumn& column : columns) {
    const std::optional<OwnColumn> own = FindOwnColumn(schema, column.name);
    DASHI_ASSIGN_OR_RETURN(const CommentedObject object,
                           FindCommentedObject(*view, schemas, "column", name + "." + column.name));
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> comment, CommentOf(*view, object));
    rows.push_back({Value::Text(column.name), Value::Text(own ? own->type : column.type),
                    own ? own->default_value : Value(), own ? TextOrNull(own->index) : Value(),
                    TextOrNull(std::move(comment))});
  }
  return Finished("DESCRIBE", OwnColumns(describe), std::move(rows));
}

}  // namespace dashi::sql
