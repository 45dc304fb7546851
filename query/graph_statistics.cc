#include "query/graph_statistics.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "storage/ordinal_set.h"

namespace dashi::query {

namespace {

using storage::Edge;
using storage::EdgeSide;
using storage::EntityKind;
using storage::GraphNode;
using storage::GraphRecord;
using storage::Ordinal;
using storage::OrdinalSet;

constexpr std::uint64_t kNodesPerPoll = 1024;
constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};

std::uint64_t Percentile(const std::vector<std::uint64_t>& ascending, double share) {
  if (ascending.empty()) {
    return 0;
  }
  const auto place = static_cast<std::size_t>(share * static_cast<double>(ascending.size()));
  return ascending[std::min(place, ascending.size() - 1)];
}

bool HasTable(const std::vector<EntityKind>& tables, EntityKind table) {
  return std::find(tables.begin(), tables.end(), table) != tables.end();
}

bool LeadsTo(const std::vector<Edge>& edges, GraphNode node) {
  return std::any_of(edges.begin(), edges.end(),
                     [node](const Edge& edge) { return edge.neighbour == node; });
}

// Both ascend by neighbour.
bool Share(const std::vector<Edge>& a, const std::vector<Edge>& b) {
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].neighbour == b[j].neighbour) {
      return true;
    }
    ++(a[i].neighbour < b[j].neighbour ? i : j);
  }
  return false;
}

/// Asks which pairs of documents and labels a graph connects.
class Agreement {
 public:
  Agreement(const storage::View& view, const GraphRecord& graph)
      : view_(view),
        graph_(graph),
        labels_are_sources_(HasTable(graph.sources, EntityKind::kLabel)) {}

  Status Count(const std::function<Status()>& check_stop, GraphStatistics* statistics) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_documents,
                           view_.EstimateRows(EntityKind::kDocument));
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_labels, view_.EstimateRows(EntityKind::kLabel));
    const std::uint64_t stride = num_documents / kAgreementDocuments + 1;
    const std::unique_ptr<storage::RelevanceCursor> relevance = view_.ScanRelevance();
    std::uint64_t num_pairs = 0;
    std::uint64_t num_connected = 0;
    std::uint64_t num_by_chance = 0;
    for (std::uint64_t seen = 0;; ++seen) {
      if (seen % kNodesPerPoll == 0 && check_stop) {
        DASHI_RETURN_IF_ERROR(check_stop());
      }
      DASHI_ASSIGN_OR_RETURN(const bool more, relevance->Next());
      if (!more) {
        break;
      }
      if (seen % stride != 0) {
        continue;
      }
      const GraphNode document{EntityKind::kDocument, relevance->document()};
      DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> edges,
                             view_.EdgesOf(graph_, EdgeSide::kOut, document));
      if (edges.empty()) {
        continue;
      }
      for (const storage::RelevanceNeighbour& label : relevance->labels()) {
        const Ordinal any{static_cast<std::uint32_t>(random_.Uniform(num_labels))};
        DASHI_ASSIGN_OR_RETURN(const bool connected, Connects(document, edges, label.ordinal));
        DASHI_ASSIGN_OR_RETURN(const bool by_chance, Connects(document, edges, any));
        ++num_pairs;
        num_connected += connected ? 1 : 0;
        num_by_chance += by_chance ? 1 : 0;
      }
    }
    if (num_pairs > 0) {
      const auto pairs = static_cast<double>(num_pairs);
      statistics->relevance_agreement = static_cast<double>(num_connected) / pairs;
      statistics->chance_agreement = static_cast<double>(num_by_chance) / pairs;
    }
    return Status();
  }

 private:
  Result<bool> Connects(GraphNode document, const std::vector<Edge>& edges, Ordinal label) {
    const GraphNode node{EntityKind::kLabel, label};
    if (LeadsTo(edges, node)) {
      return true;
    }
    if (!labels_are_sources_) {
      return false;
    }
    DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> others,
                           view_.EdgesOf(graph_, EdgeSide::kOut, node));
    return LeadsTo(others, document) || Share(edges, others);
  }

  const storage::View& view_;
  const GraphRecord& graph_;
  const bool labels_are_sources_;
  Random random_{1};
};

}  // namespace

Result<GraphStatistics> CountGraph(const storage::View& view, const GraphRecord& graph,
                                   const std::function<Status()>& check_stop) {
  GraphStatistics statistics;
  std::vector<OrdinalSet> nodes;
  for (const EntityKind kind : kKinds) {
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t limit, view.EstimateRows(kind));
    nodes.emplace_back(limit);
  }
  const auto add = [&nodes](GraphNode node) {
    nodes[static_cast<std::size_t>(node.kind) - 1].Add(node.ordinal);
  };
  std::vector<std::uint64_t> degrees;
  const std::unique_ptr<storage::EdgeCursor> edges = view.ScanEdges(graph, EdgeSide::kOut);
  while (true) {
    if (degrees.size() % kNodesPerPoll == 0 && check_stop) {
      DASHI_RETURN_IF_ERROR(check_stop());
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, edges->Next());
    if (!more) {
      break;
    }
    add(edges->node());
    for (const Edge& edge : edges->edges()) {
      add(edge.neighbour);
    }
    degrees.push_back(edges->edges().size());
    statistics.num_edges += edges->edges().size();
  }
  std::sort(degrees.begin(), degrees.end());
  statistics.num_sources = degrees.size();
  statistics.degree_p50 = Percentile(degrees, 0.5);
  statistics.degree_p90 = Percentile(degrees, 0.9);
  statistics.degree_p99 = Percentile(degrees, 0.99);
  statistics.degree_max = degrees.empty() ? 0 : degrees.back();
  std::uint64_t num_documents = 0;
  const std::unique_ptr<storage::RowCursor> documents = view.ScanRows(EntityKind::kDocument);
  std::uint64_t num_covered = 0;
  while (true) {
    if (num_documents % kNodesPerPoll == 0 && check_stop) {
      DASHI_RETURN_IF_ERROR(check_stop());
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, documents->Next());
    if (!more) {
      break;
    }
    ++num_documents;
    num_covered += nodes[0].Contains(documents->ordinal()) ? 1 : 0;
  }
  for (const OrdinalSet& of_kind : nodes) {
    statistics.num_nodes += of_kind.size();
  }
  if (num_documents > 0) {
    statistics.covered_documents =
        static_cast<double>(num_covered) / static_cast<double>(num_documents);
  }
  DASHI_RETURN_IF_ERROR(Agreement(view, graph).Count(check_stop, &statistics));
  return statistics;
}

}  // namespace dashi::query
