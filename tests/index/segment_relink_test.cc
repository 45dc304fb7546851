#include "index/segment/segment_relink.h"

#include <filesystem>
#include <fstream>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "index/recall_probe.h"
#include "index/segment/segment_index.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 2500;
constexpr std::size_t kDim = 24;
constexpr std::size_t kNumQueries = 200;

// A beam so narrow that a scan of these few rows is not cheaper.
HnswOptions Narrow() {
  HnswOptions options;
  options.ef_search = 32;
  options.ef_construction = 80;
  return options;
}

// A segment of rows with even ids.
class SegmentRelinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(41);
    std::vector<float> rows = ClusteredRows(kRows + kNumQueries, kDim, 50, 0.7F, random);
    queries_.assign(rows.begin() + kRows * kDim, rows.end());
    rows.resize(kRows * kDim);
    floats_ = rows;
    vectors_ = HalfRows(rows);
    for (std::uint32_t i = 0; i < kRows; ++i) {
      ids_.push_back(2 * i);
    }
    path_ = (std::filesystem::path(::testing::TempDir()) /
             (std::string("relinked_") +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
    Write(0);
  }
  void Write(std::uint32_t generation) {
    ASSERT_TRUE(BuildSegment(path_, View(vectors_), {ids_, {}, {}, generation}, Narrow(), {},
                             FileGate::System())
                    .ok());
  }
  static HalfMatrixView View(const std::vector<std::uint16_t>& vectors) {
    return {vectors.data(), vectors.size() / kDim, kDim};
  }
  // Recall of a graph in a file of its own.
  double Recall(const StoredGraph& stored, const std::vector<std::uint16_t>& vectors) {
    std::vector<std::uint32_t> ids(vectors.size() / kDim);
    std::iota(ids.begin(), ids.end(), 0);
    const std::string path = path_ + "_probed";
    EXPECT_TRUE(
        WriteSegment(path, PartsOf(stored, View(vectors)), {ids, {}, {}, 1}, FileGate::System())
            .ok());
    const auto index = MakeSegmentIndex(MappedSegment::Open(path).value());
    SearchStatistics statistics;
    EXPECT_TRUE(index->Search(std::span(queries_).first(kDim), {}, &statistics).ok());
    EXPECT_FALSE(statistics.exact);
    ThreadPool pool(2);
    return ProbeRecall(*index, {queries_.data(), kNumQueries, kDim}, 10, pool, {}).value();
  }
  // All vectors moved, some rows gone and some new: their ids are odd.
  void Change() {
    Random random(42);
    std::vector<float> moved;
    std::vector<std::uint32_t> ids;
    for (std::size_t row = 0; row < kRows; ++row) {
      if (row % 10 != 0) {
        ids.push_back(ids_[row]);
        for (std::size_t i = 0; i < kDim; ++i) {
          moved.push_back(floats_[row * kDim + i] + 0.05F * static_cast<float>(random.Normal()));
        }
      }
      if (row % 8 == 0) {
        ids.push_back(ids_[row] + 1);
        moved.insert(moved.end(), floats_.begin() + static_cast<std::ptrdiff_t>(row * kDim),
                     floats_.begin() + static_cast<std::ptrdiff_t>((row + 1) * kDim));
      }
    }
    vectors_ = HalfRows(moved);
    ids_ = ids;
  }

  std::vector<float> queries_;
  std::vector<float> floats_;
  std::vector<std::uint16_t> vectors_;
  std::vector<std::uint32_t> ids_;
  std::string path_;
};

TEST_F(SegmentRelinkTest, ARelinkedGraphFindsWhatOneBuiltAnewFinds) {
  const auto old = MappedSegment::Open(path_).value();
  Change();
  EXPECT_TRUE(IsWorthRelinking(*old, ids_, Narrow()));
  const StoredGraph relinked = RelinkSegment(*old, View(vectors_), ids_, Narrow(), {}).value();
  EXPECT_EQ(relinked.graph.FindFault(), "");
  EXPECT_EQ(relinked.ef_search, Narrow().ef_search);
  EXPECT_EQ(relinked.entry_percent, 0U);
  const StoredGraph built = BuildStoredGraph(View(vectors_), Narrow(), {}).value();
  const double recall = Recall(relinked, vectors_);
  const double recall_built = Recall(built, vectors_);
  std::printf("recall@10: %.4f relinked, %.4f built anew\n", recall, recall_built);
  EXPECT_GE(recall, recall_built - 0.005);
}

TEST_F(SegmentRelinkTest, SomeGraphsAreNotWorthIt) {
  const auto old = MappedSegment::Open(path_).value();
  EXPECT_TRUE(IsWorthRelinking(*old, ids_, Narrow()));
  HnswOptions other = Narrow();
  other.num_links = 8;
  EXPECT_FALSE(IsWorthRelinking(*old, ids_, other));
  std::vector<std::uint32_t> mostly_new(ids_);
  for (std::size_t i = 0; i < 1500; ++i) {
    ++mostly_new[i];
  }
  EXPECT_FALSE(IsWorthRelinking(*old, mostly_new, Narrow()));
  EXPECT_TRUE(IsWorthRelinking(*old, {}, Narrow()));
  Write(kRelinksMax - 1);
  EXPECT_TRUE(IsWorthRelinking(*MappedSegment::Open(path_).value(), ids_, Narrow()));
  Write(kRelinksMax);
  EXPECT_FALSE(IsWorthRelinking(*MappedSegment::Open(path_).value(), ids_, Narrow()));
}

TEST_F(SegmentRelinkTest, ADamagedGraphIsNotTaken) {
  const auto header = MappedSegment::Open(path_).value()->header();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(header.At(SegmentSection::kBaseLinks).end() - 900));
  file.write("damage", 6);
  file.close();
  const auto old = MappedSegment::Open(path_).value();
  EXPECT_EQ(RelinkSegment(*old, View(vectors_), ids_, Narrow(), {}).status().code(),
            StatusCode::kCorruption);
}

TEST_F(SegmentRelinkTest, CanBeCancelled) {
  const auto old = MappedSegment::Open(path_).value();
  EXPECT_EQ(
      RelinkSegment(*old, View(vectors_), ids_, {}, [](std::size_t, std::size_t) { return false; })
          .status()
          .code(),
      StatusCode::kCancelled);
}

TEST(ProbeRecallTest, CountsWhatIsFoundByScore) {
  Random random(3);
  const std::size_t rows = 9000;
  const std::size_t dim = 12;
  std::vector<float> floats = ClusteredRows(rows, dim, 100, 0.8F, random);
  const std::vector<std::uint16_t> vectors = HalfRows(floats);
  HnswOptions narrow;
  narrow.ef_search = 10;
  narrow.ef_construction = 20;
  narrow.num_links = 4;
  const auto index = BuildHnswIndex(vectors, dim, narrow, {}).value();
  const auto exact = MakeExactIndex(vectors, dim);
  ThreadPool pool(2);
  const std::vector<float> queries = ClusteredRows(100, dim, 100, 0.8F, random);
  const FloatMatrixView view{queries.data(), 100, dim};
  EXPECT_EQ(ProbeRecall(*exact, view, 10, pool, {}).value(), 1.0);
  const double probed = ProbeRecall(*index, view, 10, pool, {}).value();
  const double counted = Recall(index->SearchBatch(view, {}, pool).value(),
                                exact->SearchBatch(view, {}, pool).value());
  EXPECT_NEAR(probed, counted, 0.002);
  EXPECT_LT(probed, 1.0);
  EXPECT_EQ(ProbeRecall(*exact, {queries.data(), 0, dim}, 10, pool, {}).value(), 1.0);
  EXPECT_EQ(ProbeRecall(*index, view, 10, pool, [] { return true; }).status().code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace dashi::index
