#include "storage/index_entries.h"

#include <utility>

#include "base/status.h"
#include "storage/key_codec.h"
#include "storage/ordered_value.h"

namespace dashi::storage {

std::string IndexEntryOf(const IndexRecord& index, const ColumnRecord& column, Ordinal ordinal,
                         const EntityRow& row) {
  return IndexEntryKey(index.number, EncodeOrdered(ColumnValue(row, column)), ordinal);
}

Status ForEachIndexChange(const SchemaRecord& schema, Ordinal ordinal, const EntityRow* before,
                          const EntityRow* after,
                          const std::function<Status(std::string key, bool add)>& change) {
  for (const IndexRecord& index : schema.indexes) {
    const ColumnRecord* column = schema.FindColumn(index.column);
    DASHI_CHECK(column != nullptr);  // An index goes with its column.
    std::string old_key;
    std::string new_key;
    if (before != nullptr) {
      old_key = IndexEntryOf(index, *column, ordinal, *before);
    }
    if (after != nullptr) {
      new_key = IndexEntryOf(index, *column, ordinal, *after);
    }
    if (old_key == new_key) {
      continue;
    }
    if (before != nullptr) {
      DASHI_RETURN_IF_ERROR(change(std::move(old_key), /*add=*/false));
    }
    if (after != nullptr) {
      DASHI_RETURN_IF_ERROR(change(std::move(new_key), /*add=*/true));
    }
  }
  return Status::Ok();
}

}  // namespace dashi::storage
