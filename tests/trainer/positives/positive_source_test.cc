#include "trainer/positives/positive_source.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/graph/graph_fixture.h"
#include "tests/trainer/state_parts.h"
#include "trainer/sparse_rows.h"
#include "trainer/training_data.h"
#include "trainer/training_data_state.h"

namespace dashi::trainer {
namespace {

using storage::EdgeValues;
using storage::EntityKind;
using storage::EntityRow;
using storage::GraphNode;
using storage::GraphRecord;
using storage::Ordinal;
using storage::StatusOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kNewest = 1'000 * kDay;

class PositiveSourceTest : public storage::GraphFixture {
 protected:
  // Documents d0 .. d4, of which d4 is of the test, labels l0 .. l2, and a pair of the table
  // relevance that is none of the graph's.
  void SetUp() override {
    Open();
    auto transaction = Begin();
    for (const auto& [id, text] :
         {std::pair("d0", "red shoes"), std::pair("d1", "blue shoes"), std::pair("d2", "red hat"),
          std::pair("d3", "blue hat"), std::pair("d4", "blue hat")}) {
      EntityRow row = Row(id, text);
      if (row.id == "d4") {
        row.split = "test";
      }
      ASSERT_OK(transaction->InsertRow(EntityKind::kDocument, row));
    }
    for (const auto& [id, text] :
         {std::pair("l0", "shoes"), std::pair("l1", "hat"), std::pair("l2", "red")}) {
      ASSERT_OK(transaction->InsertRow(EntityKind::kLabel, Row(id, text)));
    }
    ASSERT_OK(transaction->PutRelevance(Ordinal{3}, Ordinal{2}, 1));
    ASSERT_OK(transaction->Commit());
  }

  struct Click {
    GraphNode source;
    GraphNode target;
    std::uint64_t clicks = 1;
    std::int64_t days_ago = 0;
  };
  void Put(const GraphRecord& graph, const std::vector<Click>& clicks) {
    auto transaction = Begin();
    for (const Click& click : clicks) {
      const EdgeValues values{1, click.clicks, kNewest - click.days_ago * kDay};
      ASSERT_OK(transaction->PutEdge(graph, click.source, click.target, values));
    }
    ASSERT_OK(transaction->Commit());
  }

  // Clicks of d0 on l0 and l1, of d1 on l0, of d2 on l2, of d4 on l1.
  void PutClicks() {
    const GraphRecord graph = Create("clicks", {EntityKind::kDocument}, {EntityKind::kLabel});
    Put(graph, {{Document(0), Label(0), 5, 0},
                {Document(0), Label(1), 1, 10},
                {Document(1), Label(0), 2, 90},
                {Document(2), Label(2), 7, 91},
                {Document(4), Label(1), 9, 0}});
  }

  // The positives of documents, as "d0: l0 l1".
  std::vector<std::string> Positives(const PositiveReading& reading) {
    const auto view = Snapshot();
    const auto source = PositiveSource::Find(*view, reading, {});
    EXPECT_OK(source);
    std::vector<std::string> found;
    if (!source.ok()) {
      return found;
    }
    EXPECT_OK(
        source->ForEachDocument(*view, {}, [&](Ordinal, const EntityRow& row, const auto& labels) {
          std::string text = row.id + ":";
          for (const auto& label : labels) {
            text += " l" + std::to_string(ToInteger(label.ordinal));
          }
          found.push_back(text);
          return Status();
        }));
    return found;
  }
};

TEST_F(PositiveSourceTest, WithoutAGraphTheyAreThoseOfTheTable) {
  EXPECT_THAT(Positives({}), ElementsAre("d3: l2"));
}

TEST_F(PositiveSourceTest, EdgesOfAGraphCountWithClicksEnoughInTheWindow) {
  PutClicks();
  EXPECT_THAT(Positives({"clicks", 1, 0}), ElementsAre("d0: l0 l1", "d1: l0", "d2: l2", "d4: l1"));
  EXPECT_THAT(Positives({"clicks", 2, 0}), ElementsAre("d0: l0", "d1: l0", "d2: l2", "d4: l1"));
  // The bound itself is inside.
  EXPECT_THAT(Positives({"clicks", 2, 90 * kDay}), ElementsAre("d0: l0", "d1: l0", "d4: l1"));
  EXPECT_THAT(Positives({"clicks", 6, kDay}), ElementsAre("d4: l1"));
  const auto source = PositiveSource::Find(*Snapshot(), {"clicks", 2, 90 * kDay}, {});
  ASSERT_OK(source);
  EXPECT_EQ(
      source->Describe(),
      "of 5 edges of graph \"clicks\" between documents and labels 3 count; 1 have fewer than "
      "2 clicks; 1 others were last seen before 1972-06-29 00:00:00.000000+00");
}

TEST_F(PositiveSourceTest, EdgesOfOtherTablesDoNotCountAndThoseFromLabelsDo) {
  const GraphRecord mixed = Create("mixed", {EntityKind::kDocument, EntityKind::kLabel},
                                   {EntityKind::kDocument, EntityKind::kLabel});
  Put(mixed, {{Document(0), Document(1)},
              {Document(0), Label(2)},
              {Label(1), Label(2)},
              {Label(1), Document(3)}});
  EXPECT_THAT(Positives({"mixed", 1, 0}), ElementsAre("d0: l2"));
  const GraphRecord back = Create("back", {EntityKind::kLabel}, {EntityKind::kDocument});
  Put(back, {{Label(1), Document(0)}, {Label(0), Document(0)}, {Label(0), Document(3)}});
  EXPECT_THAT(Positives({"back", 1, 0}), ElementsAre("d0: l0 l1", "d3: l0"));
}

TEST_F(PositiveSourceTest, ATrainingReadsThemWithTheWeightsOfTheirLabels) {
  PutClicks();
  TrainingDataOptions options;
  options.ranker = false;
  options.positives = {"clicks", 1, 0};
  options.propensity_weights = true;
  const auto data = ReadTrainingData(*Snapshot(), options, {});
  ASSERT_OK(data);
  // Without d3, which has no click, and d4 of the test.
  EXPECT_THAT(std::vector<Ordinal>(data->document_ordinals.begin(), data->document_ordinals.end()),
              ElementsAre(Ordinal{0}, Ordinal{1}, Ordinal{2}));
  EXPECT_THAT(RowColumns(data->task.relevance, 0), ElementsAre(0, 1));
  EXPECT_THAT(RowColumns(data->task.relevance, 2), ElementsAre(2));
  ASSERT_EQ(data->task.label_weights.size(), 3U);
  EXPECT_LT(data->task.label_weights[0], data->task.label_weights[1]);
  EXPECT_EQ(data->task.label_weights[1], data->task.label_weights[2]);

  Parts parts;
  MapWriter writer(&parts);
  ASSERT_OK(SaveTrainingData(*data, writer));
  const auto again = LoadTrainingData(MapReader(parts), nullptr);
  ASSERT_OK(again);
  EXPECT_EQ(again->task.label_weights, data->task.label_weights);

  options.propensity_weights = false;
  const auto uniform = ReadTrainingData(*Snapshot(), options, {});
  ASSERT_OK(uniform);
  EXPECT_TRUE(uniform->task.label_weights.empty());
}

TEST_F(PositiveSourceTest, ErrorsSayWhatTheGraphHas) {
  EXPECT_EQ(PositiveSource::Find(*Snapshot(), {"absent", 1, 0}, {}).status().sqlstate(), "42704");
  Create("links", {EntityKind::kDocument}, {EntityKind::kDocument, EntityKind::kAnchor});
  const Status links = PositiveSource::Find(*Snapshot(), {"links", 1, 0}, {}).status();
  EXPECT_EQ(links.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(links.message()), HasSubstr("\"links\""));
  PutClicks();
  EXPECT_EQ(
      PositiveSource::Find(*Snapshot(), {"clicks", 1, kDay}, [] { return true; }).status().code(),
      StatusCode::kCancelled);
  TrainingDataOptions options;
  options.ranker = false;
  options.positives = {"clicks", 8, kDay};
  const Status nothing = ReadTrainingData(*Snapshot(), options, {}).status();
  EXPECT_EQ(nothing.sqlstate(), "55000");
  EXPECT_THAT(std::string(nothing.message()), HasSubstr("4 have fewer than 8 clicks"));
  EXPECT_THAT(std::string(nothing.hint()), HasSubstr("min_clicks"));
}

}  // namespace
}  // namespace dashi::trainer
