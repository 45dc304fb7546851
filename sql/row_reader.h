#pragma once

#include <cstdint>

#include "dashi/status.h"

namespace dashi::sql {

/// Reads rows of one type from a file, in their order.
///
/// Threads: one thread at a time.
template <typename Row>
class RowReader {
 public:
  virtual ~RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  /// Reads the next row; false at the end of the file. Reuses the memory of `*row`.
  ///
  /// Errors: kInvalidArgument for a bad row, of which only `row->line` is set: Next may be called
  ///         again for the row after it. Any other code ends the reading.
  virtual Result<bool> Next(Row* row) = 0;

  /// Return how far the reading is, in bytes of the file as it lies on disk (compressed).
  virtual std::uint64_t bytes_read() const = 0;
  virtual std::uint64_t bytes_total() const = 0;

 protected:
  RowReader() = default;
};

}  // namespace dashi::sql
