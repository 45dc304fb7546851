#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "storage/schema_record.h"

namespace dashi::sql {

/// The user columns of labels that a table of found labels shows behind its own: those whose names
/// it does not have itself. They point into `schema`.
std::vector<const storage::ColumnRecord*> LabelColumnsBeside(const storage::SchemaRecord& schema,
                                                             std::span<const std::string_view> own);

}  // namespace dashi::sql
