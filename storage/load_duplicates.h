#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// Finds the ids that a load has seen, by hash and block number; the ids stand in the blocks.
///
/// Threads: one thread at a time.
/// Cost:    8 bytes a slot, 11 to 21 bytes an id (while the table grows, half as much again).
class LoadedIdTable {
 public:
  /// Calls `holds(block)` for each block that may hold an id of this hash, until one does. Returns
  /// whether one did.
  bool Find(std::uint64_t hash, const std::function<bool(std::uint32_t block)>& holds) const;
  void Add(std::uint64_t hash, std::uint32_t block);
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t block_plus_one = 0;  // 0: free
  };
  void Place(Slot slot);
  void Grow();

  std::vector<Slot> slots_;
  std::uint64_t size_ = 0;
};

/// The relevance pairs that a load has seen.
///
/// Threads: one thread at a time.
/// Cost:    11 to 21 bytes a pair.
class LoadedPairSet {
 public:
  /// Returns whether the pair is new.
  bool Add(Ordinal document, Ordinal label);
  bool Contains(Ordinal document, Ordinal label) const;
  /// Makes an empty set large enough for so many pairs, unless that takes more than `bytes_max`.
  void Reserve(std::uint64_t num_pairs, std::uint64_t bytes_max);
  /// Has the memory fetched that Add will ask for, so that several wait for it together.
  void Prefetch(Ordinal document, Ordinal label) const;
  std::uint64_t size() const { return size_; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(std::uint64_t); }
  /// Calls `visit` for each pair until it returns false.
  void ForEach(const std::function<bool(Ordinal document, Ordinal label)>& visit) const;

 private:
  std::uint64_t SlotOf(std::uint64_t pair) const;
  void Grow();

  std::vector<std::uint64_t> slots_;
  std::uint64_t size_ = 0;
};

}  // namespace dashi::storage
