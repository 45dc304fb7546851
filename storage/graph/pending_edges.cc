#include "storage/graph/pending_edges.h"

#include "base/status.h"

namespace dashi::storage {

void PendingEdges::Set(std::uint32_t graph, GraphNode source, EdgeChange change) {
  const GraphNode target = change.neighbour;
  lists_[{graph, EdgeSide::kOut, source}][target] = change;
  change.neighbour = source;
  lists_[{graph, EdgeSide::kIn, target}][source] = change;
}

void PendingEdges::Forget(const EdgeList& list, GraphNode neighbour) {
  const auto found = lists_.find(list);
  found->second.erase(neighbour);
  if (found->second.empty()) {
    lists_.erase(found);
  }
}

void PendingEdges::Apply(const GraphRecord& graph, GraphNode source, const EdgeChange& change) {
  half_lives_[graph.number] = graph.half_life_micros;
  const EdgeChange* before = Find(graph.number, source, change.neighbour);
  if (!savepoints_.empty()) {
    undo_.push_back({graph.number, source, change.neighbour,
                     before == nullptr ? std::nullopt : std::optional<EdgeChange>(*before)});
  }
  num_edges_ += before == nullptr ? 1 : 0;
  Set(graph.number, source,
      before == nullptr ? change : Compose(*before, change, graph.half_life_micros));
}

const EdgeChange* PendingEdges::Find(std::uint32_t graph, GraphNode source,
                                     GraphNode target) const {
  const auto list = lists_.find({graph, EdgeSide::kOut, source});
  if (list == lists_.end()) {
    return nullptr;
  }
  const auto found = list->second.find(target);
  return found == list->second.end() ? nullptr : &found->second;
}

std::vector<EdgeChange> PendingEdges::ChangesOf(const EdgeList& list) const {
  std::vector<EdgeChange> changes;
  if (const auto found = lists_.find(list); found != lists_.end()) {
    changes.reserve(found->second.size());
    for (const auto& [neighbour, change] : found->second) {
      changes.push_back(change);
    }
  }
  return changes;
}

void PendingEdges::SetSavepoint() { savepoints_.push_back(undo_.size()); }

void PendingEdges::RollbackToSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  while (undo_.size() > savepoints_.back()) {
    const Undo undo = undo_.back();
    undo_.pop_back();
    if (undo.previous) {
      Set(undo.graph, undo.source, *undo.previous);
    } else {
      Forget({undo.graph, EdgeSide::kOut, undo.source}, undo.target);
      Forget({undo.graph, EdgeSide::kIn, undo.target}, undo.source);
      --num_edges_;
    }
  }
  savepoints_.pop_back();
}

void PendingEdges::ReleaseSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  savepoints_.pop_back();
  if (savepoints_.empty()) {
    undo_.clear();
  }
}

}  // namespace dashi::storage
