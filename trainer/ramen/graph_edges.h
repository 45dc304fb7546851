#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/training_state.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// The edges of one side of a graph, documents or labels to anchors, and which of them are kept.
/// Each pruning decides anew about all of them, so that an edge can come back.
///
/// Threads: const methods may be called at once.
/// Cost:    a bit an edge.
class GraphEdges {
 public:
  /// `anchors` [num_rows, num_anchors] must outlive this; all edges are kept at first. `rows`: the
  /// ones that train, each once. Only their edges are counted.
  GraphEdges(const SparseRows& anchors, std::span<const std::uint32_t> rows);

  /// Appends the anchors of a row whose edges are kept, ascending.
  void AppendKept(std::size_t row, std::vector<std::uint32_t>* anchors) const;

  /// Keeps the edges of a row that trains whose cosine is above `cosine_min`, and no other.
  /// Shape: cosines [edges of the row]
  void Prune(std::size_t row, std::span<const float> cosines, float cosine_min);

  std::span<const std::uint32_t> anchors(std::size_t row) const;
  std::uint64_t num_edges() const { return num_edges_; }
  std::uint64_t num_kept() const { return num_kept_; }

  /// Errors: the writer's.
  Status Save(StateWriter& to, const std::string& name) const;
  /// Errors: kCorruption, kNotFound naming the part; the edges are then of no use.
  Status Load(const StateReader& from, const std::string& name);

 private:
  bool IsKept(std::uint64_t edge) const { return (kept_[edge / 64] >> (edge % 64) & 1U) != 0; }

  const SparseRows& anchors_;
  std::vector<std::uint64_t> kept_;  // [ceil(edges of all rows / 64)] bits
  std::uint64_t num_edges_ = 0;      // of the rows that train
  std::uint64_t num_kept_ = 0;
};

}  // namespace dashi::trainer
