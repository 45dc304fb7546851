#include "trainer/scratch/row_writer.h"

#include "base/status.h"

namespace dashi::trainer {

Status RowWriter::Append(std::span<const std::uint32_t> columns, std::span<const float> values) {
  DASHI_RETURN_IF_ERROR(offsets_.Append(columns_.size()));  // Where the row begins.
  DASHI_RETURN_IF_ERROR(columns_.Append(columns));
  return values_.Append(values);
}

Status RowWriter::Append(const SparseRows& rows) {
  for (std::size_t row = 0; row < rows.num_rows(); ++row) {
    DASHI_RETURN_IF_ERROR(offsets_.Append(columns_.size() + rows.offsets[row]));
  }
  DASHI_RETURN_IF_ERROR(columns_.Append(rows.columns));
  return values_.Append(rows.values);
}

Result<SparseRows> RowWriter::Finish() {
  SparseRows rows;
  DASHI_RETURN_IF_ERROR(offsets_.Append(columns_.size()));
  DASHI_ASSIGN_OR_RETURN(rows.offsets, offsets_.Finish());
  DASHI_ASSIGN_OR_RETURN(rows.columns, columns_.Finish());
  DASHI_ASSIGN_OR_RETURN(rows.values, values_.Finish());
  return rows;
}

}  // namespace dashi::trainer
