#include "sql/pg_catalog/row_writer.h"

#include <utility>

#include "base/status.h"
#include "sql/pg_catalog/builtin_types.h"

namespace dashi::sql::pg_catalog {

RowWriter::RowWriter(const CatalogRelation& relation, std::vector<Row>* rows)
    : relation_(relation), rows_(*rows) {
  blank_.reserve(relation.columns.size());
  for (const CatalogColumn& column : relation.columns) {
    const BuiltinType* type = FindType(column.type);
    const std::string_view name = type->name;
    if (relation.schema != kCatalogSchema || relation.kind == 'v') {
      blank_.push_back(Value::Null());
    } else if (name == "char") {
      blank_.push_back(Value::Text({}));
    } else if (name == "float4") {
      blank_.push_back(Value::Real(0));
    } else if (name == "bool" || name == "oid" || name == "int2" || name == "int4" ||
               name == "int8" || name == "regproc" || name == "xid") {
      blank_.push_back(Value::Integer(0));
    } else {
      blank_.push_back(Value::Null());
    }
  }
}

RowWriter& RowWriter::Next() {
  rows_.push_back(blank_);
  return *this;
}

RowWriter& RowWriter::Set(std::string_view column, Value value) {
  const CatalogColumn* found = relation_.FindColumn(column);
  DASHI_CHECK(found != nullptr);
  rows_.back()[static_cast<std::size_t>(found->number) - 1] = std::move(value);
  return *this;
}

}  // namespace dashi::sql::pg_catalog
