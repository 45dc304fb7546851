#pragma once

#include <span>
#include <string>
#include <vector>

#include "index/vector_index.h"

namespace dashi::index {

/// A row that repeats an earlier one, bit by bit.
struct DuplicateRow {
  Position first = 0;  ///< where the vector stands for the first time
  Position duplicate = 0;

  auto operator<=>(const DuplicateRow&) const = default;
};

/// The repeated rows of a matrix, by first row, then position. Borrowed.
struct DuplicateRowsView {
  std::span<const DuplicateRow> all;

  std::span<const DuplicateRow> Of(Position first) const;
  /// Returns what is wrong with rows read from outside, but for the vectors, or nothing.
  std::string FindFault(std::size_t num_rows) const;
};

/// The repeated rows of a matrix, by first row, then position. A graph links only first rows: links
/// among many equal vectors would cut them off from the rest.
class DuplicateRows {
 public:
  DuplicateRows() = default;
  explicit DuplicateRows(std::vector<DuplicateRow> rows) : rows_(std::move(rows)) {}
  static DuplicateRows Find(HalfMatrixView vectors);
  /// The same among some rows alone.  Shape: ascending, distinct.
  static DuplicateRows Find(HalfMatrixView vectors, std::span<const Position> among);

  DuplicateRowsView view() const { return {rows_}; }
  std::span<const DuplicateRow> all() const { return rows_; }
  /// The rows that repeat no earlier one, ascending.
  std::vector<Position> FirstRows(std::size_t num_rows) const;
  /// Returns what is wrong with rows read from outside, or nothing.
  std::string FindFault(HalfMatrixView vectors) const;

 private:
  std::vector<DuplicateRow> rows_;
};

}  // namespace dashi::index
