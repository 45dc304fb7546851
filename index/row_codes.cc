#include "index/row_codes.h"

#include <algorithm>
#include <sys/mman.h>

#include "index/code_kernels.h"

namespace dashi::index {

namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

// Asks for huge pages, before the memory is first touched: rows are read at random, and each would
// miss the processor's list of pages too. Where there are none, nothing happens.
void AskForHugePages(std::uint8_t* data, std::size_t size) {
  void* begin = data;
  if (std::align(kHugePageBytes, kHugePageBytes, begin, size) != nullptr) {
    ::madvise(begin, size / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
  }
}

}  // namespace

RowCodes::RowCodes(HalfMatrixView vectors)
    : dim_(vectors.dim),
      num_bytes_(vectors.rows * CodeRowBytes(vectors.dim) + kCodePaddingBytes),
      codes_(std::make_unique_for_overwrite<std::uint8_t[]>(num_bytes_)) {
  AskForHugePages(codes_.get(), num_bytes_);
  for (std::size_t row = 0; row < vectors.rows; ++row) {
    EncodeRow(vectors.data + row * dim_, dim_, codes_.get() + row * CodeRowBytes(dim_));
  }
  std::fill_n(codes_.get() + num_bytes_ - kCodePaddingBytes, kCodePaddingBytes, std::uint8_t{0});
}

void RowCodes::Prepare(std::span<const float> query, Query* prepared) const {
  prepared->values.resize(PackedQuerySize(dim_));
  prepared->scale = PackQuery(query.data(), dim_, prepared->values.data());
}

void RowCodes::ScoreAt(const Query& query, std::span<const Position> positions,
                       float* scores) const {
  ScoreCodeRowsAt(query.values.data(), query.scale, codes_.get(), positions, dim_, scores);
}

}  // namespace dashi::index
