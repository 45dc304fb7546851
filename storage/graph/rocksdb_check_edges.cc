#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/graph/edge_codec.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

using Side = SetComparison::Side;
using Difference = SetComparison::Difference;

// The two sides of an edge add up its weight in different orders.
constexpr double kWeightTolerance = 1e-9;

/// What a graph's lists came to.
struct GraphSums {
  double out_weight = 0;
  double in_weight = 0;
};

/// One edge of one graph, and which of its lists showed it.
struct SeenEdge {
  std::uint32_t graph = 0;
  EdgeSide side = EdgeSide::kOut;
  GraphNode source;
  GraphNode target;
  EdgeValues values;
};

void AppendNode(std::string* bytes, GraphNode node) {
  bytes->push_back(static_cast<char>(node.kind));
  AppendBigEndian32(bytes, ToInteger(node.ordinal));
}

bool ReadNode(ByteReader* reader, GraphNode* node) {
  std::uint8_t kind = 0;
  std::uint32_t ordinal = 0;
  if (!reader->ReadByte(&kind) || !reader->ReadBigEndian32(&ordinal)) {
    return false;
  }
  *node = {static_cast<EntityKind>(kind), Ordinal{ordinal}};
  return true;
}

// Everything that both sides must agree on to the bit; the ends stand first.
std::string PayloadOf(const SeenEdge& edge) {
  std::string bytes;
  AppendBigEndian32(&bytes, edge.graph);
  AppendNode(&bytes, edge.source);
  AppendNode(&bytes, edge.target);
  AppendVarint(&bytes, edge.values.clicks);
  AppendVarint(&bytes, static_cast<std::uint64_t>(edge.values.last_seen_micros));
  return bytes;
}

constexpr std::size_t kEndsBytes = 4 + 5 + 5;

std::uint64_t KeyOf(const std::string& payload) { return XXH3_64bits(payload.data(), kEndsBytes); }

/// The check of all graphs.
class EdgeCheck {
 public:
  explicit EdgeCheck(CheckRun* run) : run_(run) {}

  Status Run() {
    DASHI_RETURN_IF_ERROR(ReadGraphs());
    bool complete = false;
    DASHI_RETURN_IF_ERROR(Visit(&complete, /*reports=*/true, [this](const SeenEdge& edge) {
      run_->report().num_edges += edge.side == EdgeSide::kOut ? 1 : 0;
      CheckEnds(edge);
      GraphSums& sums = sums_[edge.graph];
      (edge.side == EdgeSide::kOut ? sums.out_weight : sums.in_weight) += edge.values.weight;
      const std::string payload = PayloadOf(edge);
      comparison_.Add(SideOf(edge), KeyOf(payload), payload);
    }));
    if (!complete || !readable_) {
      run_->Note("the two directions of edges were not compared: not all lists can be read");
      return Status::Ok();
    }
    if (!comparison_.Equal()) {
      return FindDifferences();
    }
    CompareWeights();
    return Status::Ok();
  }

 private:
  static Side SideOf(const SeenEdge& edge) {
    return edge.side == EdgeSide::kOut ? Side::kLeft : Side::kRight;
  }

  // Those of the picture whose edges are checked, so that a graph that is dropped meanwhile is
  // there as long as its edges are.
  Status ReadGraphs() {
    const std::unique_ptr<rocksdb::Iterator> records(run_->state().engine->db()->NewIterator(
        run_->PictureOptions(), run_->state().engine->family(Family::kMeta)));
    const std::string graphs = GraphPrefix();
    for (records->Seek(graphs); records->Valid() && records->key().starts_with(graphs);
         records->Next()) {
      GraphRecord graph;
      if (!DecodeGraph(ToView(records->value()), &graph) ||
          ToView(records->key()) != GraphKey(graph.name)) {
        run_->Report("graphs", "a record cannot be decoded", records->key().ToString());
        knows_graphs_ = false;
        continue;
      }
      names_[graph.number] = graph.name;
    }
    const std::string cleanups = GraphCleanupPrefix();
    for (records->Seek(cleanups); records->Valid() && records->key().starts_with(cleanups);
         records->Next()) {
      std::uint32_t number = 0;
      if (!ParseGraphCleanupKey(ToView(records->key()), &number)) {
        run_->Report("meta", "a record cannot be decoded", records->key().ToString());
      }
      dropped_.insert(number);
    }
    return Status::Ok();  // CheckMeta reports what cannot be read.
  }

  std::string NameOf(std::uint32_t graph) const {
    const auto found = names_.find(graph);
    return found == names_.end() ? fmt::format("graph number {}", graph) : found->second;
  }
  std::string NameOf(GraphNode node) const {
    return fmt::format("{} {}", EntityTableName(node.kind), run_->NameOf(node.kind, node.ordinal));
  }
  std::string NameOf(const SeenEdge& edge) const {
    return fmt::format("graph {}: {} to {}", NameOf(edge.graph), NameOf(edge.source),
                       NameOf(edge.target));
  }
  void Report(std::string_view problem, std::string detail) {
    run_->Report("edges", problem, std::move(detail));
  }

  // Hands out the edges of every list of graphs that are not dropped.
  Status Visit(bool* complete, bool reports, const std::function<void(const SeenEdge&)>& visit) {
    std::vector<Edge> edges;
    return run_->Walk(
        Family::kEdges, "edges", "", complete, [&](std::string_view key, std::string_view value) {
          SeenEdge seen;
          GraphNode node;
          std::uint32_t day = 0;
          if (IsLoadMarkerKey(key) || ParseGraphEventKey(key, &seen.graph, &day)) {
            return Status::Ok();
          }
          if (!ParseEdgeKey(key, &seen.graph, &seen.side, &node)) {
            readable_ = false;
            if (reports) {
              Report("a key cannot be decoded", fmt::format("a key of {} bytes", key.size()));
            }
            return Status::Ok();
          }
          if (dropped_.contains(seen.graph)) {
            return Status::Ok();
          }
          if (!DecodeEdges(value, &edges)) {
            readable_ = false;
            if (reports) {
              Report("a list of edges cannot be decoded",
                     fmt::format("graph {}, {} {}", NameOf(seen.graph),
                                 seen.side == EdgeSide::kOut ? "from" : "to", NameOf(node)));
            }
            return Status::Ok();
          }
          for (const Edge& edge : edges) {
            const bool out = seen.side == EdgeSide::kOut;
            seen.source = out ? node : edge.neighbour;
            seen.target = out ? edge.neighbour : node;
            seen.values = edge.values;
            visit(seen);
          }
          return Status::Ok();
        });
  }

  // Each list answers for its neighbours, and for itself.
  void CheckEnds(const SeenEdge& edge) {
    if (knows_graphs_ && !names_.contains(edge.graph)) {
      Report("an edge belongs to a graph that does not exist", NameOf(edge));
    }
    const CheckFindings& findings = run_->findings();
    for (const GraphNode node : {edge.source, edge.target}) {
      if (findings.KnowsRowsOf(node.kind) && !findings.RowsOf(node.kind).Contains(node.ordinal)) {
        Report("an edge leads to a row that does not exist", NameOf(edge));
      }
    }
  }

  void ReportDifference(const Difference& difference, bool in_values) {
    ByteReader reader(difference.payload);
    SeenEdge edge;
    if (!reader.ReadBigEndian32(&edge.graph) || !ReadNode(&reader, &edge.source) ||
        !ReadNode(&reader, &edge.target)) {
      return;
    }
    if (in_values) {
      Report("an edge has different clicks or times in its two lists", NameOf(edge));
    } else if (difference.side == Side::kLeft) {
      Report("an edge is missing at its target", NameOf(edge));
    } else {
      Report("an edge is missing at its source", NameOf(edge));
    }
  }

  Status FindDifferences() {
    comparison_.BeginSearch();
    bool complete = false;
    DASHI_RETURN_IF_ERROR(Visit(&complete, /*reports=*/false, [this](const SeenEdge& edge) {
      const std::string payload = PayloadOf(edge);
      comparison_.Collect(SideOf(edge), KeyOf(payload), payload);
    }));
    const std::vector<Difference> differences = comparison_.Differences();
    for (std::size_t i = 0; i < differences.size(); ++i) {
      const bool in_values = i + 1 < differences.size() &&
                             differences[i + 1].key == differences[i].key &&
                             differences[i + 1].side != differences[i].side;
      ReportDifference(differences[i], in_values);
      i += in_values ? 1 : 0;
    }
    if (comparison_.partial()) {
      Report("there are more edges in which the two directions differ",
             "the first were found; check again after they are repaired");
    }
    return Status::Ok();
  }

  void CompareWeights() {
    for (const auto& [graph, sums] : sums_) {
      if (std::abs(sums.out_weight - sums.in_weight) >
          kWeightTolerance * std::max(sums.out_weight, sums.in_weight)) {
        Report("edges have different weights in their two lists",
               fmt::format("graph {}: {} from sources, {} from targets", NameOf(graph),
                           sums.out_weight, sums.in_weight));
      }
    }
  }

  CheckRun* run_;
  bool knows_graphs_ = true;
  bool readable_ = true;
  std::map<std::uint32_t, std::string> names_;
  std::set<std::uint32_t> dropped_;
  std::map<std::uint32_t, GraphSums> sums_;
  SetComparison comparison_;
};

}  // namespace

Status CheckEdges(CheckRun* run) { return EdgeCheck(run).Run(); }

}  // namespace dashi::storage
