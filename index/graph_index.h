#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "index/graph_parts.h"
#include "index/hnsw_search.h"
#include "index/position_set.h"
#include "index/search_plan.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Searches a graph, and scans where that costs less or where the graph does not give enough: what
/// passes a filter, and only that, where there is one (FilteredPlan). Rows that the graph leaves
/// out are scanned besides, those that pass. kind: "hnsw".
///
/// Errors: also what is wrong with the keeper's blocks, which then answers no search any more.
class GraphIndex : public VectorIndex {
 public:
  /// Sharers: whoever else reads what the keeper keeps.
  explicit GraphIndex(std::shared_ptr<const GraphKeeper> keeper);

  std::size_t num_vectors() const override { return parts_.vectors.rows; }
  std::size_t dim() const override { return parts_.vectors.dim; }
  std::string_view kind() const override { return "hnsw"; }
  std::uint64_t memory_bytes() const override { return keeper_->memory_bytes(); }

  Result<Shortlist> Search(std::span<const float> query, const SearchOptions& options,
                           SearchStatistics* statistics) const override;
  Result<std::vector<Shortlist>> SearchBatch(FloatMatrixView queries, const SearchOptions& options,
                                             ThreadPool& pool) const override;
  Status Reconstruct(Position position, float* out) const override;

 private:
  class Asked;

  Status VerifyVectors(const SearchOptions& options) const;
  Shortlist Answers(const Shortlist& found, const SearchOptions& options, std::size_t m) const;
  Result<std::optional<Shortlist>> WalkAll(std::span<const float> query, std::size_t m,
                                           std::size_t ef, const SearchOptions& options,
                                           SearchStatistics* counted) const;
  Result<std::optional<Shortlist>> WalkPassing(std::span<const float> query,
                                               const FilteredTask& task,
                                               const SearchOptions& options,
                                               SearchStatistics* counted) const;
  Result<Shortlist> SearchChecked(std::span<const float> query, const Asked& asked,
                                  SearchStatistics* counted) const;
  Result<Shortlist> WithApart(std::span<const float> query, const Asked& asked, Shortlist answers,
                              SearchStatistics* counted) const;
  Result<Shortlist> Scan(std::span<const float> query, const SearchOptions& options,
                         SearchStatistics* counted) const;

  const std::shared_ptr<const GraphKeeper> keeper_;
  const GraphParts parts_;
  const HnswSearcher searcher_;
  const PositionSet unlinked_;  // Rows that the graph leaves out.
  std::vector<bool> repeated_;  // [num_vectors()] which have duplicates; empty: none has
};

}  // namespace dashi::index
