#pragma once

namespace dashi::sql {

/// Costs that virtual tables give SQLite's planner, in units of one row of a scan. Only ratios
/// matter; they were taken from RocksDB's point reads against iteration.
inline constexpr double kScanRowCost = 1.0;
inline constexpr double kLookupCost = 5.0;
/// One walk of a neighbour list: a point read and the ids of the rows it names.
inline constexpr double kNeighbourListCost = 10.0;
/// One top-k search.
inline constexpr double kTopKCost = 1000.0;

}  // namespace dashi::sql
