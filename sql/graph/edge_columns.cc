#include "sql/graph/edge_columns.h"

#include "sql/virtual_table.h"

namespace dashi::sql {

using storage::EntityKind;

NodeIds::NodeIds(const storage::View& view)
    : documents_(view, EntityKind::kDocument, "edges"),
      labels_(view, EntityKind::kLabel, "edges"),
      anchors_(view, EntityKind::kAnchor, "edges") {}

Result<std::string_view> NodeIds::Find(storage::GraphNode node) {
  switch (node.kind) {
    case EntityKind::kDocument:
      return documents_.Find(node.ordinal);
    case EntityKind::kLabel:
      return labels_.Find(node.ordinal);
    case EntityKind::kAnchor:
      break;
  }
  return anchors_.Find(node.ordinal);
}

double ShownWeight(const storage::EdgeValues& values, const storage::GraphRecord& graph,
                   std::int64_t now_micros) {
  const double weight = WeightAt(values, graph.half_life_micros, now_micros);
  const auto narrow = static_cast<float>(weight);
  return static_cast<double>(narrow) < weight || static_cast<double>(narrow) > weight
             ? weight
             : ShortestDouble(narrow);
}

}  // namespace dashi::sql
