#include <utility>

#include "base/status.h"
#include "index/graph_build.h"
#include "index/graph_index.h"
#include "index/hnsw_graph_file.h"
#include "index/row_codes.h"
#include "index/stored_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

namespace {

/// Vectors and their graph in memory.
class GraphInMemory : public GraphKeeper {
 public:
  GraphInMemory(std::vector<std::uint16_t> vectors, std::size_t dim, StoredGraph stored)
      : vectors_(std::move(vectors)), dim_(dim), stored_(std::move(stored)), codes_(view()) {}

  GraphParts parts() const override {
    GraphParts parts = PartsOf(stored_, view());
    parts.codes = codes_.view().data;
    return parts;
  }
  std::uint64_t memory_bytes() const override {
    return vectors_.capacity() * sizeof(std::uint16_t) + codes_.memory_bytes() +
           stored_.graph.memory_bytes();
  }

 private:
  HalfMatrixView view() const { return {vectors_.data(), vectors_.size() / dim_, dim_}; }

  const std::vector<std::uint16_t> vectors_;
  const std::size_t dim_;
  const StoredGraph stored_;
  const RowCodes codes_;
};

}  // namespace

Result<StoredGraph> BuildStoredGraph(HalfMatrixView vectors, const HnswOptions& options,
                                     const BuildProgress& progress) {
  StoredGraph stored;
  stored.ef_search = options.ef_search;
  stored.duplicates = DuplicateRows::Find(vectors);
  DASHI_ASSIGN_OR_RETURN(stored.graph,
                         BuildGraph(vectors, stored.duplicates.FirstRows(vectors.rows), options,
                                    progress, /*num_scored=*/nullptr, &stored.entry_percent));
  return stored;
}

Result<std::unique_ptr<VectorIndex>> BuildHnswIndex(std::vector<std::uint16_t> vectors,
                                                    std::size_t dim, const HnswOptions& options,
                                                    const BuildProgress& progress) {
  DASHI_CHECK(dim > 0 && vectors.size() % dim == 0);
  DASHI_ASSIGN_OR_RETURN(
      StoredGraph stored,
      BuildStoredGraph({vectors.data(), vectors.size() / dim, dim}, options, progress));
  return std::unique_ptr<VectorIndex>(std::make_unique<GraphIndex>(
      std::make_shared<const GraphInMemory>(std::move(vectors), dim, std::move(stored))));
}

Result<std::unique_ptr<VectorIndex>> LoadHnswIndex(const std::string& path,
                                                   std::vector<std::uint16_t> vectors,
                                                   std::size_t dim) {
  DASHI_CHECK(dim > 0 && vectors.size() % dim == 0);
  DASHI_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(path));
  Result<StoredGraph> stored = ParseGraph(bytes, {vectors.data(), vectors.size() / dim, dim});
  if (!stored.ok()) {
    return std::move(stored).status().WithContext(path);
  }
  return std::unique_ptr<VectorIndex>(std::make_unique<GraphIndex>(
      std::make_shared<const GraphInMemory>(std::move(vectors), dim, std::move(stored).value())));
}

}  // namespace dashi::index
