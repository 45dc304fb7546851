// Segments whose graph leaves rows out: how they are made, and what searches of them find.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "index/segment/segment_index.h"
#include "index/segment/segment_relink.h"
#include "tests/index/graph_checks.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 6000;
constexpr std::size_t kDim = 24;
constexpr std::size_t kNumQueries = 100;

/// A beam so narrow that a scan of these few rows is not cheaper.
HnswOptions Narrow() {
  HnswOptions options;
  options.ef_search = 32;
  options.ef_construction = 80;
  return options;
}

class SegmentRewriteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(17);
    std::vector<float> rows = ClusteredRows(kRows + kNumQueries, kDim, 60, 0.7F, random);
    queries_.assign(rows.begin() + kRows * kDim, rows.end());
    rows.resize(kRows * kDim);
    vectors_ = HalfRows(rows);
    for (std::size_t i = 0; i < 200; ++i) {  // Rows that repeat others.
      const std::size_t from = random.Uniform(kRows);
      std::copy_n(vectors_.begin() + static_cast<std::ptrdiff_t>(from * kDim), kDim,
                  vectors_.begin() + static_cast<std::ptrdiff_t>(random.Uniform(kRows) * kDim));
    }
    ids_.resize(kRows);
    std::iota(ids_.begin(), ids_.end(), 5U);
    hashes_.assign(kRows, 7);
    path_ = (std::filesystem::path(::testing::TempDir()) /
             (std::string("rewritten_") +
              ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                .string();
    Write(0);
    exact_ = MakeExactIndex(vectors_, kDim);
  }

  void Write(std::uint32_t generation) {
    ASSERT_TRUE(BuildSegment(path_, {vectors_.data(), kRows, kDim},
                             {ids_, hashes_, {3, 4}, generation}, Narrow(), {}, FileGate::System())
                    .ok());
  }
  std::shared_ptr<const MappedSegment> Segment() const {
    return MappedSegment::Open(path_).value();
  }
  Status Rewrite(const PositionSet& live, const BuildProgress& progress = {}) const {
    return RewriteSegment(*Segment(), path_, live, Narrow(), progress, FileGate::System());
  }
  /// A random set with that share of all rows.
  static PositionSet Share(double share, Random& random) {
    return PositionSet::Where(kRows, [&](Position) { return random.UniformReal() < share; });
  }
  std::span<const float> Query(std::size_t q) const { return {queries_.data() + q * kDim, kDim}; }

  std::vector<Shortlist> Search(const VectorIndex& index, const PositionSet* passing,
                                std::size_t m = 10, std::size_t* num_visited = nullptr) const {
    std::vector<Shortlist> found;
    for (std::size_t q = 0; q < kNumQueries; ++q) {
      SearchOptions options;
      options.m = m;
      options.passing = passing;
      SearchStatistics statistics;
      found.push_back(index.Search(Query(q), options, &statistics).value());
      if (num_visited != nullptr) {
        *num_visited += statistics.num_visited;
      }
    }
    return found;
  }
  /// What must hold of every answer of an index that leaves `unlinked` out.
  void ExpectAnswers(const VectorIndex& index, const PositionSet* passing,
                     const PositionSet& unlinked, std::size_t m) const {
    const std::vector<Shortlist> found = Search(index, passing, m);
    const std::vector<Shortlist> truth = Search(*exact_, passing, m);
    for (std::size_t q = 0; q < found.size(); ++q) {
      ASSERT_EQ(found[q].size(), truth[q].size());
      ExpectSorted(found[q]);
      std::set<Position> positions;
      for (const Candidate& candidate : found[q]) {
        ASSERT_TRUE(passing == nullptr || passing->Contains(candidate.position));
        ASSERT_TRUE(positions.insert(candidate.position).second);
        ASSERT_EQ(candidate.score,
                  DotHalf(Query(q).data(), vectors_.data() + candidate.position * kDim, kDim));
      }
      for (const Candidate& answer : truth[q]) {  // They are scanned, so none is missed.
        if (unlinked.Contains(answer.position) && answer.score > found[q].back().score) {
          ASSERT_TRUE(positions.contains(answer.position)) << "query " << q;
        }
      }
    }
    EXPECT_GE(Recall(found, truth), 0.93);
  }

  std::vector<float> queries_;
  std::vector<std::uint16_t> vectors_;
  std::vector<std::uint32_t> ids_;
  std::vector<std::uint64_t> hashes_;
  std::string path_;
  std::unique_ptr<VectorIndex> exact_;
};

TEST_F(SegmentRewriteTest, RowsThatAreGoneCostNothingAnyMore) {
  Random random(2);
  const PositionSet live = Share(0.4, random);
  std::size_t visited_before = 0;
  const auto before = Search(*MakeSegmentIndex(Segment()), &live, 10, &visited_before);
  ASSERT_TRUE(Rewrite(live).ok());
  const auto segment = Segment();
  EXPECT_EQ(segment->header().generation, 1U);
  EXPECT_EQ(segment->header().owner, (SegmentOwner{3, 4}));
  EXPECT_EQ(segment->header().num_rows, kRows);
  EXPECT_TRUE(std::equal(ids_.begin(), ids_.end(), segment->ids<std::uint32_t>().begin()));
  EXPECT_EQ(segment->text_hashes().size(), kRows);
  EXPECT_EQ(segment->unlinked().size(), kRows - live.size());
  EXPECT_TRUE(segment->blocks().VerifyAll(nullptr).ok());

  std::vector<Position> linked;
  for (Position row = 0; row < kRows; ++row) {
    if (live.Contains(row)) {
      linked.push_back(row);
    }
  }
  const HalfMatrixView view{vectors_.data(), kRows, kDim};
  const DuplicateRows duplicates = DuplicateRows::Find(view, linked);
  std::erase_if(linked, [&](Position row) {
    return std::any_of(duplicates.all().begin(), duplicates.all().end(),
                       [row](const DuplicateRow& each) { return each.duplicate == row; });
  });
  ExpectSound(HnswGraph(segment->parts().graph), linked);

  std::size_t visited_after = 0;
  const auto after = Search(*MakeSegmentIndex(segment), &live, 10, &visited_after);
  const auto truth = Search(*exact_, &live);
  const double recall = Recall(after, truth);
  std::printf("recall@10 %.4f before, %.4f after; %zu and %zu nodes a query\n",
              Recall(before, truth), recall, visited_before / kNumQueries,
              visited_after / kNumQueries);
  EXPECT_GE(recall, 0.95);
  EXPECT_LT(visited_after, visited_before * 7 / 10);
}

TEST_F(SegmentRewriteTest, RowsThatAreThereAgainAreFound) {
  const std::uint64_t seed = 5;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (const double share : {0.7, 0.95, 0.999}) {
    const PositionSet live = Share(share, random);
    ASSERT_TRUE(Rewrite(live).ok());
    const auto segment = Segment();
    const auto index = MakeSegmentIndex(segment);
    const PositionSet unlinked({segment->unlinked().begin(), segment->unlinked().end()}, kRows);
    ExpectAnswers(*index, nullptr, unlinked, 10);
    for (const double passing : {0.9, 0.6, 0.05, 0.001}) {
      const PositionSet set = Share(passing, random);
      ExpectAnswers(*index, &set, unlinked, 1 + random.Uniform(20));
    }
    ExpectAnswers(*index, &unlinked, unlinked, 10);
    // A filter, and many queries at once.
    SearchOptions options;
    options.filter = [&](Position position) { return position % 3 != 0; };
    ThreadPool pool(2);
    const auto batch = index->SearchBatch({queries_.data(), kNumQueries, kDim}, options, pool);
    ASSERT_TRUE(batch.ok());
    for (std::size_t q = 0; q < kNumQueries; ++q) {
      const Shortlist one = index->Search(Query(q), options, nullptr).value();
      ASSERT_EQ(one.size(), (*batch)[q].size());
      for (std::size_t i = 0; i < one.size(); ++i) {
        ASSERT_EQ(one[i].position, (*batch)[q][i].position);
      }
    }
  }
}

TEST_F(SegmentRewriteTest, ARowWhoseFirstCopyIsGoneIsFound) {
  const HalfMatrixView view{vectors_.data(), kRows, kDim};
  const DuplicateRows duplicates = DuplicateRows::Find(view);
  ASSERT_FALSE(duplicates.all().empty());
  std::vector<Position> gone;
  for (const DuplicateRow& row : duplicates.all()) {
    gone.push_back(row.first);
  }
  std::sort(gone.begin(), gone.end());
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  const PositionSet live = PositionSet::AllBut(gone, kRows);
  ASSERT_TRUE(Rewrite(live).ok());
  const auto index = MakeSegmentIndex(Segment());
  for (const DuplicateRow& row : duplicates.all()) {
    std::vector<float> query(kDim);
    FromHalf(vectors_.data() + row.duplicate * kDim, query.data(), kDim);
    SearchOptions options;
    options.m = 20;  // Others may repeat it, too.
    options.passing = &live;
    const Shortlist found = index->Search(query, options, nullptr).value();
    EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const Candidate& candidate) {
      return candidate.position == row.duplicate;
    }));
    EXPECT_TRUE(std::none_of(found.begin(), found.end(), [&](const Candidate& candidate) {
      return candidate.position == row.first;
    }));
  }
}

TEST_F(SegmentRewriteTest, AllOrNoneOrOneMayBeGone) {
  const auto version = [this] {
    std::ifstream file(path_, std::ios::binary);
    file.seekg(8);
    return file.get();
  };
  EXPECT_EQ(version(), 1);  // As every program can read it.
  const PositionSet none({}, kRows);
  ASSERT_TRUE(Rewrite(none).ok());
  EXPECT_EQ(version(), 2);
  const auto index = MakeSegmentIndex(Segment());
  EXPECT_EQ(Recall(Search(*index, nullptr), Search(*exact_, nullptr)), 1.0);
  EXPECT_TRUE(Search(*index, &none)[0].empty());
  const PositionSet one({41}, kRows);
  EXPECT_EQ(Search(*index, &one)[0].at(0).position, 41U);
  ASSERT_TRUE(Rewrite(one).ok());
  EXPECT_EQ(Search(*MakeSegmentIndex(Segment()), &one)[0].at(0).position, 41U);
  const PositionSet all = PositionSet::AllBut({}, kRows);
  ASSERT_TRUE(Rewrite(all).ok());
  EXPECT_EQ(version(), 1);
  EXPECT_EQ(Segment()->unlinked().size(), 0U);
  EXPECT_GE(Recall(Search(*MakeSegmentIndex(Segment()), nullptr), Search(*exact_, nullptr)), 0.95);
}

TEST_F(SegmentRewriteTest, AfterManyTimesItIsBuiltAnew) {
  Random random(3);
  PositionSet live = Share(0.9, random);
  Write(kRelinksMax - 1);
  ASSERT_TRUE(Rewrite(live).ok());
  EXPECT_EQ(Segment()->header().generation, kRelinksMax);
  ASSERT_TRUE(Rewrite(live).ok());
  EXPECT_EQ(Segment()->header().generation, 0U);
  EXPECT_EQ(Segment()->unlinked().size(), kRows - live.size());
  EXPECT_GE(Recall(Search(*MakeSegmentIndex(Segment()), &live), Search(*exact_, &live)), 0.95);
}

TEST_F(SegmentRewriteTest, IsWantedWhenManyAreGoneOrBack) {
  const auto first = [](std::size_t gone) {
    std::vector<Position> rows(gone);
    std::iota(rows.begin(), rows.end(), Position{0});
    return PositionSet::AllBut(rows, kRows);
  };
  EXPECT_FALSE(IsWorthRewriting(*Segment(), nullptr));
  PositionSet live = first(kRows / 5 - 1);
  EXPECT_FALSE(IsWorthRewriting(*Segment(), &live));
  live = first(kRows / 5);
  EXPECT_TRUE(IsWorthRewriting(*Segment(), &live));
  live = first(2000);
  ASSERT_TRUE(Rewrite(live).ok());
  EXPECT_FALSE(IsWorthRewriting(*Segment(), &live));
  live = first(2000 + 799);
  EXPECT_FALSE(IsWorthRewriting(*Segment(), &live));
  live = first(2000 + 800);
  EXPECT_TRUE(IsWorthRewriting(*Segment(), &live));
  live = first(2000 - 1024);
  EXPECT_FALSE(IsWorthRewriting(*Segment(), &live));
  live = first(2000 - 1025);
  EXPECT_TRUE(IsWorthRewriting(*Segment(), &live));
  EXPECT_TRUE(IsWorthRewriting(*Segment(), nullptr));
  // So few are left that searches scan them.
  live = first(kRows - 999);
  ASSERT_TRUE(Rewrite(live).ok());
  live = first(kRows - 100);
  EXPECT_FALSE(IsWorthRewriting(*Segment(), &live));
  // However few a graph links, rows that are there again get theirs.
  live = first(3000);
  EXPECT_TRUE(IsWorthRewriting(*Segment(), &live));
  ASSERT_TRUE(Rewrite(PositionSet({}, kRows)).ok());
  EXPECT_TRUE(IsWorthRewriting(*Segment(), nullptr));
}

TEST_F(SegmentRewriteTest, CancelledItLeavesTheFileAlone) {
  Random random(4);
  const PositionSet live = Share(0.5, random);
  EXPECT_EQ(Rewrite(live, [](std::size_t, std::size_t) { return false; }).code(),
            StatusCode::kCancelled);
  EXPECT_EQ(Segment()->header().generation, 0U);
  EXPECT_EQ(Segment()->unlinked().size(), 0U);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".tmp"));
}

TEST_F(SegmentRewriteTest, DamageIsFoundWhereverItIs) {
  Random random(6);
  ASSERT_TRUE(Rewrite(Share(0.5, random)).ok());
  std::string whole;
  {
    std::ifstream file(path_, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(file), {});
  }
  const SegmentRange unlinked = Segment()->header().At(SegmentSection::kUnlinked);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = whole;
    const std::uint64_t place = i % 2 == 0 ? unlinked.offset + random.Uniform(unlinked.bytes)
                                           : random.Uniform(whole.size());
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << random.Uniform(8)));
    std::ofstream(path_, std::ios::binary) << damaged;
    const auto opened = MappedSegment::Open(path_);
    const bool in_tail = place >= whole.size() - 16;  // For CHECK DATABASE.
    ASSERT_TRUE(in_tail || !opened.ok() || !(*opened)->blocks().VerifyAll(nullptr).ok()) << place;
    ASSERT_TRUE(i % 2 == 1 || !opened.ok()) << place;
  }
  // Whole, but wrong: rows out of order, or that are not there.
  StoredGraph stored = BuildStoredGraph({vectors_.data(), kRows, kDim}, Narrow(), {}).value();
  for (const std::vector<Position>& wrong : {std::vector<Position>{4, 3}, {3, 3}, {1, kRows}}) {
    stored.unlinked = wrong;
    ASSERT_TRUE(WriteSegment(path_, PartsOf(stored, {vectors_.data(), kRows, kDim}),
                             {ids_, hashes_, {3, 4}, 0}, FileGate::System())
                    .ok());
    EXPECT_THAT(std::string(MappedSegment::Open(path_).status().message()),
                ::testing::HasSubstr("rows without links out of order or range"));
  }
}

}  // namespace
}  // namespace dashi::index
