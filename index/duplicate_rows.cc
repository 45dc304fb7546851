#include "index/duplicate_rows.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <unordered_map>

#include <xxhash.h>

namespace dashi::index {

namespace {

bool SameRow(HalfMatrixView vectors, Position a, Position b) {
  return std::memcmp(vectors.data + a * vectors.dim, vectors.data + b * vectors.dim,
                     vectors.dim * sizeof(std::uint16_t)) == 0;
}

}  // namespace

DuplicateRows DuplicateRows::Find(HalfMatrixView vectors) {
  std::vector<Position> all(vectors.rows);
  std::iota(all.begin(), all.end(), Position{0});
  return Find(vectors, all);
}

DuplicateRows DuplicateRows::Find(HalfMatrixView vectors, std::span<const Position> among) {
  std::unordered_map<std::uint64_t, Position> first_rows;
  first_rows.reserve(among.size());
  std::vector<DuplicateRow> rows;
  for (const Position row : among) {
    const std::uint64_t hash =
        XXH3_64bits(vectors.data + row * vectors.dim, vectors.dim * sizeof(std::uint16_t));
    const auto [found, added] = first_rows.emplace(hash, row);
    // Two vectors of one hash are next to impossible, and the second would only stay linked.
    if (!added && SameRow(vectors, found->second, row)) {
      rows.push_back({found->second, row});
    }
  }
  std::sort(rows.begin(), rows.end());
  return DuplicateRows(std::move(rows));
}

std::span<const DuplicateRow> DuplicateRowsView::Of(Position first) const {
  const auto begin = std::lower_bound(all.begin(), all.end(), DuplicateRow{first, 0});
  auto end = begin;
  while (end != all.end() && end->first == first) {
    ++end;
  }
  return {begin, end};
}

std::string DuplicateRowsView::FindFault(std::size_t num_rows) const {
  std::vector<bool> repeats(num_rows);
  for (const DuplicateRow& row : all) {
    if (row.first >= row.duplicate || row.duplicate >= num_rows || repeats[row.duplicate]) {
      return "duplicate row out of range";
    }
    repeats[row.duplicate] = true;
  }
  const bool chained = std::any_of(all.begin(), all.end(),
                                   [&](const DuplicateRow& row) { return repeats[row.first]; });
  return chained || !std::is_sorted(all.begin(), all.end()) ? "duplicate rows out of order" : "";
}

std::vector<Position> DuplicateRows::FirstRows(std::size_t num_rows) const {
  std::vector<bool> repeats(num_rows);
  for (const DuplicateRow& row : rows_) {
    repeats[row.duplicate] = true;
  }
  std::vector<Position> first_rows;
  first_rows.reserve(num_rows - rows_.size());
  for (Position row = 0; row < num_rows; ++row) {
    if (!repeats[row]) {
      first_rows.push_back(row);
    }
  }
  return first_rows;
}

std::string DuplicateRows::FindFault(HalfMatrixView vectors) const {
  std::string fault = view().FindFault(vectors.rows);
  if (fault.empty() && !std::all_of(rows_.begin(), rows_.end(), [&](const DuplicateRow& row) {
        return SameRow(vectors, row.first, row.duplicate);
      })) {
    fault = "duplicate row out of range";
  }
  return fault;
}

}  // namespace dashi::index
