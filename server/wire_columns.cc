#include "server/wire_columns.h"

#include <algorithm>
#include <iterator>
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
  static constexpr TypeOid kOids[] = {
      TypeOid::kText,        TypeOid::kBool,         TypeOid::kInt8,      TypeOid::kFloat8,
      TypeOid::kText,        TypeOid::kBytea,        TypeOid::kDate,      TypeOid::kTime,
      TypeOid::kTimestamptz, TypeOid::kInterval,     TypeOid::kTextArray, TypeOid::kInt8Array,
      TypeOid::kFloat8Array, TypeOid::kOid,          TypeOid::kName,      TypeOid::kChar,
      TypeOid::kInt2,        TypeOid::kInt4,         TypeOid::kFloat4,    TypeOid::kXid,
      TypeOid::kRegclass,    TypeOid::kRegtype,      TypeOid::kRegproc,   TypeOid::kRegnamespace,
      TypeOid::kRegrole,     TypeOid::kInt2Vector,   TypeOid::kOidVector, TypeOid::kBoolArray,
      TypeOid::kOidArray,    TypeOid::kInt2Array,    TypeOid::kCharArray, TypeOid::kNameArray,
      TypeOid::kFloat4Array, TypeOid::kAclItemArray, TypeOid::kNodeTree,  TypeOid::kFloat4Array};
  static_assert(std::size(kOids) == static_cast<std::size_t>(SqlType::kVector) + 1);
  return kOids[static_cast<std::size_t>(type)];
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
    case TypeOid::kText:
      return {column.name, ValueType::kText, SqlType::kText};
    default:
      break;
  }
  // Types of the catalog, and arrays.
  for (int number = static_cast<int>(SqlType::kTextArray);
       number <= static_cast<int>(SqlType::kNodeTree); ++number) {
    const auto type = static_cast<SqlType>(number);
    if (TypeOidOf(type) == column.type) {
      const bool integer = type == SqlType::kOid || type == SqlType::kXid ||
                           type == SqlType::kSmallInt || type == SqlType::kInt;
      return {column.name,
              integer                    ? ValueType::kInteger
              : type == SqlType::kSingle ? ValueType::kReal
                                         : ValueType::kText,
              type};
    }
  }
  return {column.name, ValueType::kText, SqlType::kText};
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
