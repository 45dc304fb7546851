#pragma once

#include <cstdint>
#include <vector>

#include "storage/entity.h"

namespace dashi::storage {

/// A set of ordinals below a limit, one bit each: ordinals are given out without gaps, so this is
/// 12.5 MB for a hundred million rows.
///
/// Threads: as a standard container.
class OrdinalSet {
 public:
  OrdinalSet() = default;
  explicit OrdinalSet(std::uint64_t limit) : limit_(limit), words_((limit + 63) / 64) {}

  std::uint64_t limit() const { return limit_; }
  std::uint64_t size() const { return size_; }
  /// Adds an ordinal; those from the limit on are left out.
  void Add(Ordinal ordinal);
  bool Contains(Ordinal ordinal) const;

 private:
  std::uint64_t limit_ = 0;
  std::uint64_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace dashi::storage
