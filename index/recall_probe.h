#pragma once

#include <cstddef>
#include <functional>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"

namespace dashi::index {

/// The share of the best k rows, by a scan of all, that searches with the index's own beam find,
/// over some queries: recall@k. A row that scores as well as the k-th best counts for it. 1 where
/// there is nothing to find.
///
/// Errors: the index's; kCancelled when `should_stop`, which may be empty, says so.
/// Cost:   a scan of all vectors, shared by the queries, and a search for each.
Result<double> ProbeRecall(const VectorIndex& index, FloatMatrixView queries, std::size_t k,
                           ThreadPool& pool, const std::function<bool()>& should_stop);

}  // namespace dashi::index
