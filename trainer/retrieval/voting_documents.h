#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/positives/positive_source.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// The training documents of a release, whose labels vote (document_votes.h).
struct VotingDocuments {
  std::vector<storage::Ordinal> ordinals;  ///< ascending
  SparseRows labels;                       ///< [ordinals.size(), labels of the release]
};

/// The training documents of a view that have one of `labels`.  Shape: labels ascending.
///
/// Errors: those of PositiveSource; kCancelled; storage errors.
/// Cost:   one merged scan of documents and their positives.
Result<VotingDocuments> ReadVotingDocuments(const storage::View& view,
                                            const PositiveReading& positives,
                                            std::span<const storage::Ordinal> labels,
                                            const std::function<bool()>& should_stop);

/// The name of a release's blob of them.
std::string VotesWeightsName(std::uint64_t job);

std::string SerializeVotingDocuments(const VotingDocuments& documents);
/// Errors: kCorruption naming what is missing, of another shape or out of range.
Result<VotingDocuments> ParseVotingDocuments(std::string_view bytes, std::uint64_t num_labels);

}  // namespace dashi::trainer
