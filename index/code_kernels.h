#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dashi::index {

/// Kernels over rows of 8-bit codes, dispatched at run time as those of vector_kernels.h are. All
/// sums are of integers: each has the bits of its naive twin on every instruction set.
///
/// A row stands for scale * codes: a float32 scale, then int8 codes [dim].
///
/// Threads: pure functions.

/// Bytes from a row to the next.
constexpr std::size_t CodeRowBytes(std::size_t dim) { return sizeof(float) + dim; }
/// Bytes behind the last row that kernels read and do not use.
inline constexpr std::size_t kCodePaddingBytes = 64;
/// Values of a packed query, which a row's codes are multiplied with: dim, then zeros.
constexpr std::size_t PackedQuerySize(std::size_t dim) { return (dim + 63) / 64 * 64; }

/// Rounds a row to codes.  Shape: row [dim] binary16, out [CodeRowBytes(dim)].
/// Units: an infinite value counts as the largest finite one, one that is no number as 0.
void EncodeRow(const std::uint16_t* row, std::size_t dim, std::uint8_t* out);
/// Rounds a query to 16 bits, fewer where sums of `dim` products could overflow otherwise. Returns
/// its scale.  Shape: query [dim] finite, packed [PackedQuerySize(dim)].
float PackQuery(const float* query, std::size_t dim, std::int16_t* packed);
/// out[i] = the product of the query and rows[positions[i]], about <query, row>, fetching rows
/// ahead.  Shape: packed [PackedQuerySize(dim)], out [positions.size()].
void ScoreCodeRowsAt(const std::int16_t* packed, float query_scale, const std::uint8_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out);
/// The same without SIMD, for tests to compare with.
void ScoreCodeRowsAtNaive(const std::int16_t* packed, float query_scale, const std::uint8_t* rows,
                          std::span<const std::uint32_t> positions, std::size_t dim, float* out);

}  // namespace dashi::index
