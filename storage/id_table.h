#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// Ordinals by id, all in memory. Ids are known by 96 bits of a hash, with a seed that differs from
/// table to table, so that nobody can choose ids that meet; of 10 million by chance two meet once
/// in 10^15 tables.
///
/// Threads: one thread at a time; Find with other calls of Find.
/// Cost:    16 bytes a slot, 21 to 43 bytes an id, however long it is; one cache miss to find one,
///          which many that are asked for together do not wait for one after the other.
class IdTable {
 public:
  IdTable();
  /// Adds an id that is not there yet. Returns false, and adds nothing, where it would make the
  /// table larger than `bytes_max`.
  bool Add(std::string_view id, Ordinal ordinal, std::uint64_t bytes_max);
  std::optional<Ordinal> Find(std::string_view id) const;
  /// Finds many: `ordinals` has the size of `ids`.
  void Find(std::span<const std::string_view> ids,
            std::span<std::optional<Ordinal>> ordinals) const;
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(Slot); }
  /// Makes an empty table large enough for so many ids, unless that takes more than `bytes_max`.
  void Reserve(std::uint64_t num_ids, std::uint64_t bytes_max);
  void Clear();

 private:
  struct Slot {
    std::uint64_t hash_low = 0;
    std::uint32_t hash_high = 0;
    std::uint32_t ordinal_plus_one = 0;  // 0: free
  };
  Slot SlotOf(std::string_view id, std::uint32_t ordinal_plus_one) const;
  // The slot with this hash, or the free one where it belongs.
  std::size_t Locate(const Slot& slot) const;
  std::optional<Ordinal> FindSlot(const Slot& slot) const;
  void Grow();

  std::uint64_t seed_;
  std::uint64_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace dashi::storage
