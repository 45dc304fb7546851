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

  /// Reads the rows of a set, ascending.
  ///
  /// Threads: one thread at a time. Must not outlive the set, which must not change meanwhile.
  class Reader {
   public:
    explicit Reader(const RowSet& rows);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    bool at_end() const;
    std::uint32_t row() const;  ///< only before the end
    void Next();
    /// Goes on to the first row that is not below `row`. Cost: logarithmic in what is left out.
    void Seek(std::uint32_t row);

   private:
    struct Place;
    std::unique_ptr<Place> place_;
  };

 private:
  struct Bitmap;
  std::unique_ptr<Bitmap> bitmap_;
};

}  // namespace dashi::index
