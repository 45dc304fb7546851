#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Links the vectors of some rows into a graph by inner product: InsertRows, then ConnectRows. All
/// of these rows are reachable in it; the other rows become nodes without links. `progress` counts
/// linked rows.
///
/// The same input gives the same graph with any number of threads. When `entry_percent` is set and
/// the options leave it open, some rows are linked last, after they were asked
/// (ChooseEntryPercent).
///
/// Shape:  linked_rows ascending, distinct.
/// Errors: kInvalidArgument for options out of range; kResourceExhausted for too little memory;
///         kCancelled when `progress` says so.
/// Cost:   that of InsertRows; runs options.num_threads threads.
Result<HnswGraph> BuildGraph(HalfMatrixView vectors, std::span<const Position> linked_rows,
                             const HnswOptions& options, const BuildProgress& progress,
                             std::atomic<std::uint64_t>* num_scored = nullptr,
                             std::uint32_t* entry_percent = nullptr);

}  // namespace dashi::index
