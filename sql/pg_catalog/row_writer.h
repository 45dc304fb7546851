#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/value.h"
#include "sql/pg_catalog/catalog_objects.h"

namespace dashi::sql::pg_catalog {

/// Writes the rows of one of PostgreSQL's tables, column by column.
///
/// What is not set is 0, false or, for "char", empty, and NULL in columns of other types and in
/// information_schema.
/// Threads: one thread at a time.
class RowWriter {
 public:
  /// `relation` is one of SystemCatalogRelations(). Both are borrowed.
  RowWriter(const CatalogRelation& relation, std::vector<Row>* rows);

  /// Begins a row.
  RowWriter& Next();
  /// Sets a column of the row that was begun; one that there is not is a bug.
  RowWriter& Set(std::string_view column, Value value);
  /// An integer, or the text of one letter.
  template <std::integral Number>
  RowWriter& Set(std::string_view column, Number value) {
    if constexpr (std::is_same_v<Number, char>) {
      return Set(column, std::string_view(&value, 1));
    } else {
      return Set(column, Value::Integer(static_cast<std::int64_t>(value)));
    }
  }
  RowWriter& Set(std::string_view column, std::string_view text) {
    return Set(column, Value::Text(std::string(text)));
  }
  RowWriter& Set(std::string_view column, const char* text) {
    return Set(column, std::string_view(text));
  }

 private:
  const CatalogRelation& relation_;
  std::vector<Row>& rows_;
  Row blank_;
};

/// "1 2": PostgreSQL's vectors, and "{1,2}": its arrays.
template <typename Number>
std::string VectorText(const std::vector<Number>& numbers) {
  std::string text;
  for (const Number number : numbers) {
    text += text.empty() ? "" : " ";
    text += std::to_string(number);
  }
  return text;
}
template <typename Number>
std::string ArrayText(const std::vector<Number>& numbers) {
  std::string text = "{";
  for (const Number number : numbers) {
    text += text.size() == 1 ? "" : ",";
    text += std::to_string(number);
  }
  return text + "}";
}

}  // namespace dashi::sql::pg_catalog
