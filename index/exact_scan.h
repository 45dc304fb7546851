#pragma once

#include <span>
#include <vector>

#include "index/vector_index.h"

namespace dashi::index {

/// Errors: kInvalidArgument if the dim differs or a value is not finite.
Status CheckQueries(FloatMatrixView queries, std::size_t dim);

/// Errors: kFailedPrecondition (55000) where options.require_index forbids so large a scan.
Status CheckScanSize(std::size_t num_rows, std::size_t dim, const SearchOptions& options);

/// Scores every row that passes options.passing and options.filter and returns the best options.m.
///
/// Shape:  query [vectors.dim].
/// Errors: kCancelled.
/// Cost:   rows * dim * 2 bytes of memory traffic; with a set or a filter that of the rows that
///         pass, and with a filter one call a row.
Result<Shortlist> ScanExactly(HalfMatrixView vectors, std::span<const float> query,
                              const SearchOptions& options, SearchStatistics* statistics);

/// The same for many queries: rows are widened once for a group of queries and multiplied as a
/// matrix. Returns what ScanExactly would, except that rows whose scores at the end of the
/// shortlist differ by rounding alone may replace each other.
///
/// Shape:  queries [n, vectors.dim], result [n].
/// Errors: kCancelled.
/// Cost:   2 * n * rows * dim operations; the filter is called once a row, by the calling thread.
Result<std::vector<Shortlist>> ScanBatchExactly(HalfMatrixView vectors, FloatMatrixView queries,
                                                const SearchOptions& options, ThreadPool& pool);

}  // namespace dashi::index
