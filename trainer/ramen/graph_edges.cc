#include "trainer/ramen/graph_edges.h"

#include "base/status.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {

GraphEdges::GraphEdges(const SparseRows& anchors, std::span<const std::uint32_t> rows)
    : anchors_(anchors), kept_((anchors.columns.size() + 63) / 64, ~std::uint64_t{0}) {
  for (const std::uint32_t row : rows) {
    num_edges_ += anchors.offsets[row + std::size_t{1}] - anchors.offsets[row];
  }
  num_kept_ = num_edges_;
}

std::span<const std::uint32_t> GraphEdges::anchors(std::size_t row) const {
  return RowColumns(anchors_, row);
}

void GraphEdges::AppendKept(std::size_t row, std::vector<std::uint32_t>* anchors) const {
  for (std::uint64_t edge = anchors_.offsets[row]; edge < anchors_.offsets[row + 1]; ++edge) {
    if (IsKept(edge)) {
      anchors->push_back(anchors_.columns[edge]);
    }
  }
}

void GraphEdges::Prune(std::size_t row, std::span<const float> cosines, float cosine_min) {
  std::uint64_t edge = anchors_.offsets[row];
  for (const float cosine : cosines) {
    const std::uint64_t bit = std::uint64_t{1} << (edge % 64);
    std::uint64_t& word = kept_[edge / 64];
    num_kept_ -= (word & bit) != 0 ? 1 : 0;
    if (cosine > cosine_min) {
      word |= bit;
      ++num_kept_;
    } else {
      word &= ~bit;
    }
    ++edge;
  }
}

Status GraphEdges::Save(StateWriter& to, const std::string& name) const {
  DASHI_RETURN_IF_ERROR(PutNumbers(to, name + "/kept", std::span<const std::uint64_t>(kept_)));
  return PutVector(to, name + "/num_kept", std::vector<std::uint64_t>{num_kept_});
}

Status GraphEdges::Load(const StateReader& from, const std::string& name) {
  std::size_t size = 0;
  DASHI_RETURN_IF_ERROR(GetNumbers<std::uint64_t>(
      from, name + "/kept", [&](std::span<const std::uint64_t> part) -> Status {
        for (const std::uint64_t word : part) {
          if (size < kept_.size()) {
            kept_[size] = word;
          }
          ++size;
        }
        return Status();
      }));
  std::vector<std::uint64_t> count;
  DASHI_RETURN_IF_ERROR(GetVector(from, name + "/num_kept", &count));
  if (size != kept_.size() || count.size() != 1 || count[0] > num_edges_) {
    return Status::Corruption("the part " + name + " of a checkpoint does not fit the graph");
  }
  num_kept_ = count[0];
  return Status();
}

}  // namespace dashi::trainer
