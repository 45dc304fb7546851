#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace dashi::index {

/// A compressed set of row numbers.
///
/// Threads: const methods may be called at once.
/// Paper:   Lemire et al. 2018, "Roaring bitmaps: implementation of an optimized software library".
class RowSet {
 public:
  RowSet();
  ~RowSet();
  RowSet(RowSet&&) noexcept;
  RowSet& operator=(RowSet&&) noexcept;

  void Add(std::uint32_t row);
  /// Keeps the rows that are in both.
  void IntersectWith(const RowSet& other);
  bool Contains(std::uint32_t row) const;
  std::size_t size() const;

 private:
  struct Bitmap;
  std::unique_ptr<Bitmap> bitmap_;
};

}  // namespace dashi::index
