#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "trainer/encoder_module.h"
#include "trainer/ramen/graph_edges.h"
#include "trainer/ramen/graph_evidence.h"
#include "trainer/ramen/graph_terms.h"
#include "trainer/ramen/ramen_options.h"
#include "trainer/ramen/weight_bandit.h"
#include "trainer/training_state.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// What the regularisers of a training are made for.
struct GraphPlan {
  RamenOptions options;
  std::uint64_t seed = 1;
  std::uint32_t num_epochs = 0;
  std::uint32_t steps_per_epoch = 0;
  std::vector<std::uint32_t> documents;  ///< that train
};

/// The graphs of a training task at work: terms for each batch, the weights of terms, and which
/// edges are kept. A *side* is the documents or the labels of one graph; sides have numbers.
///
/// What is drawn for a batch hangs on the seed and the number of its step alone, not on the random
/// numbers of the training around it.
///
/// Threads: AppendTerms may be called beside Weigh, NoteStep and Save; else one thread at a time.
class GraphRegularisers {
 public:
  /// `task` must outlive this. Null where no graph has a side that could count for anything: the
  /// training is then the one without graphs.
  static std::unique_ptr<GraphRegularisers> Make(const TrainingTask& task, const GraphPlan& plan);

  /// Appends terms to a batch of the encoder stage, in which item i is row i of the first term and
  /// label labels[c] column c. Returns the side of each.
  /// Shape: items [batch->terms[0].rows.size()], numbered as in NgameBatches; labels
  ///        [batch->terms[0].columns.size()]
  std::vector<std::uint32_t> AppendTerms(std::span<const std::uint32_t> items,
                                         std::span<const std::uint32_t> labels, std::uint64_t step,
                                         EncoderBatch* batch);
  /// Sets the weights that the terms have in the next step.  Shape: sides as AppendTerms gave them.
  void Weigh(std::span<const std::uint32_t> sides, EncoderBatch* batch) const;
  /// Ends a step. `reward`: how well the task itself went.
  void NoteStep(std::uint64_t step, double reward);

  std::size_t num_sides() const { return sides_.size(); }
  /// Whether the evidence of all sides is to be noted before the first batch of an epoch: before
  /// the first one, by what the texts have in common, and for sides that this does not convince
  /// again after the warm-up, in which they have no terms.
  bool IsEvidenceDue(std::uint32_t epoch) const;
  /// What to ask about a side. Drawn from the seed alone.
  EvidenceRows DrawEvidence(std::uint32_t side) const;
  const TrainingGraph& graph(std::uint32_t side) const { return task_.graphs[sides_[side].graph]; }
  bool is_document(std::uint32_t side) const { return sides_[side].is_document; }
  /// Shape: evidence [num_sides()]
  void NoteEvidence(const std::vector<GraphEvidence>& evidence);

  /// Whether edges are to be pruned before the first batch of an epoch.
  bool IsPruneDue(std::uint32_t epoch) const;
  /// Whether a side of the graph has terms, so that it is worth pruning.
  bool CountsGraph(std::size_t graph) const;
  /// Embeddings of rows of one side of a graph, all documents or all labels, and of its anchors.
  struct PruneRows {
    std::size_t graph = 0;
    bool documents = true;
    std::span<const std::uint32_t> rows;
    std::span<const float> embeddings;       ///< [rows.size(), dim] unit vectors
    std::span<const std::uint16_t> anchors;  ///< [num_anchors, dim] binary16
  };
  /// Above which cosine edges of a side are kept, by a sample of its rows.
  float CosineMin(const PruneRows& sample) const;
  /// Prunes the edges of rows, where the side counts.
  void Prune(const PruneRows& rows, float cosine_min);
  /// Says that all graphs were pruned for an epoch.
  void FinishPruning(std::uint32_t epoch) { pruned_epoch_ = epoch; }

  std::vector<GraphReport> Report() const;

  /// Errors: the writer's.
  Status Save(StateWriter& to) const;
  /// Goes on where Save was called, in an object made with the same arguments.
  ///
  /// Errors: kCorruption, kNotFound naming the part; the object is then of no use.
  Status Load(const StateReader& from);

 private:
  struct Side {
    std::uint32_t graph = 0;
    bool is_document = false;
    GraphEdges edges;
  };
  GraphRegularisers(const TrainingTask& task, const GraphPlan& plan, std::vector<Side> sides);
  // The side of these rows, where it has terms.
  std::optional<std::uint32_t> FindSide(const PruneRows& rows) const;
  // Whether a side has terms, and whether any has.
  bool Counts(std::uint32_t side) const;
  bool Counts() const;
  double Weight(std::uint32_t side) const;

  const TrainingTask& task_;
  const RamenOptions options_;
  const std::uint64_t seed_;
  const std::vector<std::uint32_t> documents_;  // that train
  const std::uint32_t warmup_epochs_;
  const std::uint64_t first_step_;  // that may have terms
  std::vector<Side> sides_;
  std::vector<GraphTerms> terms_;        // of each graph
  std::optional<WeightBandit> bandit_;   // where weights are learned
  std::vector<GraphEvidence> evidence_;  // [num_sides()] once it was noted
  std::uint32_t evidence_rounds_ = 0;    // that were noted, at most 2
  std::optional<std::uint32_t> pruned_epoch_;
};

}  // namespace dashi::trainer
