#include "storage/pending_relevance.h"

#include "base/status.h"

namespace dashi::storage {

namespace {

std::vector<NeighbourChange> ChangesOf(const PendingRelevance::Sides& sides, Ordinal ordinal) {
  std::vector<NeighbourChange> changes;
  if (const auto found = sides.find(ordinal); found != sides.end()) {
    changes.reserve(found->second.size());
    for (const auto& [neighbour, weight] : found->second) {
      changes.push_back({neighbour, weight});
    }
  }
  return changes;
}

void Forget(PendingRelevance::Sides* sides, Ordinal ordinal, Ordinal neighbour) {
  const auto found = sides->find(ordinal);
  found->second.erase(neighbour);
  if (found->second.empty()) {
    sides->erase(found);
  }
}

}  // namespace

void PendingRelevance::Set(Ordinal document, Ordinal label, std::optional<float> weight) {
  const auto [entry, added] = by_document_[document].try_emplace(label, weight);
  if (!savepoints_.empty()) {
    undo_.push_back({document, label, !added, added ? std::nullopt : entry->second});
  }
  entry->second = weight;
  by_label_[label][document] = weight;
  num_pairs_ += added ? 1 : 0;
}

const std::optional<float>* PendingRelevance::Find(Ordinal document, Ordinal label) const {
  const auto side = by_document_.find(document);
  if (side == by_document_.end()) {
    return nullptr;
  }
  const auto found = side->second.find(label);
  return found == side->second.end() ? nullptr : &found->second;
}

std::vector<NeighbourChange> PendingRelevance::ChangesOfDocument(Ordinal document) const {
  return ChangesOf(by_document_, document);
}

std::vector<NeighbourChange> PendingRelevance::ChangesOfLabel(Ordinal label) const {
  return ChangesOf(by_label_, label);
}

void PendingRelevance::SetSavepoint() { savepoints_.push_back(undo_.size()); }

void PendingRelevance::RollbackToSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  while (undo_.size() > savepoints_.back()) {
    const Undo undo = undo_.back();
    undo_.pop_back();
    if (undo.touched_before) {
      by_document_[undo.document][undo.label] = undo.previous;
      by_label_[undo.label][undo.document] = undo.previous;
    } else {
      Forget(&by_document_, undo.document, undo.label);
      Forget(&by_label_, undo.label, undo.document);
      --num_pairs_;
    }
  }
  savepoints_.pop_back();
}

void PendingRelevance::ReleaseSavepoint() {
  DASHI_CHECK(!savepoints_.empty());
  savepoints_.pop_back();
  if (savepoints_.empty()) {
    undo_.clear();
  }
}

}  // namespace dashi::storage
