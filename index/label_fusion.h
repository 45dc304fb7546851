#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dashi::index {

/// Folds two vectors per label into one: row = a * first + b * second, so that
/// <e, row> = a <e, first> + b <e, second> for any query e.
///
/// Shape: first, second [rows, dim] binary16; an empty `second` counts as zero; result [rows, dim].
/// Units: rounding to binary16 moves a score by at most about 5e-4 of its vectors' norms.
std::vector<std::uint16_t> FoldVectors(std::span<const std::uint16_t> first,
                                       std::span<const std::uint16_t> second, std::size_t dim,
                                       float a, float b);

}  // namespace dashi::index
