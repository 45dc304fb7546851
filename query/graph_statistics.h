#pragma once

#include <cstdint>
#include <functional>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::query {

/// What a graph looks like.
struct GraphStatistics {
  std::uint64_t num_edges = 0;
  std::uint64_t num_nodes = 0;    ///< rows with at least one edge
  std::uint64_t num_sources = 0;  ///< rows that edges start from
  // Edges that start from a source.
  std::uint64_t degree_p50 = 0;
  std::uint64_t degree_p90 = 0;
  std::uint64_t degree_p99 = 0;
  std::uint64_t degree_max = 0;
  /// Share of the documents that have an edge; of no documents 0.
  double covered_documents = 0;
  /// Of documents that edges start from and their relevant labels, the share of pairs that the
  /// graph connects: an edge leads from one to the other, or from both to the same row. Over at
  /// most kAgreementDocuments documents.
  double relevance_agreement = 0;
  /// The same of the documents and labels drawn at random: what agreement is worth by itself.
  double chance_agreement = 0;
};

inline constexpr std::uint64_t kAgreementDocuments = 2000;

/// Counts a graph.
///
/// Errors: the view's; what `check_stop` returns, which is asked now and then and may be empty.
/// Cost:   one scan of the edges by source, and a point read or two a pair of the documents looked
///         at; memory of 8 bytes a source and one bit a row.
Result<GraphStatistics> CountGraph(const storage::View& view, const storage::GraphRecord& graph,
                                   const std::function<Status()>& check_stop);

}  // namespace dashi::query
