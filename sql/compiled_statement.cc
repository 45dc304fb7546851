#include "sql/compiled_statement.h"

#include <string_view>

namespace dashi::sql {

namespace {

// What a table's declaration says of a column.
SqlType DeclaredType(const char* declared) {
  const std::string_view name = declared == nullptr ? "" : declared;
  if (name == "BOOLEAN") {
    return SqlType::kBoolean;
  }
  if (name.starts_with("INTEGER")) {
    return SqlType::kInteger;
  }
  if (name.starts_with("REAL")) {
    return SqlType::kReal;
  }
  if (name.starts_with("TEXT TIMESTAMP")) {
    return SqlType::kTimestamp;
  }
  return name.starts_with("TEXT") ? SqlType::kText : SqlType::kUnknown;
}

ValueType ValueTypeOf(SqlType type) {
  switch (type) {
    case SqlType::kUnknown:
      return ValueType::kNull;
    case SqlType::kBoolean:
    case SqlType::kInteger:
      return ValueType::kInteger;
    case SqlType::kReal:
      return ValueType::kReal;
    case SqlType::kBytes:
      return ValueType::kBlob;
    case SqlType::kText:
    case SqlType::kDate:
    case SqlType::kTime:
    case SqlType::kTimestamp:
    case SqlType::kInterval:
    case SqlType::kTextArray:
    case SqlType::kIntegerArray:
    case SqlType::kRealArray:
      return ValueType::kText;
  }
  return ValueType::kNull;
}

}  // namespace

std::vector<Column> CompiledStatement::Columns() const {
  const auto count = static_cast<std::size_t>(sqlite3_column_count(get()));
  std::vector<Column> columns;
  columns.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = sqlite3_column_name(get(), static_cast<int>(i));
    SqlType type = DeclaredType(sqlite3_column_decltype(get(), static_cast<int>(i)));
    if (type == SqlType::kUnknown && i + result_types_.size() >= count) {
      type = result_types_[i + result_types_.size() - count];
    }
    columns.push_back({name == nullptr ? "" : name, ValueTypeOf(type), type});
  }
  return columns;
}

}  // namespace dashi::sql
