#include "sql/entity_columns.h"

#include <array>

#include "base/clock.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

constexpr EntityColumn kDocumentColumns[] = {EntityColumn::kId, EntityColumn::kText,
                                             EntityColumn::kSplit, EntityColumn::kUpdatedAt};
constexpr EntityColumn kLabelColumns[] = {EntityColumn::kId, EntityColumn::kText,
                                          EntityColumn::kUpdatedAt};
constexpr EntityColumn kAnchorColumns[] = {EntityColumn::kId, EntityColumn::kText};

}  // namespace

std::span<const EntityColumn> EntityColumns(storage::EntityKind kind) {
  switch (kind) {
    case storage::EntityKind::kDocument:
      return kDocumentColumns;
    case storage::EntityKind::kLabel:
      return kLabelColumns;
    case storage::EntityKind::kAnchor:
      break;
  }
  return kAnchorColumns;
}

std::string_view EntityColumnName(EntityColumn column) {
  static constexpr std::array<std::string_view, 4> kNames = {"id", "text", "split", "updated_at"};
  return kNames[static_cast<std::size_t>(column)];
}

void ShowColumn(const storage::EntityRow& row, EntityColumn column, Value* value) {
  switch (column) {
    case EntityColumn::kId:
      value->AssignText(row.id);
      break;
    case EntityColumn::kText:
      value->AssignText(row.text);
      break;
    case EntityColumn::kSplit:
      if (row.split) {
        value->AssignText(*row.split);
      } else {
        *value = Value::Null();
      }
      break;
    case EntityColumn::kUpdatedAt:
      value->AssignText(FormatTimestamp(row.updated_at_micros));
      break;
  }
}

}  // namespace dashi::sql
