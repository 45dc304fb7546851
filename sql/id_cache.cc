#include "sql/id_cache.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::sql {

Result<std::string_view> IdCache::Find(storage::Ordinal ordinal) {
  const auto found = ids_.find(storage::ToInteger(ordinal));
  if (found != ids_.end()) {
    return std::string_view(found->second);
  }
  if (ids_.size() >= kIdsMax) {
    ids_.clear();
  }
  DASHI_ASSIGN_OR_RETURN(std::optional<storage::EntityRow> row, view_.GetRow(kind_, ordinal));
  if (!row) {
    return Status::Corruption(fmt::format("{} names a row that does not exist: {} {}", table_,
                                          EntityTableName(kind_), storage::ToInteger(ordinal)));
  }
  return std::string_view(
      ids_.emplace(storage::ToInteger(ordinal), std::move(row->id)).first->second);
}

}  // namespace dashi::sql
