#include "index/row_codes.h"

#include <algorithm>

#include "index/code_kernels.h"

namespace dashi::index {

RowCodes::RowCodes(HalfMatrixView vectors)
    : dim_(vectors.dim),
      num_bytes_(vectors.rows * CodeRowBytes(vectors.dim) + kCodePaddingBytes),
      codes_(std::make_unique_for_overwrite<std::uint8_t[]>(num_bytes_)) {
  for (std::size_t row = 0; row < vectors.rows; ++row) {
    EncodeRow(vectors.data + row * dim_, dim_, codes_.get() + row * CodeRowBytes(dim_));
  }
  std::fill_n(codes_.get() + num_bytes_ - kCodePaddingBytes, kCodePaddingBytes, std::uint8_t{0});
}

void RowCodesView::Prepare(std::span<const float> query, CodedQuery* prepared) const {
  prepared->values.resize(PackedQuerySize(dim));
  prepared->scale = PackQuery(query.data(), dim, prepared->values.data());
}

void RowCodesView::ScoreAt(const CodedQuery& query, std::span<const Position> positions,
                           float* scores) const {
  ScoreCodeRowsAt(query.values.data(), query.scale, data, positions, dim, scores);
}

}  // namespace dashi::index
