#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "storage/task_monitor.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {

/// A store with documents d0.., labels l0.. and anchors a0.., and graphs over them.
class GraphFixture : public StoreFixture {
 protected:
  void OpenWithRows(int num_documents, int num_labels, int num_anchors,
                    const StoreOptions& options = {}) {
    Open(options);
    auto transaction = Begin();
    for (const auto& [kind, prefix, count] : {std::tuple(EntityKind::kDocument, "d", num_documents),
                                              std::tuple(EntityKind::kLabel, "l", num_labels),
                                              std::tuple(EntityKind::kAnchor, "a", num_anchors)}) {
      for (int i = 0; i < count; ++i) {
        ASSERT_OK(transaction->InsertRow(kind, Row(prefix + std::to_string(i))));
      }
    }
    ASSERT_OK(transaction->Commit());
  }

  GraphRecord Create(const std::string& name, std::vector<EntityKind> sources,
                     std::vector<EntityKind> targets, std::int64_t half_life_micros = 0) {
    GraphRecord graph;
    graph.name = name;
    graph.sources = std::move(sources);
    graph.targets = std::move(targets);
    graph.half_life_micros = half_life_micros;
    auto transaction = Begin();
    auto created = transaction->CreateGraph(graph);
    EXPECT_OK(created);
    EXPECT_OK(transaction->Commit());
    return created.ok() ? created.value() : graph;
  }

  static GraphNode Document(std::uint32_t ordinal) {
    return {EntityKind::kDocument, Ordinal{ordinal}};
  }
  static GraphNode Label(std::uint32_t ordinal) { return {EntityKind::kLabel, Ordinal{ordinal}}; }
  static GraphNode Anchor(std::uint32_t ordinal) { return {EntityKind::kAnchor, Ordinal{ordinal}}; }

  /// All edges as "d0-l1 weight/clicks" from one side.
  static std::vector<std::string> Edges(const View& view, const GraphRecord& graph,
                                        EdgeSide side = EdgeSide::kOut) {
    std::vector<std::string> shown;
    const std::unique_ptr<EdgeCursor> cursor = view.ScanEdges(graph, side);
    while (true) {
      const auto more = cursor->Next();
      EXPECT_OK(more);
      if (!more.ok() || !more.value()) {
        return shown;
      }
      for (const Edge& edge : cursor->edges()) {
        shown.push_back(NameOf(cursor->node()) + (side == EdgeSide::kOut ? "-" : "<") +
                        NameOf(edge.neighbour) + " " + Short(edge.values.weight) + "/" +
                        std::to_string(edge.values.clicks));
      }
    }
  }

  void ExpectNoProblems() {
    SilentMonitor monitor;
    const auto report = store().Check(monitor);
    ASSERT_OK(report);
    for (const CheckProblem& problem : report->problems) {
      ADD_FAILURE() << problem.object << ": " << problem.problem << ": " << problem.detail;
    }
  }

 private:
  static std::string NameOf(GraphNode node) {
    return std::string(1, "?dla"[static_cast<std::size_t>(node.kind)]) +
           std::to_string(ToInteger(node.ordinal));
  }
  static std::string Short(double weight) {
    std::string text = std::to_string(weight);
    text.erase(text.find_last_not_of('0') + 1);
    return text.back() == '.' ? text.substr(0, text.size() - 1) : text;
  }
};

}  // namespace dashi::storage
