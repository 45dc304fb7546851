#include "server/wire_columns.h"

#include <algorithm>
#include <optional>

namespace dashi {

namespace {

TypeOid OfValues(ValueType type) {
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

TypeOid Wider(TypeOid a, TypeOid b) {
  if (a == b) {
    return a;
  }
  const auto is_number = [](TypeOid type) {
    return type == TypeOid::kInt8 || type == TypeOid::kFloat8;
  };
  return is_number(a) && is_number(b) ? TypeOid::kFloat8 : TypeOid::kText;
}

bool IsTyped(const Column& column) {
  return column.sql_type != SqlType::kUnknown || column.type != ValueType::kNull;
}

}  // namespace

TypeOid TypeOidOf(SqlType type) {
  switch (type) {
    case SqlType::kBoolean:
      return TypeOid::kBool;
    case SqlType::kInteger:
      return TypeOid::kInt8;
    case SqlType::kReal:
      return TypeOid::kFloat8;
    case SqlType::kBytes:
      return TypeOid::kBytea;
    case SqlType::kDate:
      return TypeOid::kDate;
    case SqlType::kTime:
      return TypeOid::kTime;
    case SqlType::kTimestamp:
      return TypeOid::kTimestamptz;
    case SqlType::kInterval:
      return TypeOid::kInterval;
    case SqlType::kTextArray:
      return TypeOid::kTextArray;
    case SqlType::kIntegerArray:
      return TypeOid::kInt8Array;
    case SqlType::kRealArray:
      return TypeOid::kFloat8Array;
    case SqlType::kUnknown:
    case SqlType::kText:
      break;
  }
  return TypeOid::kText;
}

Column ColumnOf(const WireColumn& column) {
  switch (column.type) {
    case TypeOid::kBool:
      return {column.name, ValueType::kInteger, SqlType::kBoolean};
    case TypeOid::kInt8:
      return {column.name, ValueType::kInteger, SqlType::kInteger};
    case TypeOid::kFloat8:
      return {column.name, ValueType::kReal, SqlType::kReal};
    case TypeOid::kBytea:
      return {column.name, ValueType::kBlob, SqlType::kBytes};
    case TypeOid::kDate:
      return {column.name, ValueType::kText, SqlType::kDate};
    case TypeOid::kTime:
      return {column.name, ValueType::kText, SqlType::kTime};
    case TypeOid::kTimestamptz:
      return {column.name, ValueType::kText, SqlType::kTimestamp};
    case TypeOid::kInterval:
      return {column.name, ValueType::kText, SqlType::kInterval};
    default:
      return {column.name, ValueType::kText, SqlType::kText};
  }
}

std::vector<WireColumn> WireColumnsOf(const std::vector<Column>& columns,
                                      const std::deque<Row>& first_rows) {
  std::vector<WireColumn> wire_columns;
  wire_columns.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::optional<TypeOid> type;
    if (columns[i].sql_type != SqlType::kUnknown) {
      type = TypeOidOf(columns[i].sql_type);
    } else if (columns[i].type != ValueType::kNull) {
      type = OfValues(columns[i].type);
    } else {
      for (const Row& row : first_rows) {
        if (!row[i].is_null()) {
          const TypeOid seen = OfValues(row[i].type());
          type = type ? Wider(*type, seen) : seen;
        }
      }
    }
    wire_columns.push_back({columns[i].name, type.value_or(TypeOid::kText)});
  }
  return wire_columns;
}

bool AllTyped(const std::vector<Column>& columns) {
  return std::all_of(columns.begin(), columns.end(), IsTyped);
}

}  // namespace dashi
