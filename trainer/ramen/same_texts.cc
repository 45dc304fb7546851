#include "trainer/ramen/same_texts.h"

#include <algorithm>

#include <xxhash.h>

#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

std::uint64_t HashRow(const SparseRows& rows, std::size_t row) {
  const auto columns = RowColumns(rows, row);
  return XXH3_64bits(columns.data(), columns.size_bytes());
}

}  // namespace

bool IsSameRow(const SparseRows& a, std::size_t row_a, const SparseRows& b, std::size_t row_b) {
  const auto columns_a = RowColumns(a, row_a);
  const auto columns_b = RowColumns(b, row_b);
  if (!std::equal(columns_a.begin(), columns_a.end(), columns_b.begin(), columns_b.end())) {
    return false;
  }
  if (a.values.empty() || b.values.empty()) {
    return a.values.empty() == b.values.empty();
  }
  const float* values_a = a.values.data() + a.offsets[row_a];
  return std::equal(values_a, values_a + columns_a.size(), b.values.data() + b.offsets[row_b]);
}

std::uint32_t SameTexts::Add(std::uint32_t row) {
  const std::uint32_t same = Find(texts_, row);
  if (same != kNone) {
    return same;
  }
  rows_.emplace(HashRow(texts_, row), row);
  return row;
}

std::uint32_t SameTexts::Find(const SparseRows& others, std::size_t row) const {
  const auto [begin, end] = rows_.equal_range(HashRow(others, row));
  const auto same = std::find_if(
      begin, end, [&](const auto& entry) { return IsSameRow(texts_, entry.second, others, row); });
  return same == end ? kNone : same->second;
}

std::vector<std::uint32_t> FirstWithSameText(const SparseRows& texts) {
  std::vector<std::uint32_t> first(texts.num_rows());
  SameTexts same(texts);
  for (std::uint32_t row = 0; row < first.size(); ++row) {
    first[row] = same.Add(row);
  }
  return first;
}

}  // namespace dashi::trainer
