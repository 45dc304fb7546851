// Loads of edges and of clicks.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <signal.h>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/child_process.h"
#include "tests/storage/damaged_bytes.h"
#include "tests/storage/graph/graph_fixture.h"

namespace dashi::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;

class GraphLoadTest : public GraphFixture {
 protected:
  std::unique_ptr<BulkLoad> EdgeLoad(const GraphRecord& graph, DuplicatePolicy policy) {
    auto load = store().BeginEdgeLoad(graph, policy);
    EXPECT_OK(load);
    return std::move(load).value();
  }
  std::unique_ptr<BulkLoad> ClickLoad(const GraphRecord& graph) {
    auto load = store().BeginClickLoad(graph);
    EXPECT_OK(load);
    return std::move(load).value();
  }
};

TEST_F(GraphLoadTest, ASourceStandsForAllItsRowsAndATargetForTheFirst) {
  Open();
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor}) {
    Insert(kind, "both");
  }
  Insert(EntityKind::kAnchor, "anchor");
  const GraphRecord graph = Create("g", {EntityKind::kDocument, EntityKind::kLabel},
                                   {EntityKind::kLabel, EntityKind::kAnchor});
  const auto load = EdgeLoad(graph, DuplicatePolicy::kFail);
  ASSERT_OK(load->AddEdge("both", "both", {0.5, 0, 1}));
  ASSERT_OK(load->AddEdge("both", "anchor", {1, 3, 1}));
  EXPECT_EQ(load->AddEdge("both", "anchor", {}).sqlstate(), "23505");
  const Status unknown = load->AddEdge("nobody", "anchor", {});
  EXPECT_EQ(unknown.sqlstate(), "23503");
  EXPECT_THAT(std::string(unknown.message()),
              HasSubstr("no source with id 'nobody' in documents, labels"));
  EXPECT_EQ(load->AddEdge("both", "nobody", {}).sqlstate(), "23503");
  EXPECT_EQ(load->AddEdge("both", "both", {-1, 0, 0}).sqlstate(), "22023");
  EXPECT_EQ(load->AddRow(Row("x")).sqlstate(), "22023");
  EXPECT_EQ(load->AddRelevance("both", "both", 1).sqlstate(), "22023");
  auto counts = load->Commit({});
  ASSERT_OK(counts);
  EXPECT_EQ(counts->inserted, 2U);
  EXPECT_THAT(Edges(*Snapshot(), graph),
              ElementsAre("d0-l0 0.5/0", "d0-a1 1/3", "l0-l0 0.5/0", "l0-a1 1/3"));
  ExpectNoProblems();
}

/// The values that a policy leaves of edges that come several times.
TEST_F(GraphLoadTest, LoadsOfManyRunsComeToWhatAPlainMapSays) {
  constexpr std::uint64_t kSeed = 20261129;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  StoreOptions options;
  options.memory_bytes_max = std::uint64_t{16} << 20;  // Runs of the least size: several a load.
  OpenWithRows(3000, 500, 0, options);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  std::map<std::pair<std::uint32_t, std::uint32_t>, EdgeValues> model;
  for (const DuplicatePolicy policy :
       {DuplicatePolicy::kReplace, DuplicatePolicy::kIgnore, DuplicatePolicy::kReplace}) {
    const auto load = EdgeLoad(graph, policy);
    std::uint64_t inserted = 0;
    std::uint64_t existed = 0;
    for (int i = 0; i < 60'000; ++i) {
      const auto source = static_cast<std::uint32_t>(random.Uniform(3000));
      const auto target = static_cast<std::uint32_t>(random.Uniform(random.Uniform(20) + 1));
      const EdgeValues values{static_cast<double>(random.Uniform(8)), random.Uniform(3), 17};
      const bool is_new = model.emplace(std::pair(source, target), values).second;
      ++(is_new ? inserted : existed);
      if (policy == DuplicatePolicy::kReplace) {
        model[{source, target}] = values;
      }
      ASSERT_OK(load->AddEdge("d" + std::to_string(source), "l" + std::to_string(target), values));
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, inserted);
    EXPECT_EQ(policy == DuplicatePolicy::kReplace ? counts->replaced : counts->ignored, existed);
  }
  for (int round = 0; round < 2; ++round) {
    auto view = Snapshot();
    std::size_t num_edges = 0;
    for (std::uint32_t source = 0; source < 3000; ++source) {
      const auto edges = view->EdgesOf(graph, EdgeSide::kOut, Document(source)).value();
      for (const Edge& edge : edges) {
        ++num_edges;
        ASSERT_EQ(edge.values, model.at({source, ToInteger(edge.neighbour.ordinal)}));
      }
    }
    ASSERT_EQ(num_edges, model.size());
    view.reset();
    Open(options);
  }
  ExpectNoProblems();
}

using NamedEnds = std::pair<std::string, std::string>;

/// Ids of which some are in no table, and some in several.
std::vector<NamedEnds> RandomEnds(int count, Random* random) {
  std::vector<NamedEnds> ends;
  for (int i = 0; i < count; ++i) {
    const std::string prefix(1, "dddla"[random->Uniform(5)]);
    ends.emplace_back(prefix + std::to_string(random->Uniform(prefix == "d" ? 2010 : 5)),
                      std::string(1, "lla"[random->Uniform(3)]) +
                          std::to_string(random->Uniform(random->Uniform(320) + 1)));
  }
  return ends;
}

/// Many edges at a time come to what one at a time come to, errors and their places included,
/// whatever number of them was foretold.
TEST_F(GraphLoadTest, EdgesAddedTogetherAreThoseAddedOneByOne) {
  constexpr std::uint64_t kSeed = 20261130;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  StoreOptions options;
  options.memory_bytes_max = std::uint64_t{16} << 20;
  OpenWithRows(2000, 300, 200, options);
  auto transaction = Begin();
  for (const char* id : {"l1", "l2", "a1"}) {  // Also documents.
    ASSERT_OK(transaction->InsertRow(EntityKind::kDocument, Row(id)));
  }
  ASSERT_OK(transaction->Commit());
  transaction.reset();
  const std::vector<NamedEnds> ends = RandomEnds(30'000, &random);  // Enough for several runs.
  std::vector<double> weights;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    weights.push_back(random.Uniform(100) == 0 ? -1.0 : static_cast<double>(random.Uniform(5)));
  }
  for (const DuplicatePolicy policy :
       {DuplicatePolicy::kFail, DuplicatePolicy::kIgnore, DuplicatePolicy::kReplace}) {
    const int number = static_cast<int>(policy);
    const std::vector<EntityKind> sources = {EntityKind::kDocument, EntityKind::kLabel};
    const std::vector<EntityKind> targets = {EntityKind::kLabel, EntityKind::kAnchor};
    const GraphRecord one = Create("one" + std::to_string(number), sources, targets);
    std::vector<std::pair<std::size_t, std::string>> errors_one;
    auto load = EdgeLoad(one, policy);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const Status status = load->AddEdge(ends[i].first, ends[i].second, {weights[i], 0, 5});
      if (!status.ok()) {
        errors_one.emplace_back(i, status.sqlstate());
      }
    }
    auto counts_one = load->Commit({});
    ASSERT_OK(counts_one);
    load.reset();  // One load at a time.
    const GraphRecord all = Create("all" + std::to_string(number), sources, targets);
    std::vector<std::pair<std::size_t, std::string>> errors_all;
    load = EdgeLoad(all, policy);
    const std::uint64_t expected[] = {0, ends.size(), std::uint64_t{1} << 62U};
    ASSERT_OK(load->ExpectRows(expected[number]));
    std::vector<BulkLoad::NamedEdge> edges;
    for (std::size_t done = 0; done < ends.size();) {
      edges.clear();
      const std::size_t count = std::min<std::size_t>(random.Uniform(300), ends.size() - done);
      for (std::size_t i = done; i < done + count; ++i) {
        edges.push_back({ends[i].first, ends[i].second, {weights[i], 0, 5}});
      }
      std::size_t num_added = 0;
      const Status status = load->AddEdges(edges, &num_added);
      done += num_added;
      if (!status.ok()) {
        errors_all.emplace_back(done++, status.sqlstate());
      }
    }
    auto counts_all = load->Commit({});
    ASSERT_OK(counts_all);
    EXPECT_GT(errors_one.size(), 1000U);
    EXPECT_EQ(errors_all, errors_one);
    EXPECT_EQ(counts_all->inserted, counts_one->inserted);
    EXPECT_EQ(counts_all->replaced, counts_one->replaced);
    EXPECT_EQ(counts_all->ignored, counts_one->ignored);
    for (const EdgeSide side : {EdgeSide::kOut, EdgeSide::kIn}) {
      EXPECT_EQ(Edges(*Snapshot(), all, side), Edges(*Snapshot(), one, side));
    }
    load.reset();
  }
  ExpectNoProblems();
}

TEST_F(GraphLoadTest, ALoadThatIsDroppedStopsReadingIds) {
  OpenWithRows(3000, 3000, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  for (int i = 0; i < 20; ++i) {
    const auto load = EdgeLoad(graph, DuplicatePolicy::kFail);
    ASSERT_OK(load->ExpectRows(1'000'000));
  }
  const auto load = EdgeLoad(graph, DuplicatePolicy::kFail);
  ASSERT_OK(load->ExpectRows(1'000'000));
  ASSERT_OK(load->AddEdge("d2999", "l2999", {}));
  EXPECT_EQ(load->AddEdge("d3000", "l2999", {}).sqlstate(), "23503");
  ASSERT_OK(load->Commit({}));
  EXPECT_THAT(Edges(*Snapshot(), graph), ElementsAre("d2999-l2999 1/0"));
}

TEST_F(GraphLoadTest, ClicksAreAddedUpAndEventsCountOnce) {
  StoreOptions options;
  options.memory_bytes_max = std::uint64_t{16} << 20;
  OpenWithRows(200, 50, 0, options);
  const GraphRecord graph =
      Create("clicks", {EntityKind::kDocument}, {EntityKind::kLabel}, 10 * kDay);
  Random random(7);
  std::map<std::pair<std::uint32_t, std::uint32_t>, EdgeValues> model;
  for (int round = 0; round < 2; ++round) {
    const auto load = ClickLoad(graph);
    for (int i = 0; i < 40'000; ++i) {
      const int event = round * 20'000 + i;  // Half of the second round was in the first.
      Random of_event(static_cast<std::uint64_t>(event));
      const auto source = static_cast<std::uint32_t>(of_event.Uniform(200));
      const auto target = static_cast<std::uint32_t>(of_event.Uniform(50));
      const std::int64_t at = (100 + static_cast<std::int64_t>(of_event.Uniform(5))) * kDay;
      const std::string id = "event" + std::to_string(event);
      ASSERT_OK(
          load->AddClick("d" + std::to_string(source), "l" + std::to_string(target), {at, id}));
      if (round == 0 || event >= 40'000) {
        EdgeValues& values = model[{source, target}];
        values = values.clicks == 0 ? EdgeValues{1, 1, at}
                                    : SumOf(values, {1, 1, at}, graph.half_life_micros);
      }
    }
    auto counts = load->Commit({});
    ASSERT_OK(counts);
    EXPECT_EQ(counts->inserted, round == 0 ? 40'000U : 20'000U);
    EXPECT_EQ(counts->ignored, round == 0 ? 0U : 20'000U);
  }
  const auto view = Snapshot();
  std::uint64_t clicks = 0;
  for (std::uint32_t source = 0; source < 200; ++source) {
    const auto edges = view->EdgesOf(graph, EdgeSide::kOut, Document(source)).value();
    for (const Edge& edge : edges) {
      const EdgeValues& expected = model.at({source, ToInteger(edge.neighbour.ordinal)});
      EXPECT_EQ(edge.values.clicks, expected.clicks);
      EXPECT_EQ(edge.values.last_seen_micros, expected.last_seen_micros);
      EXPECT_NEAR(edge.values.weight, expected.weight, 1e-9);
      clicks += edge.values.clicks;
    }
  }
  EXPECT_EQ(clicks, 60'000U);
  const auto load = ClickLoad(graph);
  EXPECT_EQ(load->AddClick("d0", "l0", {50 * kDay, "old"}).sqlstate(), "22008");
  ASSERT_OK(load->AddClick("d0", "l0", {50 * kDay, ""}));  // Without an id it always counts.
  ExpectNoProblems();
}

TEST_F(GraphLoadTest, LoadsConflictWithWhatTheyRead) {
  OpenWithRows(3, 3, 0);
  const GraphRecord graph = Create("g", {EntityKind::kDocument}, {EntityKind::kLabel});
  const auto put = [&](std::uint32_t source, std::uint32_t target) {
    auto transaction = Begin();
    ASSERT_OK(transaction->PutEdge(graph, Document(source), Label(target), {}));
    ASSERT_OK(transaction->Commit());
  };
  {
    const auto load = EdgeLoad(graph, DuplicatePolicy::kFail);
    ASSERT_OK(load->AddEdge("d0", "l0", {}));
    put(1, 1);
    EXPECT_EQ(load->Commit({}).status().sqlstate(), "40001");
  }
  {
    const auto load = EdgeLoad(graph, DuplicatePolicy::kReplace);  // It reads nothing.
    ASSERT_OK(load->AddEdge("d0", "l0", {}));
    put(1, 2);
    EXPECT_OK(load->Commit({}));
  }
  {
    const auto load = EdgeLoad(graph, DuplicatePolicy::kReplace);
    ASSERT_OK(load->AddEdge("d2", "l0", {}));
    auto transaction = Begin();
    ASSERT_OK(transaction->DeleteRow(EntityKind::kDocument, Ordinal{2}));
    ASSERT_OK(transaction->Commit());
    EXPECT_EQ(load->Commit({}).status().sqlstate(), "40001");
  }
  {
    const auto load = EdgeLoad(graph, DuplicatePolicy::kReplace);
    ASSERT_OK(load->AddEdge("d0", "l1", {}));
    auto transaction = Begin();
    ASSERT_OK(transaction->DropGraph("g"));
    ASSERT_OK(transaction->Commit());
    EXPECT_EQ(load->Commit({}).status().sqlstate(), "40001");
  }
  ExpectNoProblems();
}

constexpr int kCrashEdges = 120'000;

TEST(GraphLoadChild, DISABLED_Loads) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  StoreOptions options;
  options.memory_bytes_max = std::uint64_t{16} << 20;
  auto store = Store::Open(directory, options);
  ASSERT_OK(store);
  auto transaction = store.value()->Begin();
  EntityRow row;
  for (int i = 0; i < 1000; ++i) {
    row.id = "n" + std::to_string(i);
    ASSERT_OK(transaction.value()->InsertRow(EntityKind::kDocument, row));
  }
  GraphRecord graph;
  graph.name = "g";
  graph.sources = {EntityKind::kDocument};
  graph.targets = {EntityKind::kDocument};
  auto created = transaction.value()->CreateGraph(graph);
  ASSERT_OK(created);
  ASSERT_OK(transaction.value()->AddToEdge(*created, {EntityKind::kDocument, Ordinal{0}},
                                           {EntityKind::kDocument, Ordinal{0}}, {1, 1, 0}));
  ASSERT_OK(transaction.value()->Commit());
  auto load = store.value()->BeginClickLoad(*created);
  ASSERT_OK(load);
  for (int i = 0; i < kCrashEdges; ++i) {
    ASSERT_OK(load.value()->AddClick("n" + std::to_string(i % 1000), "n" + std::to_string(i / 1000),
                                     {i, ""}));
  }
  ASSERT_OK(load.value()->Commit({}));
}

TEST(GraphLoadChild, DISABLED_Opens) {
  const char* directory = std::getenv("STORE_CHILD_DIRECTORY");
  ASSERT_NE(directory, nullptr);
  ASSERT_OK(Store::Open(directory, {}));
}

class GraphLoadCrashTest : public GraphFixture, public ::testing::WithParamInterface<std::string> {
 protected:
  void ExpectWhole(bool loaded) {
    const auto view = Snapshot();
    const GraphRecord graph = view->GetGraph("g").value().value();
    std::uint64_t clicks = 0;
    const auto cursor = view->ScanEdges(graph, EdgeSide::kOut);
    while (cursor->Next().value()) {
      for (const Edge& edge : cursor->edges()) {
        clicks += edge.values.clicks;
      }
    }
    EXPECT_EQ(clicks, loaded ? kCrashEdges + 1U : 1U);
    EXPECT_EQ(view->CommitSequence().value(), loaded ? 2U : 1U);
  }
};

// Clicks are added: a load that is finished twice would count them twice.
TEST_P(GraphLoadCrashTest, AKilledLoadIsThereOnceOrNotAtAll) {
  const std::string point = GetParam();
  const ChildOutcome child =
      RunTestInChild("GraphLoadChild.DISABLED_Loads",
                     {{"STORE_CHILD_DIRECTORY", directory()}, {"DASHI_FAILPOINTS", point}});
  ASSERT_EQ(child.signal, SIGKILL) << child.output;
  const bool loaded = point != "load.spooled";
  // Killed once more while the open finishes the load, where it has something to finish.
  const ChildOutcome again = RunTestInChild(
      "GraphLoadChild.DISABLED_Opens",
      {{"STORE_CHILD_DIRECTORY", directory()}, {"DASHI_FAILPOINTS", "load.ingested"}});
  EXPECT_EQ(again.signal, point == "load.spooled" || point == "load.applied" ? 0 : SIGKILL)
      << again.output;
  for (int round = 0; round < 2; ++round) {
    Open();
    ExpectWhole(loaded);
    EXPECT_TRUE(std::filesystem::is_empty(directory() + "/tmp"));
  }
  ExpectNoProblems();
}

INSTANTIATE_TEST_SUITE_P(Points, GraphLoadCrashTest,
                         ::testing::Values("load.spooled", "load.committed", "load.ingested",
                                           "load.applied"),
                         [](const auto& point) {
                           std::string name = point.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(GraphLoadTest, ADamagedFileOfACommittedLoadIsReported) {
  const ChildOutcome child = RunTestInChild(
      "GraphLoadChild.DISABLED_Loads",
      {{"STORE_CHILD_DIRECTORY", directory()}, {"DASHI_FAILPOINTS", "load.committed"}});
  ASSERT_EQ(child.signal, SIGKILL) << child.output;
  for (const std::string name : {"load-1-out-2.sst", "load-1-in-1.sst"}) {
    const std::string path = directory() + "/tmp/" + name;
    FlipByte(path, std::filesystem::file_size(path) / 2);
    const Status damaged = Store::Open(directory(), {}).status();
    EXPECT_EQ(damaged.sqlstate(), "XX001");
    EXPECT_THAT(std::string(damaged.message()), HasSubstr(name));
    FlipByte(path, std::filesystem::file_size(path) / 2);
  }
  EXPECT_OK(Store::Open(directory(), {}));
}

}  // namespace
}  // namespace dashi::storage
