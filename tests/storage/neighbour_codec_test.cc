#include "storage/neighbour_codec.h"

#include <cmath>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/storage/damaged_bytes.h"
#include "tests/storage/store_fixture.h"

namespace dashi::storage {
namespace {

using Model = std::map<std::uint32_t, float>;

std::vector<RelevanceNeighbour> ListOf(const Model& model) {
  std::vector<RelevanceNeighbour> list;
  for (const auto& [ordinal, weight] : model) {
    list.push_back({Ordinal{ordinal}, weight});
  }
  return list;
}

TEST(NeighbourCodecTest, ListsComeBack) {
  for (const Model& model :
       {Model{}, Model{{0, 1.0F}}, Model{{0, 1.0F}, {1, 1.0F}, {4294967294U, 1.0F}},
        Model{{5, 0.5F}, {6, -0.0F}, {1000, 3e38F}}}) {
    std::vector<RelevanceNeighbour> read = {{Ordinal{99}, 9.0F}};
    ASSERT_TRUE(DecodeNeighbours(EncodeNeighbours(ListOf(model)), &read));
    EXPECT_EQ(Pairs(read), Pairs(ListOf(model)));
  }
}

TEST(NeighbourCodecTest, AListOfEqualWeightsIsSmall) {
  const Model model{{100, 1.0F}, {101, 1.0F}, {102, 1.0F}};
  EXPECT_EQ(EncodeNeighbours(ListOf(model)).size(), 6U);
}

TEST(NeighbourCodecTest, DamageIsRefusedOrHarmless) {
  const std::string list = EncodeNeighbours(ListOf({{3, 0.5F}, {70000, 2.0F}}));
  const std::vector<NeighbourChange> changes = {
      {Ordinal{2}, std::nullopt}, {Ordinal{300}, 1.0F}, {Ordinal{301}, 0.25F}};
  const std::string delta = EncodeNeighbourDelta(changes);
  for (const std::string& bytes : {list, delta}) {
    ForEachDamage(bytes, [&](const std::string& damaged) {
      std::vector<RelevanceNeighbour> neighbours;
      std::vector<NeighbourChange> read;
      EXPECT_FALSE(DecodeNeighbours(damaged, &neighbours) && damaged.size() < bytes.size());
      const bool decoded = DecodeNeighbourDelta(damaged, &read);
      EXPECT_FALSE(decoded && damaged.size() < bytes.size());
      EXPECT_TRUE(decoded || read.empty());
    });
  }
}

TEST(NeighbourCodecTest, MergingDoesNotDependOnTheGrouping) {
  constexpr std::uint64_t kSeed = 20261123;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 200; ++round) {
    Model model;
    std::vector<std::string> deltas;
    std::string stored;
    bool has_stored = false;
    for (int step = 0; step < 30; ++step) {
      std::map<std::uint32_t, std::optional<float>> changes;
      const std::uint64_t size = random.Uniform(4);
      for (std::uint64_t i = 0; i < size; ++i) {
        const auto ordinal = static_cast<std::uint32_t>(random.Uniform(20));
        changes[ordinal] = random.Uniform(3) == 0
                               ? std::nullopt
                               : std::optional<float>(static_cast<float>(random.Uniform(3)));
      }
      std::vector<NeighbourChange> delta;
      for (const auto& [ordinal, weight] : changes) {
        delta.push_back({Ordinal{ordinal}, weight});
        if (weight) {
          model[ordinal] = *weight;
        } else {
          model.erase(ordinal);
        }
      }
      deltas.push_back(EncodeNeighbourDelta(delta));
      const std::uint64_t action = random.Uniform(4);
      if (action == 0 && deltas.size() > 1) {  // Combine the last two, as a compaction may.
        const std::vector<std::string_view> last = {deltas[deltas.size() - 2], deltas.back()};
        std::string combined;
        ASSERT_TRUE(CombineDeltas(last, &combined));
        deltas.pop_back();
        deltas.back() = combined;
      } else if (action == 1) {  // Merge all into the value.
        const std::vector<std::string_view> all(deltas.begin(), deltas.end());
        const std::string_view before = stored;
        stored = MergeNeighbours(has_stored ? &before : nullptr, all);
        has_stored = true;
        deltas.clear();
      }
    }
    const std::vector<std::string_view> all(deltas.begin(), deltas.end());
    const std::string_view before = stored;
    std::vector<RelevanceNeighbour> read;
    ASSERT_TRUE(DecodeNeighbours(MergeNeighbours(has_stored ? &before : nullptr, all), &read));
    EXPECT_EQ(Pairs(read), Pairs(ListOf(model)));
  }
}

TEST(NeighbourCodecTest, MergingDamageNeitherFailsNorHidesIt) {
  const std::vector<NeighbourChange> change = {{Ordinal{1}, 1.0F}};
  const std::string delta = EncodeNeighbourDelta(change);
  const std::string_view garbage = "garbage";
  std::vector<RelevanceNeighbour> read;
  const std::vector<std::string_view> good = {delta};
  const std::vector<std::string_view> bad = {delta, garbage};
  const std::string over_garbage = MergeNeighbours(&garbage, good);
  EXPECT_FALSE(DecodeNeighbours(over_garbage, &read));
  const std::string with_garbage = MergeNeighbours(nullptr, bad);
  EXPECT_FALSE(DecodeNeighbours(with_garbage, &read));
  const std::string_view opaque = with_garbage;
  const std::string later = MergeNeighbours(&opaque, good);
  EXPECT_FALSE(DecodeNeighbours(later, &read));
  EXPECT_NE(later.find("garbage"), std::string::npos);
  std::string combined;
  EXPECT_FALSE(CombineDeltas(bad, &combined));
}

}  // namespace
}  // namespace dashi::storage
