#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::sql {

/// Looks up the ids of ordinals and keeps the last ones, because a label comes up again and again.
/// The view must outlive it.
///
/// Errors:  kCorruption when there is no such row, naming `table`, which refers to it.
/// Threads: one thread at a time.
/// Cost:    a point read for an ordinal that is not known; up to 65,536 ids of memory.
class IdCache {
 public:
  IdCache(const storage::View& view, storage::EntityKind kind, std::string_view table)
      : view_(view), kind_(kind), table_(table) {}

  /// Valid until the next call.
  Result<std::string_view> Find(storage::Ordinal ordinal);

 private:
  static constexpr std::size_t kIdsMax = 65536;

  const storage::View& view_;
  const storage::EntityKind kind_;
  const std::string_view table_;  // of static text
  std::unordered_map<std::uint32_t, std::string> ids_;
};

}  // namespace dashi::sql
