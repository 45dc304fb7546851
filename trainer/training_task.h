#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dashi/progress.h"
#include "trainer/scratch/number_array.h"

namespace dashi::trainer {

/// Compressed sparse rows: row r holds columns[offsets[r] .. offsets[r+1]), ascending.
/// Shape: offsets [num_rows + 1].
struct SparseRows {
  NumberArray<std::uint64_t> offsets{0};
  NumberArray<std::uint32_t> columns;
  NumberArray<float> values;  ///< [columns.size()], or empty when every value is 1

  std::size_t num_rows() const { return offsets.size() - 1; }
};

/// A graph whose edges regularise the training of the encoder: documents and labels should be near
/// their anchors, which have texts of their own.
struct TrainingGraph {
  std::string name;
  SparseRows document_anchors;  ///< [num_documents, num_anchors], without values
  SparseRows label_anchors;     ///< [num_labels, num_anchors], without values
  SparseRows anchor_tokens;     ///< [num_anchors, vocabulary], as the documents' tokens
};

/// The texts, documents or labels, as weighted token bags: values are L2-normalised token weights.
/// The relevance matrix has one row a document and label rows as columns.
struct TrainingTask {
  SparseRows document_tokens;  ///< [num_documents, vocabulary]
  SparseRows label_tokens;     ///< [num_labels, vocabulary]
  SparseRows relevance;        ///< [num_documents, num_labels]: the positives
  /// [num_labels]: what a positive of a label counts, above 0, about 1 over all; empty: each 1.
  std::vector<float> label_weights;
  /// own_label[d] is the label row that is the same item as document d (same id), or kNoLabel. It
  /// is never a negative of d in training and never an answer for d in evaluation unless it is a
  /// positive.
  NumberArray<std::uint32_t> own_label;  ///< [num_documents]
  std::uint32_t vocabulary_size = 0;
  /// The documents that the user's rule holds out, ascending; nullopt: a random share is.
  std::optional<std::vector<std::uint32_t>> held_out;
  /// The texts as the sparse ranker sees them (RankerFeatures). num_features = 0: no ranker.
  SparseRows document_features;  ///< [num_documents, num_features]
  SparseRows label_features;     ///< [num_labels, num_features]
  std::uint32_t num_features = 0;
  std::vector<TrainingGraph> graphs;

  static constexpr std::uint32_t kNoLabel = 0xFFFFFFFF;
};

/// Whether the pull of anchors goes where the task pulls, as cosines: 1 is the very direction, 0
/// what a pull at random has.
struct GraphEvidence {
  double agreement = 0;  ///< mean over rows
  double chance = 0;     ///< of anchors of other rows
  double error = 0;      ///< standard error of the difference of the two

  bool operator==(const GraphEvidence&) const = default;
};

/// What training makes of one side of a graph.
struct GraphReport {
  std::string graph;
  std::string side;                       ///< "document" or "label"
  double weight = 0;                      ///< of its term in the loss
  std::uint64_t num_edges = 0;            ///< of the rows that train
  std::uint64_t num_edges_kept = 0;       ///< by the last pruning
  std::optional<GraphEvidence> evidence;  ///< that the weight goes by, once it was measured

  bool operator==(const GraphReport&) const = default;
};

/// What one epoch of a stage came to.
struct EpochReport {
  std::string stage;        ///< "encoder", "classifier", "refit"
  std::uint32_t epoch = 0;  ///< from 1 in each stage
  double seconds = 0;       ///< since the training began
  double loss = 0;          ///< mean over the epoch's texts
  // Wall time of the epoch, or since a resume inside it, without a look at the hold-out.
  double cluster_seconds = 0;  ///< making clusters and their order
  double prune_seconds = 0;    ///< of the graphs
  double batch_seconds = 0;    ///< putting batches together, beside the steps
  double wait_seconds = 0;     ///< of steps for their batches, and filling the memory bank
  double step_seconds = 0;     ///< of the tensor module
  /// With equal weights of encoder and classifier on the hold-out, where it was looked at.
  std::optional<double> p1;
  std::optional<double> ndcg5;
  std::optional<double> psp5;
  std::vector<GraphReport> graphs;  ///< of the encoder stage, after the epoch
};

/// How fast a training goes, by its first steps.
struct StepTrial {
  std::string stage;            ///< the first that has steps: "encoder" or "classifier"
  double seconds_per_text = 0;  ///< median of the first 20 steps, batches put together
  double encode_seconds = 0;    ///< of a document
  std::size_t num_steps = 0;    ///< that were timed
};

class TrainingCheckpoints;
class ScratchSpace;

/// How the work that runs in the trainer talks to its owner.
struct TrainingControl {
  ProgressCallback on_progress;                      ///< may be empty
  std::function<void(const EpochReport&)> on_epoch;  ///< may be empty
  /// Called once in a training that begins; may be empty. Timing changes no bit of the result.
  std::function<void(const StepTrial&)> on_trial;
  std::function<bool()> should_stop;  ///< polled at every batch; may be empty
  /// Where the training begins, and what it leaves behind when it stops; may be null.
  TrainingCheckpoints* checkpoints = nullptr;
  /// Where arrays with a row a document stand once they are large; null: in memory. Changes no bit.
  ScratchSpace* scratch = nullptr;
};

}  // namespace dashi::trainer
