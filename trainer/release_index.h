#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/positives/positive_source.h"
#include "trainer/release_embeddings.h"
#include "trainer/release_steps.h"

namespace dashi::trainer {

/// In a release's metrics, beside "ann recall@10": that of the last graph which was built anew.
inline constexpr const char* kBuiltRecallMetric = "ann recall@10 built";
/// How much recall a graph may lack beside that.
inline constexpr double kGraphRecallLossMax = 0.005;

/// How a release's indexes are made.
struct ReleaseIndexOptions {
  std::string kind = "auto";  ///< "auto", "exact", "hnsw"
  std::uint64_t seed = 1;
  int num_threads = 1;
  bool relink = true;  ///< begin with the graph of the release that serves, where it is good enough
};

/// Makes and saves the label index when it has to be a graph, and notes it in the release.
///
/// The graph of the model's published release is relinked to the new vectors, or else one is built
/// anew. What was made is probed with the embeddings of up to a thousand documents of `view`: its
/// recall goes to the release's metrics, "ann recall@10", beside that of the last graph which was
/// built anew, "ann recall@10 built". A relinked graph that falls .005 below the latter is given up
/// for one that is built anew.
///
/// Shape: classifiers [num_labels, release->dim] binary16.
/// Cost:  about 5,000 dot products a label for a graph that is built anew, a fifth of that for one
///        that is relinked.
Status WriteLabelIndex(const ReleaseSteps& steps, const ReleaseIndexOptions& options,
                       const EmbeddingRows& labels, std::span<const std::uint16_t> classifiers,
                       storage::ReleaseRecord* release);

/// Stores which documents of the view vote for which of `labels` (the release's, ascending), and
/// their index when it has to be a graph, which is always built anew. A release whose votes have no
/// weight has none; votes get none where no document can vote.
///
/// Needs the release's embeddings to be written.
Status WriteVotes(const ReleaseSteps& steps, const ReleaseIndexOptions& options,
                  const storage::View& view, const PositiveReading& positives,
                  std::span<const storage::Ordinal> labels, storage::ReleaseRecord* release);

}  // namespace dashi::trainer
