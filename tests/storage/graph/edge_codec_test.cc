#include "storage/graph/edge_codec.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/damaged_bytes.h"

namespace dashi::storage {
namespace {

constexpr std::int64_t kDay = std::int64_t{86'400} * 1'000'000;

GraphNode Label(std::uint32_t ordinal) { return {EntityKind::kLabel, Ordinal{ordinal}}; }
GraphNode Anchor(std::uint32_t ordinal) { return {EntityKind::kAnchor, Ordinal{ordinal}}; }

TEST(EdgeTest, WeightsHalveInEachHalfLife) {
  const EdgeValues values{8, 3, 100 * kDay};
  EXPECT_DOUBLE_EQ(WeightAt(values, 10 * kDay, 100 * kDay), 8);
  EXPECT_DOUBLE_EQ(WeightAt(values, 10 * kDay, 110 * kDay), 4);
  EXPECT_DOUBLE_EQ(WeightAt(values, 10 * kDay, 125 * kDay), 8 * std::exp2(-2.5));
  EXPECT_DOUBLE_EQ(WeightAt(values, 0, 1000 * kDay), 8);        // No half-life.
  EXPECT_DOUBLE_EQ(WeightAt(values, 10 * kDay, 50 * kDay), 8);  // Before it was seen.
  EXPECT_GE(WeightAt({1, 0, INT64_MIN}, 1, INT64_MAX), 0);      // No overflow.
}

TEST(EdgeTest, SumsStandAtTheLaterTime) {
  const EdgeValues sum = SumOf({4, 1, 10 * kDay}, {1, 2, 20 * kDay}, 10 * kDay);
  EXPECT_DOUBLE_EQ(sum.weight, 3);
  EXPECT_EQ(sum.clicks, 3U);
  EXPECT_EQ(sum.last_seen_micros, 20 * kDay);
  const double most = std::numeric_limits<double>::max();
  EXPECT_DOUBLE_EQ(SumOf({most, UINT64_MAX, 0}, {most, 5, 0}, 0).weight, most);
  EXPECT_EQ(SumOf({most, UINT64_MAX, 0}, {most, 5, 0}, 0).clicks, UINT64_MAX);
}

TEST(EdgeCodecTest, ListsComeBack) {
  const std::vector<std::vector<Edge>> lists = {
      {},
      {{Label(0), {1, 0, 0}}},
      {{{EntityKind::kDocument, Ordinal{4294967294U}}, {0.25, 7, -5}},
       {Label(1), {0.1, 0, 1'700'000'000'000'000}},
       {Label(2), {0, UINT64_MAX, 1'700'000'000'000'000}},
       {Anchor(0), {1e300, 1, INT64_MIN}},
       {Anchor(9), {1, 0, INT64_MAX}}}};
  for (const std::vector<Edge>& list : lists) {
    for (const std::int64_t half_life : {std::int64_t{0}, 30 * kDay}) {
      std::vector<Edge> read = {{Label(77), {}}};
      std::int64_t read_half_life = -1;
      ASSERT_TRUE(DecodeEdges(EncodeEdges(half_life, list), &read_half_life, &read));
      EXPECT_EQ(read, list);
      EXPECT_EQ(read_half_life, half_life);
    }
  }
}

TEST(EdgeCodecTest, AnImportedEdgeTakesTwoBytes) {
  const std::int64_t now = 1'700'000'000'000'000;
  const std::vector<Edge> three = {
      {Label(5), {1, 0, now}}, {Label(6), {1, 0, now}}, {Label(7), {1, 0, now}}};
  const std::size_t one = EncodeEdges(0, std::vector<Edge>(three.begin(), three.end() - 2)).size();
  EXPECT_EQ(EncodeEdges(0, three).size(), one + 4);
}

TEST(EdgeCodecTest, DamageIsRefusedOrHarmless) {
  const std::string list =
      EncodeEdges(kDay, std::vector<Edge>{{Label(3), {0.5, 1, 12}}, {Anchor(70000), {0.1, 0, 13}}});
  const std::string delta = EncodeEdgeDelta(
      kDay, std::vector<EdgeChange>{{Label(2), EdgeOperation::kRemove, {}},
                                    {Label(300), EdgeOperation::kAdd, {1, 1, 99}},
                                    {Anchor(1), EdgeOperation::kPut, {0.1, 0, 99}}});
  for (const std::string& bytes : {list, delta}) {
    ForEachDamage(bytes, [&](const std::string& damaged) {
      std::vector<Edge> edges;
      std::vector<EdgeChange> changes;
      std::int64_t half_life = 0;
      EXPECT_FALSE(DecodeEdges(damaged, &edges) && damaged.size() < bytes.size());
      const bool decoded = DecodeEdgeDelta(damaged, &half_life, &changes);
      EXPECT_FALSE(decoded && damaged.size() < bytes.size());
      EXPECT_TRUE(decoded || changes.empty());
      // A merge of anything ends in something that a reader can judge.
      const std::string_view views[] = {damaged, delta};
      const std::string merged = MergeEdges(nullptr, views);
      EXPECT_EQ(DecodeEdges(merged, &edges), decoded);
    });
  }
}

/// The plain twin: every edge apart, one step after the other.
using Model = std::map<GraphNode, EdgeValues>;

void ApplyToModel(std::int64_t half_life, const EdgeChange& change, Model* model) {
  const auto found = model->find(change.neighbour);
  switch (change.operation) {
    case EdgeOperation::kRemove:
      model->erase(change.neighbour);
      break;
    case EdgeOperation::kPut:
      (*model)[change.neighbour] = change.values;
      break;
    case EdgeOperation::kAdd:
      (*model)[change.neighbour] =
          found == model->end() ? change.values : SumOf(found->second, change.values, half_life);
      break;
  }
}

void ExpectSame(const Model& model, const std::vector<Edge>& edges) {
  ASSERT_EQ(edges.size(), model.size());
  std::size_t i = 0;
  for (const auto& [node, values] : model) {
    EXPECT_EQ(edges[i].neighbour, node);
    EXPECT_EQ(edges[i].values.clicks, values.clicks);
    EXPECT_EQ(edges[i].values.last_seen_micros, values.last_seen_micros);
    EXPECT_NEAR(edges[i].values.weight, values.weight, 1e-12 * values.weight);
    ++i;
  }
}

EdgeChange RandomChange(Random* random) {
  EdgeChange change;
  change.neighbour = {static_cast<EntityKind>(1 + random->Uniform(3)),
                      Ordinal{static_cast<std::uint32_t>(random->Uniform(6))}};
  change.operation = static_cast<EdgeOperation>(random->Uniform(3));
  if (change.operation != EdgeOperation::kRemove) {
    change.values = {random->Uniform(3) == 0 ? 1.0 : random->UniformReal() * 5, random->Uniform(4),
                     static_cast<std::int64_t>(random->Uniform(40)) * kDay};
  }
  return change;
}

TEST(EdgeCodecTest, MergingDoesNotDependOnTheGrouping) {
  constexpr std::uint64_t kSeed = 20261127;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t half_life = random.Uniform(2) == 0 ? 0 : 10 * kDay;
    Model model;
    std::vector<std::string> deltas;
    std::string stored;
    bool has_stored = false;
    for (int step = 0; step < 30; ++step) {
      std::vector<EdgeChange> changes;
      for (std::uint64_t i = random.Uniform(5); i > 0; --i) {
        changes.push_back(RandomChange(&random));
        ApplyToModel(half_life, changes.back(), &model);
      }
      CollapseEdgeChanges(half_life, &changes);
      deltas.push_back(EncodeEdgeDelta(half_life, changes));
      const std::vector<std::string_view> views(deltas.begin(), deltas.end());
      if (random.Uniform(4) == 0 && deltas.size() > 1) {
        std::string combined;
        ASSERT_TRUE(CombineEdgeDeltas(views, &combined));
        deltas = {combined};
      } else if (random.Uniform(4) == 0) {
        const std::string_view existing = stored;
        stored = MergeEdges(has_stored ? &existing : nullptr, views);
        has_stored = true;
        deltas.clear();
      }
    }
    const std::vector<std::string_view> views(deltas.begin(), deltas.end());
    const std::string_view existing = stored;
    std::vector<Edge> edges;
    ASSERT_TRUE(DecodeEdges(MergeEdges(has_stored ? &existing : nullptr, views), &edges));
    ExpectSame(model, edges);
  }
}

}  // namespace
}  // namespace dashi::storage
