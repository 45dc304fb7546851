#include "sql/table_columns.h"

#include "sql/table_catalog.h"
#include "sql/token.h"

namespace dashi::sql {

std::vector<std::string> ColumnNames(std::string_view table, const UserSchemas& schemas) {
  std::vector<std::string> columns;
  const TableDefinition* definition = FindTable(table);
  if (definition == nullptr) {
    return columns;
  }
  // The declaration's own words are the simplest list of columns: "CREATE TABLE t(id TEXT, ...".
  std::string_view rest = definition->declaration;
  rest.remove_prefix(rest.find('(') + 1);
  while (!rest.empty()) {
    columns.emplace_back(rest.substr(0, rest.find(' ')));
    const std::size_t comma = rest.find(", ");
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
  }
  const auto& schema = EqualsIgnoreCase(table, "documents") ? schemas.documents : schemas.labels;
  if (definition->user_columns != nullptr && schema != nullptr) {
    for (const storage::ColumnRecord* column : schema->LiveColumns()) {
      columns.push_back(column->name);
    }
  }
  return columns;
}

}  // namespace dashi::sql
