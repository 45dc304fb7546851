#include "trainer/positives/positive_source.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

using storage::Edge;
using storage::EdgeSide;
using storage::EdgeValues;
using storage::EntityKind;
using storage::EntityRow;
using storage::GraphRecord;
using storage::Ordinal;
using storage::RelevanceNeighbour;
using storage::View;

constexpr std::size_t kNodesPerPoll = 1024;

bool Has(const std::vector<EntityKind>& tables, EntityKind kind) {
  return std::find(tables.begin(), tables.end(), kind) != tables.end();
}

/// Visits the edges of documents to labels, document by document.
Status ForEachDocumentEdge(const View& view, const GraphRecord& graph, EdgeSide side,
                           const std::function<bool()>& should_stop,
                           const std::function<void(const std::vector<Edge>& edges)>& visitor) {
  const auto cursor = view.ScanEdges(graph, side);
  for (std::size_t n = 0;; ++n) {
    if (n % kNodesPerPoll == 0 && should_stop && should_stop()) {
      return Status::Cancelled(fmt::format("cancelled while reading graph {}", graph.name));
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    if (!more) {
      return Status();
    }
    if (cursor->node().kind == EntityKind::kDocument) {
      visitor(cursor->edges());
    }
  }
}

}  // namespace

Result<PositiveSource> PositiveSource::Find(const View& view, const PositiveReading& reading,
                                            const std::function<bool()>& should_stop) {
  PositiveSource source;
  if (reading.graph.empty()) {
    return source;
  }
  DASHI_ASSIGN_OR_RETURN(source.graph_, view.GetGraph(reading.graph));
  if (!source.graph_) {
    return Status::NotFound("no such graph: " + reading.graph).WithSqlState("42704");
  }
  const GraphRecord& graph = *source.graph_;
  const bool leads_to_labels =
      Has(graph.sources, EntityKind::kDocument) && Has(graph.targets, EntityKind::kLabel);
  const bool leads_to_documents =
      Has(graph.sources, EntityKind::kLabel) && Has(graph.targets, EntityKind::kDocument);
  if (!leads_to_labels && !leads_to_documents) {
    return Status::InvalidArgument(
        fmt::format("graph \"{}\" has no edges between documents and labels", graph.name));
  }
  source.side_ = leads_to_labels ? EdgeSide::kOut : EdgeSide::kIn;
  source.min_clicks_ = reading.min_clicks;
  if (reading.window_micros > 0) {
    std::int64_t newest = INT64_MIN;
    DASHI_RETURN_IF_ERROR(ForEachDocumentEdge(
        view, graph, source.side_, should_stop, [&](const std::vector<Edge>& edges) {
          for (const Edge& edge : edges) {
            if (edge.neighbour.kind == EntityKind::kLabel) {
              newest = std::max(newest, edge.values.last_seen_micros);
            }
          }
        }));
    if (newest > INT64_MIN + reading.window_micros) {
      source.seen_since_micros_ = newest - reading.window_micros;
    }
  }
  DASHI_RETURN_IF_ERROR(source.CountEdges(view, should_stop));
  return source;
}

bool PositiveSource::Counts(const EdgeValues& values) const {
  return values.clicks >= min_clicks_ && values.last_seen_micros >= seen_since_micros_;
}

Status PositiveSource::CountEdges(const View& view, const std::function<bool()>& should_stop) {
  return ForEachDocumentEdge(
      view, *graph_, side_, should_stop, [this](const std::vector<Edge>& edges) {
        for (const Edge& edge : edges) {
          if (edge.neighbour.kind == EntityKind::kLabel) {
            ++num_edges_;
            num_rare_ += edge.values.clicks < min_clicks_ ? 1 : 0;
            num_old_ += edge.values.clicks >= min_clicks_ && !Counts(edge.values) ? 1 : 0;
          }
        }
      });
}

Status PositiveSource::ForEachDocument(const View& view, const std::function<bool()>& should_stop,
                                       const LabelledDocumentVisitor& visitor) const {
  if (!graph_) {
    return ForEachLabelledDocument(view, should_stop, visitor);
  }
  const auto cursor = view.ScanEdges(*graph_, side_);
  DASHI_ASSIGN_OR_RETURN(bool have_edges, cursor->Next());
  std::vector<RelevanceNeighbour> labels;
  const auto visit = [&](Ordinal ordinal, const EntityRow& row) -> Status {
    const storage::GraphNode node{EntityKind::kDocument, ordinal};
    while (have_edges && cursor->node() < node) {
      DASHI_ASSIGN_OR_RETURN(have_edges, cursor->Next());
    }
    if (!have_edges || cursor->node() != node) {
      return Status();
    }
    labels.clear();
    for (const Edge& edge : cursor->edges()) {
      if (edge.neighbour.kind == EntityKind::kLabel && Counts(edge.values)) {
        labels.push_back({edge.neighbour.ordinal});
      }
    }
    return labels.empty() ? Status() : visitor(ordinal, row, labels);
  };
  return ForEachRow(view, EntityKind::kDocument, should_stop, visit);
}

std::string PositiveSource::Describe() const {
  if (!graph_) {
    return "pairs of the table relevance";
  }
  std::string text =
      fmt::format("of {} edges of graph \"{}\" between documents and labels {} count", num_edges_,
                  graph_->name, num_edges_ - num_rare_ - num_old_);
  if (num_rare_ > 0) {
    text += fmt::format("; {} have fewer than {} clicks", num_rare_, min_clicks_);
  }
  if (num_old_ > 0) {
    text += fmt::format("; {}{} were last seen before {}", num_old_, num_rare_ > 0 ? " others" : "",
                        FormatTimestamp(seen_since_micros_));
  }
  return text;
}

}  // namespace dashi::trainer
