#include "sql/table_columns.h"

#include "sql/table_catalog.h"
#include "sql/token.h"
#include "sql/user_column.h"

namespace dashi::sql {
namespace {

constexpr std::string_view kHidden = " HIDDEN";
constexpr std::string_view kTimestamp = "TIMESTAMP";

/// Takes the first of the words that a blank divides.
std::string_view TakeWord(std::string_view* text) {
  const std::string_view word = text->substr(0, text->find(' '));
  text->remove_prefix(std::min(word.size() + 1, text->size()));
  return word;
}

std::string Unquoted(std::string_view name) {
  const bool quoted = name.size() > 2 && name.front() == '"';
  return std::string(quoted ? name.substr(1, name.size() - 2) : name);
}

enum class Wanted { kShown, kArguments, kAll };

std::vector<TableColumn> Columns(std::string_view table, const UserSchemas& schemas,
                                 Wanted wanted) {
  std::vector<TableColumn> columns;
  const TableDefinition* definition = FindTable(table);
  if (definition == nullptr) {
    return columns;
  }
  // The declaration's own words are the simplest list of columns: "CREATE TABLE t(id TEXT, ...)".
  std::string_view rest = definition->declaration;
  rest.remove_prefix(rest.find('(') + 1);
  rest.remove_suffix(rest.size() - std::min(rest.rfind(')'), rest.size()));
  while (!rest.empty()) {
    const std::size_t comma = rest.find(", ");
    std::string_view column = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 2);
    const bool hidden = column.ends_with(kHidden);
    if (wanted != Wanted::kAll && hidden != (wanted == Wanted::kArguments)) {
      continue;
    }
    const std::string_view name = TakeWord(&column);
    std::string_view type = TakeWord(&column);
    if (column.starts_with(kTimestamp)) {  // Behind TEXT, which is for SQLite.
      type = kTimestamp;
    }
    columns.push_back({Unquoted(name), std::string(type)});
  }
  const auto& schema = EqualsIgnoreCase(table, "documents") ? schemas.documents : schemas.labels;
  if (definition->user_columns != nullptr && schema != nullptr && wanted != Wanted::kArguments) {
    for (const storage::ColumnRecord* column : schema->LiveColumns()) {
      columns.push_back({column->name, ColumnTypeText(*column)});
    }
  }
  return columns;
}

}  // namespace

std::vector<TableColumn> TableColumns(std::string_view table, const UserSchemas& schemas) {
  return Columns(table, schemas, Wanted::kShown);
}

std::vector<TableColumn> TableArguments(std::string_view table) {
  return Columns(table, UserSchemas(), Wanted::kArguments);
}

std::vector<std::string> ColumnNames(std::string_view table, const UserSchemas& schemas) {
  std::vector<std::string> names;
  for (TableColumn& column : Columns(table, schemas, Wanted::kAll)) {
    names.push_back(std::move(column.name));
  }
  return names;
}

}  // namespace dashi::sql
