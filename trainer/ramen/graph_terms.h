#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "trainer/encoder_module.h"
#include "trainer/ramen/graph_edges.h"
#include "trainer/ramen/ramen_options.h"
#include "trainer/ramen/same_texts.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// A text of a batch that a graph may have anchors of.
struct GraphRow {
  std::uint32_t text = 0;  ///< in EncoderBatch::texts, the first with its tokens
  std::uint32_t row = 0;   ///< in the graph: the document's or the label's
};

/// Makes the terms of one graph: a share of the rows draw anchors among their kept edges, and the
/// anchors that were drawn are the columns of all of them. No column is a negative of a row that
/// has an edge to it, or that has its very text.
///
/// Threads: one thread at a time.
/// Cost:    12 bytes an anchor.
class GraphTerms {
 public:
  /// `graph` must outlive this.
  GraphTerms(const TrainingGraph& graph, const RamenOptions& options);

  /// Appends a term with weight 1 and the texts of its anchors, those that are not in the batch
  /// yet. `texts` holds the batch's texts and gets the new ones. Appends nothing and returns false
  /// when no row that draws has an edge to another text.
  bool Append(const GraphEdges& edges, std::span<const GraphRow> rows, Random& random,
              SameTexts* texts, EncoderBatch* batch);

 private:
  // A row that takes part, and the anchors that it drew and has, each as the first with its text.
  struct Drawn {
    GraphRow row;
    std::vector<std::uint32_t> positives;  // ascending
    std::vector<std::uint32_t> known;      // ascending
  };
  // The anchors of a row's kept edges, each once.
  std::vector<std::uint32_t> KnownAnchors(const GraphEdges& edges, std::uint32_t row) const;
  std::vector<Drawn> DrawAnchors(const GraphEdges& edges, std::span<const GraphRow> rows,
                                 Random& random, const EncoderBatch& batch);
  // Makes the drawn anchors columns of the term, and their texts those of the batch.
  void AddColumns(const std::vector<Drawn>& drawn, SameTexts* texts, EncoderBatch* batch,
                  ContrastiveTerm* term);
  void AddRow(const Drawn& drawn, ContrastiveTerm* term) const;

  const TrainingGraph& graph_;
  const RamenOptions options_;
  const std::vector<std::uint32_t> first_anchor_;  // [num_anchors], the first with the same text
  std::vector<std::uint32_t> column_of_anchor_;    // [num_anchors], kNone but for this term
  std::vector<std::uint32_t> anchors_;             // the columns of this term
};

}  // namespace dashi::trainer
