#pragma once

#include <cstdint>
#include <span>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// The columns of one row.
std::span<const std::uint32_t> RowColumns(const SparseRows& rows, std::size_t row);

/// Says that the chosen rows will be read soon. A hint, for rows in files.
void WillNeedRows(const SparseRows& rows, std::span<const std::uint32_t> chosen);

/// Appends row `row` of `from` to `to`, which must agree on having values.
void AppendRow(const SparseRows& from, std::size_t row, SparseRows* to);

/// Returns the chosen rows, in the order given.
SparseRows SelectRows(const SparseRows& from, std::span<const std::uint32_t> rows);

}  // namespace dashi::trainer
