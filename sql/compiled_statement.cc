#include "sql/compiled_statement.h"

#include <string_view>

#include "sql/declared_type.h"

namespace dashi::sql {

namespace {

ValueType ValueTypeOf(SqlType type) {
  switch (type) {
    case SqlType::kUnknown:
      return ValueType::kNull;
    case SqlType::kBoolean:
    case SqlType::kInteger:
    case SqlType::kOid:
    case SqlType::kSmallInt:
    case SqlType::kInt:
    case SqlType::kXid:
      return ValueType::kInteger;
    case SqlType::kReal:
    case SqlType::kSingle:
      return ValueType::kReal;
    case SqlType::kBytes:
    case SqlType::kVector:
      return ValueType::kBlob;
    default:
      return ValueType::kText;
  }
}

}  // namespace

std::vector<Column> CompiledStatement::Columns() const {
  const auto count = static_cast<std::size_t>(sqlite3_column_count(get()));
  std::vector<Column> columns;
  columns.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = sqlite3_column_name(get(), static_cast<int>(i));
    const char* declared = sqlite3_column_decltype(get(), static_cast<int>(i));
    SqlType type = DeclaredSqlType(declared == nullptr ? "" : declared);
    if (type == SqlType::kUnknown && i + result_types_.size() >= count) {
      type = result_types_[i + result_types_.size() - count];
    }
    columns.push_back({name == nullptr ? "" : name, ValueTypeOf(type), type});
  }
  return columns;
}

}  // namespace dashi::sql
