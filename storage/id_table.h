#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// Ids and their ordinals, all in memory.
///
/// Threads: one thread at a time; Find with other calls of Find.
/// Cost:    an id's bytes and 19 to 27 more; one cache miss or two to find one.
class IdTable {
 public:
  /// Adds an id that is not there yet. Returns false, and adds nothing, where it would make the
  /// table larger than `bytes_max`.
  bool Add(std::string_view id, Ordinal ordinal, std::uint64_t bytes_max);
  std::optional<Ordinal> Find(std::string_view id) const;
  std::uint64_t size() const { return entries_.size(); }
  std::uint64_t bytes() const;
  void Clear();

 private:
  struct Entry {
    std::uint32_t end = 0;  // of the id in ids_; it begins where the one before ends
    Ordinal ordinal{};
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t entry_plus_one = 0;  // 0: free
  };
  std::string_view IdOf(std::size_t entry) const;
  void Place(Slot slot);
  void Grow();

  std::string ids_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
};

}  // namespace dashi::storage
