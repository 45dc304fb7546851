#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dashi/status.h"
#include "index/hnsw_graph.h"
#include "index/linking_control.h"

namespace dashi::index {

/// Rows that are asked as queries before they are linked, where a graph has kEntryRowsMin.
inline constexpr std::size_t kEntryQueries = 256;
inline constexpr std::size_t kEntryRowsMin = 10'000;

/// Finds out how searches of a graph enter level 0 (GraphParts::entry_percent) by asking rows that
/// it does not link yet. Where what lies near a query lies together, one entry leads to all of it,
/// and a beam above only costs; where it lies in several places, as short texts that share one word
/// each do, walks from one entry end in some of them, and what a beam above costs is won several
/// times over. A beam is chosen when, with `ef` on both levels, it misses a tenth less than a wider
/// one on level 0 that visits as many nodes.
///
/// The same input gives the same choice with any number of threads.
///
/// Shape:  rows distinct, not linked.
/// Errors: those of HnswSearcher::Search.
/// Threads: reads all; runs on the control's pool. Nothing cancels it.
/// Cost:   about 230 ef dot products a row.
Result<std::uint32_t> ChooseEntryPercent(const HnswGraph& graph, HalfMatrixView vectors,
                                         std::span<const Position> rows, std::size_t ef,
                                         const LinkingControl& control);

}  // namespace dashi::index
