#include "trainer/estimate/time_estimate.h"

#include <algorithm>
#include <cmath>

#include "trainer/ngame_ranker.h"
#include "trainer/ngame_sampler.h"

namespace dashi::trainer {
namespace {

// Held-out documents that early stopping looks at.
constexpr std::uint64_t kLookDocuments = 1200;
// A checkpoint may take a twentieth of the time; a bag's takes about half of that.
constexpr double kCheckpointShare = 0.025;

double Mean(std::uint64_t sum, std::uint64_t count) {
  return count > 0 ? static_cast<double>(sum) / static_cast<double>(count) : 0;
}

/// How often a stage clusters.
int NumClusterings(const NgameOptions& options, std::uint32_t epochs, bool is_first_stage) {
  SamplerOptions sampler;
  sampler.epochs = std::max(1U, epochs);
  sampler.random_share = is_first_stage ? options.random_share : 0;
  sampler.growth_share = is_first_stage ? options.growth_share : 0;
  sampler.cluster_size_max = options.cluster_size_max;
  sampler.cluster_size_min = std::min(2U, options.cluster_size_max);
  const NgameSampler sizes(/*num_rows=*/1, /*dim=*/1, sampler);
  int count = 0;
  std::uint32_t last = 0;
  for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
    if (sizes.ClusterSize(epoch) > 1 && (count == 0 || epoch - last >= options.recluster_epochs)) {
      ++count;
      last = epoch;
    }
  }
  return count;
}

/// How often all anchors are embedded, so that edges can be pruned.
int NumPrunings(const NgameOptions& options) {
  const RamenOptions& ramen = options.ramen;
  if (!ramen.pruning || ramen.prune_epochs == 0) {
    return 0;
  }
  const double warmup = std::ceil(ramen.warmup_share * options.epochs);
  const double epochs = options.epochs - std::max(1.0, warmup);
  return epochs > 0 ? static_cast<int>(std::ceil(epochs / ramen.prune_epochs)) : 0;
}

/// Of an encoder step, per item: the tokens that it reads of the item and of its label.
double DocumentShare(const TrainingSizes& sizes) {
  const double document = Mean(sizes.document_tokens, sizes.num_documents);
  const double label = Mean(sizes.label_tokens, sizes.num_labels);
  const double all = document * static_cast<double>(sizes.num_documents) +
                     label * static_cast<double>(sizes.num_items());
  return all > 0 ? document * static_cast<double>(sizes.num_items()) / all : 1;
}

}  // namespace

double TimeEstimate::Total() const {
  return reading_seconds + release_seconds +
         (encoder_seconds + classifier_seconds + ranker_seconds) * (1 + kCheckpointShare);
}

TimeEstimate EstimateTime(const TrainingSizes& sizes, const NgameOptions& options,
                          double reading_seconds, const StepTrial& steps, const TrialRates& rates) {
  const auto documents = static_cast<double>(sizes.num_documents);
  const auto labels = static_cast<double>(sizes.num_labels);
  const auto items = static_cast<double>(sizes.num_items());
  const bool has_encoder_steps = steps.stage == "encoder";
  TimeEstimate time;
  time.reading_seconds = reading_seconds;
  time.encoder_seconds = has_encoder_steps ? options.epochs * items * steps.seconds_per_text : 0;
  time.encoder_seconds += rates.cluster_seconds_per_row * items *
                          NumClusterings(options, options.epochs, /*is_first_stage=*/true);

  const double label_encode = steps.encode_seconds * Mean(sizes.label_tokens, sizes.num_labels) /
                              std::max(1.0, Mean(sizes.document_tokens, sizes.num_documents));
  const double encode_labels = labels * label_encode;
  // The terms of graphs are in the steps that were timed, where they count from the first one on.
  time.encoder_seconds += NumPrunings(options) * steps.encode_seconds *
                          static_cast<double>(sizes.anchor_tokens) /
                          std::max(1.0, Mean(sizes.document_tokens, sizes.num_documents));
  double step = rates.classifier_seconds_per_text;
  if (!has_encoder_steps) {
    step = steps.seconds_per_text;
  } else if (options.classifier_trains_encoder) {
    step += steps.seconds_per_text * DocumentShare(sizes);
  }
  const auto looked_at =
      static_cast<double>(std::min<std::uint64_t>(sizes.num_held_out, kLookDocuments));
  const double look =
      looked_at > 0
          ? encode_labels + looked_at * (steps.encode_seconds + rates.search_seconds_per_text)
          : 0;
  const double epochs = options.classifier_epochs;
  const double start = encode_labels + documents * steps.encode_seconds +
                       rates.cluster_seconds_per_row * documents *
                           NumClusterings(options, options.classifier_epochs, false);
  if (options.classifier_epochs > 0) {
    const double once = epochs * documents * step + start;
    time.classifier_seconds = once + epochs * look + (looked_at > 0 ? once : 0);
  }
  if (looked_at > 0) {
    time.ranker_seconds = 2 * encode_labels + 2 * looked_at * rates.search_seconds_per_text;
  }
  if (looked_at > 0 && options.retrieval) {
    time.ranker_seconds += documents * steps.encode_seconds;
  }
  if (sizes.num_features > 0) {
    // Each one that is tried, and the one that is kept once more with the hold-out.
    const std::size_t tries = RankerTries(options.ranker_c, sizes.pairs, sizes.num_labels).size();
    time.ranker_seconds +=
        static_cast<double>(tries + 1) *
        (documents * (steps.encode_seconds + rates.search_seconds_per_text) +
         labels * rates.ranker_seconds_per_label + rates.graph_seconds + 2 * encode_labels);
  }
  time.release_seconds =
      static_cast<double>(sizes.num_documents_stored) * steps.encode_seconds +
      static_cast<double>(sizes.num_labels_stored) * label_encode + rates.graph_seconds +
      // Rows are read and cut into tokens once more, and the ranker's features not.
      reading_seconds / 3;
  return time;
}

}  // namespace dashi::trainer
