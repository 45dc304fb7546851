#include "server/wire_columns.h"

#include <algorithm>
#include <optional>

namespace dashi {

namespace {

TypeOid Wider(TypeOid a, TypeOid b) {
  if (a == b) {
    return a;
  }
  const auto is_number = [](TypeOid type) {
    return type == TypeOid::kInt8 || type == TypeOid::kFloat8;
  };
  return is_number(a) && is_number(b) ? TypeOid::kFloat8 : TypeOid::kText;
}

}  // namespace

TypeOid TypeOidOf(ValueType type) {
  switch (type) {
    case ValueType::kInteger:
      return TypeOid::kInt8;
    case ValueType::kReal:
      return TypeOid::kFloat8;
    case ValueType::kBlob:
      return TypeOid::kBytea;
    case ValueType::kNull:
    case ValueType::kText:
      break;
  }
  return TypeOid::kText;
}

ValueType ValueTypeOf(TypeOid type) {
  switch (type) {
    case TypeOid::kInt8:
      return ValueType::kInteger;
    case TypeOid::kFloat8:
      return ValueType::kReal;
    case TypeOid::kBytea:
      return ValueType::kBlob;
    default:
      return ValueType::kText;
  }
}

std::vector<WireColumn> WireColumnsOf(const std::vector<Column>& columns,
                                      const std::deque<Row>& first_rows) {
  std::vector<WireColumn> wire_columns;
  wire_columns.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::optional<TypeOid> type;
    if (columns[i].type != ValueType::kNull) {
      type = TypeOidOf(columns[i].type);
    } else {
      for (const Row& row : first_rows) {
        if (!row[i].is_null()) {
          const TypeOid seen = TypeOidOf(row[i].type());
          type = type ? Wider(*type, seen) : seen;
        }
      }
    }
    wire_columns.push_back({columns[i].name, type.value_or(TypeOid::kText)});
  }
  return wire_columns;
}

bool AllTyped(const std::vector<Column>& columns) {
  return std::none_of(columns.begin(), columns.end(),
                      [](const Column& column) { return column.type == ValueType::kNull; });
}

}  // namespace dashi
