#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "storage/entity.h"
#include "storage/neighbour_codec.h"

namespace dashi::storage {

/// The relevance pairs that a transaction has put or removed and not yet committed, seen from both
/// sides, with savepoints.
///
/// Threads: one thread at a time.
/// Cost:    logarithmic in the pending pairs of a document or label; about 160 bytes a pair.
class PendingRelevance {
 public:
  using Side = std::map<Ordinal, std::optional<float>>;  ///< neighbour -> weight, none = removed
  using Sides = std::map<Ordinal, Side>;

  void Set(Ordinal document, Ordinal label, std::optional<float> weight);

  /// Returns the pair's pending weight, or null when the pair was not touched.
  const std::optional<float>* Find(Ordinal document, Ordinal label) const;
  /// The changes of one document or label, ascending; empty when it was not touched.
  std::vector<NeighbourChange> ChangesOfDocument(Ordinal document) const;
  std::vector<NeighbourChange> ChangesOfLabel(Ordinal label) const;
  const Sides& by_document() const { return by_document_; }
  const Sides& by_label() const { return by_label_; }
  bool empty() const { return by_document_.empty(); }
  std::uint64_t bytes() const { return num_pairs_ * kPairBytes + undo_.size() * sizeof(Undo); }

  void SetSavepoint();
  void RollbackToSavepoint();
  void ReleaseSavepoint();

 private:
  struct Undo {
    Ordinal document;
    Ordinal label;
    bool touched_before;
    std::optional<float> previous;
  };
  static constexpr std::uint64_t kPairBytes = 160;

  Sides by_document_;
  Sides by_label_;
  std::uint64_t num_pairs_ = 0;
  std::vector<Undo> undo_;
  std::vector<std::size_t> savepoints_;  // sizes of undo_
};

}  // namespace dashi::storage
