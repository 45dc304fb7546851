#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/entity.h"

namespace dashi::storage {

/// A part of a load's ids, gathered to be visited in their order.
///
/// Threads: one thread at a time.
/// Cost:    24 bytes an id and the id itself; n log n comparisons, n when they come sorted.
class LoadIdRun {
 public:
  void Add(std::string_view id, Ordinal ordinal);
  bool empty() const { return entries_.empty(); }
  /// The memory it takes, not counting the room to grow.
  std::uint64_t bytes() const { return ids_.size() + entries_.size() * sizeof(Entry); }
  /// Calls `visit` for each id, ascending by bytes, and forgets them, unless it fails.
  Status Drain(const std::function<Status(std::string_view id, Ordinal ordinal)>& visit);

 private:
  struct Entry {
    std::uint64_t prefix = 0;  // the first eight bytes as one big-endian number
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    Ordinal ordinal{};
  };
  std::string_view IdOf(const Entry& entry) const {
    return std::string_view(ids_).substr(entry.offset, entry.size);
  }
  bool IsLess(const Entry& a, const Entry& b) const;

  std::string ids_;
  std::vector<Entry> entries_;
  bool sorted_ = true;
};

}  // namespace dashi::storage
