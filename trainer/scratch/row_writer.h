#pragma once

#include <cstdint>
#include <span>

#include "dashi/status.h"
#include "trainer/scratch/number_writer.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Writes SparseRows from the first row to the last, in memory or in files (NumberWriter).
///
/// Errors:  as NumberWriter.
/// Threads: one thread at a time.
class RowWriter {
 public:
  /// `space` must outlive this and the rows; null: in memory.
  explicit RowWriter(ScratchSpace* space) : offsets_(space), columns_(space), values_(space) {}

  /// Values of all rows, or of none.  Shape: values [columns.size()], or empty.
  Status Append(std::span<const std::uint32_t> columns, std::span<const float> values);
  /// Appends all rows of `rows`.
  Status Append(const SparseRows& rows);

  std::uint64_t num_columns() const { return columns_.size(); }

  /// The last call.
  Result<SparseRows> Finish();

 private:
  NumberWriter<std::uint64_t> offsets_;
  NumberWriter<std::uint32_t> columns_;
  NumberWriter<float> values_;
};

}  // namespace dashi::trainer
