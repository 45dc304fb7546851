#include "sql/label_columns.h"

#include <algorithm>

#include "sql/token.h"

namespace dashi::sql {

std::vector<const storage::ColumnRecord*> LabelColumnsBeside(
    const storage::SchemaRecord& schema, std::span<const std::string_view> own) {
  std::vector<const storage::ColumnRecord*> shown = schema.LiveColumns();
  std::erase_if(shown, [&](const storage::ColumnRecord* column) {
    return std::any_of(own.begin(), own.end(),
                       [&](std::string_view name) { return EqualsIgnoreCase(name, column->name); });
  });
  return shown;
}

}  // namespace dashi::sql
