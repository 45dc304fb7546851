#include "trainer/graph/training_graphs.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/graph/random_walk.h"
#include "trainer/scratch/row_writer.h"
#include "trainer/transformer/transformer_encoder.h"

namespace dashi::trainer {
namespace {

using storage::EdgeSide;
using storage::EntityKind;
using storage::EntityRow;
using storage::GraphNode;
using storage::GraphRecord;
using storage::Ordinal;

constexpr std::size_t kWalkBytesMax = std::size_t{64} << 20;
constexpr std::size_t kRowsPerPoll = 256;

/// The anchors of rows, by node, as compressed rows.
struct NodeRows {
  std::vector<std::uint64_t> offsets{0};
  std::vector<GraphNode> nodes;
};

/// The first words of a text: anchors are short, as published.
std::string_view FirstWords(std::string_view text, std::uint32_t num_words) {
  std::size_t position = 0;
  for (std::uint32_t word = 0; word < num_words && position < text.size(); ++word) {
    position = text.find_first_not_of(" \n\t", position);
    position = std::min(text.find_first_of(" \n\t", position), text.size());
  }
  return text.substr(0, position);
}

/// Reads one graph.
class GraphReader {
 public:
  GraphReader(const storage::View& view, const GraphRecord& graph, const GraphReading& options,
              const TrainingControl& control, TrainingData* data)
      : view_(view),
        graph_(graph),
        options_(options),
        control_(control),
        data_(*data),
        cache_(view, graph, kWalkBytesMax) {}

  Status Read() {
    TrainingGraph read;
    read.name = graph_.name;
    NodeRows documents;
    NodeRows labels;
    DASHI_RETURN_IF_ERROR(ReadSide(EntityKind::kDocument,
                                   std::span<const Ordinal>(data_.document_ordinals), &documents));
    DASHI_RETURN_IF_ERROR(
        ReadSide(EntityKind::kLabel, std::span<const Ordinal>(data_.label_ordinals), &labels));
    std::vector<GraphNode> anchors = documents.nodes;
    anchors.insert(anchors.end(), labels.nodes.begin(), labels.nodes.end());
    std::sort(anchors.begin(), anchors.end());
    anchors.erase(std::unique(anchors.begin(), anchors.end()), anchors.end());
    if (anchors.empty()) {
      return Status::FailedPrecondition(fmt::format(
          "no edge of graph \"{}\" leads from a document or a label of the training", graph_.name));
    }
    DASHI_ASSIGN_OR_RETURN(read.document_anchors, NumberAnchors(documents, anchors));
    DASHI_ASSIGN_OR_RETURN(read.label_anchors, NumberAnchors(labels, anchors));
    DASHI_ASSIGN_OR_RETURN(read.anchor_tokens, ReadTexts(anchors));
    data_.task.graphs.push_back(std::move(read));
    return Status();
  }

 private:
  Status Poll(std::size_t done, std::size_t total) const {
    if (done % kRowsPerPoll != 0) {
      return Status();
    }
    if (control_.on_progress) {
      Progress progress;
      progress.phase = "reading graph " + graph_.name;
      progress.done = done;
      progress.total = total;
      control_.on_progress(progress);
    }
    return control_.should_stop && control_.should_stop() ? Status::Cancelled("stopped") : Status();
  }

  Status ReadSide(EntityKind kind, std::span<const Ordinal> rows, NodeRows* anchors) {
    const bool is_source =
        std::find(graph_.sources.begin(), graph_.sources.end(), kind) != graph_.sources.end();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      DASHI_RETURN_IF_ERROR(Poll(i, rows.size()));
      if (is_source || !graph_.directed) {
        DASHI_RETURN_IF_ERROR(AppendAnchors({kind, rows[i]}, &anchors->nodes));
      }
      anchors->offsets.push_back(anchors->nodes.size());
    }
    return Status();
  }

  // Of a walk the anchors that it met most often, else all neighbours; ascending.
  Status AppendAnchors(GraphNode row, std::vector<GraphNode>* nodes) {
    const std::size_t first = nodes->size();
    if (options_.walk.hops == 0) {
      DASHI_ASSIGN_OR_RETURN(const std::vector<GraphNode>* neighbours,
                             cache_.Find(EdgeSide::kOut, row));
      nodes->insert(nodes->end(), neighbours->begin(), neighbours->end());
    } else {
      DASHI_ASSIGN_OR_RETURN(const std::vector<Visit> visits,
                             WalkFrom(cache_, EdgeSide::kOut, row, options_.walk));
      const std::size_t count = std::min<std::size_t>(visits.size(), options_.walk_anchors);
      for (std::size_t i = 0; i < count; ++i) {
        nodes->push_back(visits[i].node);
      }
    }
    std::sort(nodes->begin() + static_cast<std::ptrdiff_t>(first), nodes->end());
    return Status();
  }

  Result<SparseRows> NumberAnchors(const NodeRows& rows, const std::vector<GraphNode>& anchors) {
    RowWriter writer(control_.scratch);
    std::vector<std::uint32_t> columns;
    for (std::size_t row = 0; row + 1 < rows.offsets.size(); ++row) {
      columns.clear();
      for (std::uint64_t i = rows.offsets[row]; i < rows.offsets[row + 1]; ++i) {
        columns.push_back(static_cast<std::uint32_t>(
            std::lower_bound(anchors.begin(), anchors.end(), rows.nodes[i]) - anchors.begin()));
      }
      DASHI_RETURN_IF_ERROR(writer.Append(columns, {}));
    }
    return writer.Finish();
  }

  Result<SparseRows> ReadTexts(const std::vector<GraphNode>& anchors) {
    RowWriter writer(control_.scratch);
    for (std::size_t i = 0; i < anchors.size(); ++i) {
      DASHI_RETURN_IF_ERROR(Poll(i, anchors.size()));
      DASHI_ASSIGN_OR_RETURN(const std::optional<EntityRow> row,
                             view_.GetRow(anchors[i].kind, anchors[i].ordinal));
      if (!row) {
        return Status::Corruption(fmt::format(
            "an edge of graph \"{}\" leads to a row that does not exist: {} {}", graph_.name,
            EntityTableName(anchors[i].kind), storage::ToInteger(anchors[i].ordinal)));
      }
      DASHI_RETURN_IF_ERROR(AppendText(FirstWords(row->text, options_.anchor_words), &writer));
    }
    return writer.Finish();
  }

  Status AppendText(std::string_view text, RowWriter* writer) const {
    if (data_.subwords == nullptr) {
      const TokenBag bag = data_.tokenizer->Weigh(data_.tokenizer->FindIds(text));
      return writer->Append(bag.ids, bag.weights);
    }
    SparseRows row;
    AppendTokenRow(*data_.subwords, text, options_.max_tokens, &row);
    return writer->Append(std::vector<std::uint32_t>(row.columns.begin(), row.columns.end()), {});
  }

  const storage::View& view_;
  const GraphRecord& graph_;
  const GraphReading& options_;
  const TrainingControl& control_;
  TrainingData& data_;
  NeighbourCache cache_;
};

}  // namespace

Status ReadTrainingGraphs(const storage::View& view, const GraphReading& options,
                          const TrainingControl& control, TrainingData* data) {
  for (const std::string& name : options.names) {
    DASHI_ASSIGN_OR_RETURN(const std::optional<GraphRecord> graph, view.GetGraph(name));
    if (!graph) {
      return Status::NotFound("no such graph: " + name).WithSqlState("42704");
    }
    DASHI_RETURN_IF_ERROR(GraphReader(view, *graph, options, control, data).Read());
  }
  return Status();
}

}  // namespace dashi::trainer
