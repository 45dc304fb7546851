#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "index/vector_index.h"

namespace dashi::index {

/// A query in the form that rows of codes are scored with.
struct CodedQuery {
  std::vector<std::int16_t> values;
  float scale = 0;
};

/// Vectors rounded to 8 bits a value, with a scale for each: half the memory traffic of binary16,
/// for searches that score their best candidates once more. Borrowed.
///
/// Units: a score is off by 1/250 of the largest value of its row, times the query's L1 norm, at
///        most; by next to nothing in the mean.
struct RowCodesView {
  const std::uint8_t* data = nullptr;  ///< [rows, CodeRowBytes(dim)], then kCodePaddingBytes
  std::size_t dim = 0;

  /// Shape: query [dim] finite.
  void Prepare(std::span<const float> query, CodedQuery* prepared) const;
  /// Shape: scores [positions.size()].
  void ScoreAt(const CodedQuery& query, std::span<const Position> positions, float* scores) const;
};

/// Keeps codes of vectors.
class RowCodes {
 public:
  RowCodes() = default;
  /// Cost: one pass over the vectors, about half a second for a million of 384 values.
  explicit RowCodes(HalfMatrixView vectors);

  std::uint64_t memory_bytes() const { return num_bytes_; }
  RowCodesView view() const { return {codes_.get(), dim_}; }

 private:
  std::size_t dim_ = 0;
  std::size_t num_bytes_ = 0;
  std::unique_ptr<std::uint8_t[]> codes_;
};

}  // namespace dashi::index
