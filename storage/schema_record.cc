#include "storage/schema_record.h"

#include <algorithm>

#include "base/status.h"

namespace dashi::storage {

namespace {

bool SameName(std::string_view a, std::string_view b) {
  const auto fold = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return fold(x) == fold(y); });
}

}  // namespace

std::string_view ColumnTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kInteger:
      return "INTEGER";
    case ColumnType::kReal:
      return "REAL";
    case ColumnType::kText:
      return "TEXT";
    case ColumnType::kBoolean:
      return "BOOLEAN";
    case ColumnType::kTimestamp:
      return "TIMESTAMP";
    case ColumnType::kVector:
      return "VECTOR";
  }
  DASHI_CHECK(false);
  return "";
}

std::string ColumnTypeText(const ColumnRecord& column) {
  std::string text(ColumnTypeName(column.type));
  return column.dimension == 0 ? text : text + "(" + std::to_string(column.dimension) + ")";
}

const ColumnRecord* SchemaRecord::FindColumn(std::string_view name) const {
  for (const ColumnRecord& column : columns) {
    if (!column.dropped && SameName(column.name, name)) {
      return &column;
    }
  }
  return nullptr;
}

const ColumnRecord* SchemaRecord::FindColumn(std::uint32_t number) const {
  for (const ColumnRecord& column : columns) {
    if (!column.dropped && column.number == number) {
      return &column;
    }
  }
  return nullptr;
}

const IndexRecord* SchemaRecord::FindIndex(std::string_view name) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [&](const IndexRecord& index) {
    return SameName(index.name, name);
  });
  return found == indexes.end() ? nullptr : &*found;
}

const IndexRecord* SchemaRecord::FindIndex(std::uint32_t number) const {
  const auto found = std::find_if(indexes.begin(), indexes.end(),
                                  [&](const IndexRecord& index) { return index.number == number; });
  return found == indexes.end() ? nullptr : &*found;
}

std::vector<const ColumnRecord*> SchemaRecord::LiveColumns() const {
  std::vector<const ColumnRecord*> live;
  for (const ColumnRecord& column : columns) {
    if (!column.dropped) {
      live.push_back(&column);
    }
  }
  return live;
}

const Value& ColumnValue(const EntityRow& row, const ColumnRecord& column) {
  const auto found = std::lower_bound(
      row.attributes.begin(), row.attributes.end(), column.number,
      [](const Attribute& attribute, std::uint32_t number) { return attribute.column < number; });
  const bool stored = found != row.attributes.end() && found->column == column.number;
  return stored ? found->value : column.default_value;
}

}  // namespace dashi::storage
