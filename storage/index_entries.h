#pragma once

#include <functional>
#include <string>

#include "dashi/status.h"
#include "storage/entity.h"
#include "storage/schema_record.h"

namespace dashi::storage {

/// Calls `change` for every entry of `attributes` that a write of a row removes or adds; `before`
/// and `after` are null when the row is new or goes. Entries that stay are left out.
///
/// Errors: those of `change`.
Status ForEachIndexChange(const SchemaRecord& schema, Ordinal ordinal, const EntityRow* before,
                          const EntityRow* after,
                          const std::function<Status(std::string key, bool add)>& change);

/// The key of a row's entry in an index over `column`.
std::string IndexEntryOf(const IndexRecord& index, const ColumnRecord& column, Ordinal ordinal,
                         const EntityRow& row);

}  // namespace dashi::storage
