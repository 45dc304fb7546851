#include "trainer/sparse_rows.h"

namespace dashi::trainer {

std::span<const std::uint32_t> RowColumns(const SparseRows& rows, std::size_t row) {
  return {rows.columns.data() + rows.offsets[row],
          static_cast<std::size_t>(rows.offsets[row + 1] - rows.offsets[row])};
}

void WillNeedRows(const SparseRows& rows, std::span<const std::uint32_t> chosen) {
  if (!rows.columns.is_mapped()) {
    return;
  }
  for (const std::uint32_t row : chosen) {
    const std::uint64_t first = rows.offsets[row];
    const std::uint64_t size = rows.offsets[row + std::size_t{1}] - first;
    rows.columns.WillNeed(first, size);
    rows.values.WillNeed(first, size);
  }
}

void AppendRow(const SparseRows& from, std::size_t row, SparseRows* to) {
  const auto first = static_cast<std::ptrdiff_t>(from.offsets[row]);
  const auto last = static_cast<std::ptrdiff_t>(from.offsets[row + 1]);
  to->columns.insert(to->columns.end(), from.columns.begin() + first, from.columns.begin() + last);
  if (!from.values.empty()) {
    to->values.insert(to->values.end(), from.values.begin() + first, from.values.begin() + last);
  }
  to->offsets.push_back(to->columns.size());
}

SparseRows SelectRows(const SparseRows& from, std::span<const std::uint32_t> rows) {
  SparseRows selected;
  for (const std::uint32_t row : rows) {
    AppendRow(from, row, &selected);
  }
  return selected;
}

}  // namespace dashi::trainer
