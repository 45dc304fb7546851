#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "index/hnsw_graph_file.h"
#include "index/vector_index.h"
#include "tests/index/graph_file_writer.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kRows = 20'000;
constexpr std::size_t kDim = 48;
constexpr std::size_t kQueries = 200;

std::unique_ptr<VectorIndex> Build(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                                   const HnswOptions& options = {}) {
  auto index = BuildHnswIndex(vectors, dim, options, {});
  EXPECT_TRUE(index.ok()) << index.status().ToString();
  return std::move(index).value();
}

// 20,000 clustered unit vectors, built once.
class HnswIndexTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Random random(31);
    // One call, so that queries share the centres of the rows.
    std::vector<float> rows = ClusteredRows(kRows + kQueries, kDim, 300, 0.7F, random);
    queries_ = new std::vector<float>(rows.begin() + kRows * kDim, rows.end());
    rows.resize(kRows * kDim);
    vectors_ = new std::vector<std::uint16_t>(HalfRows(rows));
    index_ = Build(*vectors_, kDim).release();
    exact_ = MakeExactIndex(*vectors_, kDim).release();
  }
  static void TearDownTestSuite() {
    delete queries_;
    delete vectors_;
    delete index_;
    delete exact_;
  }

  static FloatMatrixView Queries() { return {queries_->data(), kQueries, kDim}; }
  static std::span<const float> Query(std::size_t q) { return {queries_->data() + q * kDim, kDim}; }

  static std::vector<float>* queries_;
  static std::vector<std::uint16_t>* vectors_;
  static VectorIndex* index_;
  static VectorIndex* exact_;
  ThreadPool pool_{2};
};

std::vector<float>* HnswIndexTest::queries_ = nullptr;
std::vector<std::uint16_t>* HnswIndexTest::vectors_ = nullptr;
VectorIndex* HnswIndexTest::index_ = nullptr;
VectorIndex* HnswIndexTest::exact_ = nullptr;

void ExpectSame(const Shortlist& a, const Shortlist& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].position, b[i].position);
    ASSERT_EQ(a[i].score, b[i].score);
  }
}

TEST_F(HnswIndexTest, FindsNearlyAllTrueAnswersAtTheDefaultBeam) {
  SearchOptions options;
  std::vector<Shortlist> found;
  std::size_t visited = 0;
  for (std::size_t q = 0; q < kQueries; ++q) {
    SearchStatistics statistics;
    auto result = index_->Search(Query(q), options, &statistics);
    ASSERT_TRUE(result.ok());
    EXPECT_FALSE(statistics.exact);
    EXPECT_EQ(statistics.num_refills, 0U);
    visited += statistics.num_visited;
    ExpectSorted(*result);
    found.push_back(std::move(result).value());
  }
  const auto truth = exact_->SearchBatch(Queries(), options, pool_);
  ASSERT_TRUE(truth.ok());
  const double recall = Recall(found, *truth);
  std::cout << "recall@10 " << recall << ", visited " << visited / kQueries << " a query\n";
  EXPECT_GE(recall, 0.95);
  EXPECT_LT(visited / kQueries, kRows / 4);
  // Scores are those of the exact scan.
  for (std::size_t q = 0; q < kQueries; ++q) {
    if (found[q][0].position == (*truth)[q][0].position) {
      ASSERT_EQ(found[q][0].score, (*truth)[q][0].score);
    }
  }
}

TEST_F(HnswIndexTest, AWiderBeamFindsMore) {
  SearchOptions options;
  const auto truth = exact_->SearchBatch(Queries(), options, pool_);
  double before = 0;
  for (const std::size_t ef : {10UL, 40UL, 400UL}) {
    options.ef = ef;
    const auto found = index_->SearchBatch(Queries(), options, pool_);
    ASSERT_TRUE(truth.ok() && found.ok());
    const double recall = Recall(*found, *truth);
    EXPECT_GE(recall, before);
    before = recall;
  }
  EXPECT_GE(before, 0.99);
}

TEST_F(HnswIndexTest, GivesAsManyAnswersAsPassTheFilterAndTheRightOnes) {
  for (const std::uint32_t modulus : {1U, 2U, 5U, 10U, 50U, 200U, 2000U, 15'000U, 30'000U}) {
    SCOPED_TRACE("one in " + std::to_string(modulus));
    SearchOptions options;
    // Scrambled, so that what passes has nothing to do with the order of the rows.
    options.filter = [modulus](Position position) {
      return (position * 2654435761U >> 8) % modulus == 0;
    };
    std::size_t num_passing = 0;
    for (Position position = 0; position < kRows; ++position) {
      num_passing += options.filter(position) ? 1 : 0;
    }
    const auto truth = exact_->SearchBatch(Queries(), options, pool_);
    const auto batch = index_->SearchBatch(Queries(), options, pool_);
    ASSERT_TRUE(truth.ok() && batch.ok());
    for (std::size_t q = 0; q < kQueries; ++q) {
      const auto found = index_->Search(Query(q), options, nullptr);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found->size(), std::min<std::size_t>(options.m, num_passing));
      for (const Candidate& candidate : *found) {
        ASSERT_TRUE(options.filter(candidate.position));
      }
      ExpectSame(*found, (*batch)[q]);
    }
    EXPECT_GE(Recall(*batch, *truth), 0.95);
  }
}

TEST_F(HnswIndexTest, AFilterThatContradictsTheQueryWidensTheBeamUntilEnoughPass) {
  // Half of the rows pass, but never the nearest thousand.
  SearchOptions options;
  options.m = 1500;
  const auto nearest = exact_->Search(Query(0), options, nullptr);
  ASSERT_TRUE(nearest.ok());
  std::set<Position> near;
  for (const Candidate& candidate : *nearest) {
    near.insert(candidate.position);
  }
  options.m = 10;
  options.ef = 16;
  options.filter = [&near](Position position) { return !near.contains(position); };
  SearchStatistics statistics;
  const auto found = index_->Search(Query(0), options, &statistics);
  const auto truth = exact_->Search(Query(0), options, nullptr);
  ASSERT_TRUE(found.ok() && truth.ok());
  EXPECT_GT(statistics.num_refills, 0U);
  ExpectSame(*found, *truth);
}

TEST_F(HnswIndexTest, AskingForEverythingGivesEverything) {
  SearchOptions options;
  options.m = kRows + 7;
  SearchStatistics statistics;
  const auto found = index_->Search(Query(0), options, &statistics);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->size(), kRows);
  EXPECT_TRUE(statistics.exact);
  options.m = 0;
  EXPECT_TRUE(index_->Search(Query(0), options, nullptr)->empty());
}

TEST_F(HnswIndexTest, TheExactOptionScans) {
  SearchOptions options;
  options.exact = true;
  options.m = 50;
  SearchStatistics statistics;
  const auto found = index_->Search(Query(3), options, &statistics);
  const auto truth = exact_->Search(Query(3), options, nullptr);
  const auto batch = index_->SearchBatch(Queries(), options, pool_);
  ASSERT_TRUE(found.ok() && truth.ok() && batch.ok());
  EXPECT_TRUE(statistics.exact);
  EXPECT_EQ(statistics.num_visited, kRows);
  ExpectSame(*found, *truth);
  ExpectSame((*batch)[3], *truth);
}

TEST_F(HnswIndexTest, SearchesOfManyThreadsAgree) {
  const auto alone = index_->SearchBatch(Queries(), {}, pool_);
  ASSERT_TRUE(alone.ok());
  std::atomic<int> differences{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::size_t q = 0; q < kQueries; ++q) {
        const auto found = index_->Search(Query(q), {}, nullptr);
        const Shortlist& want = (*alone)[q];
        const bool same =
            found.ok() && std::equal(found->begin(), found->end(), want.begin(), want.end(),
                                     [](const Candidate& a, const Candidate& b) {
                                       return a.position == b.position && a.score == b.score;
                                     });
        differences += same ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(differences, 0);
}

TEST_F(HnswIndexTest, StopsWhenAskedAndRefusesBadQueries) {
  SearchOptions options;
  options.should_stop = [] { return true; };
  EXPECT_EQ(index_->Search(Query(0), options, nullptr).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(index_->SearchBatch(Queries(), options, pool_).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(index_->Search(Query(0).first(5), {}, nullptr).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(HnswOldFileTest, AGraphOfAnOldFileGivesTheSameAnswers) {
  constexpr std::size_t kFewRows = 2500;
  constexpr std::size_t kFewDim = 24;
  ThreadPool pool(2);
  Random random(8);
  const std::vector<std::uint16_t> vectors =
      HalfRows(ClusteredRows(kFewRows, kFewDim, 50, 0.7F, random));
  const std::vector<float> queries = ClusteredRows(100, kFewDim, 50, 0.7F, random);
  HnswOptions options;
  options.ef_search = 32;
  const std::string path = (std::filesystem::path(::testing::TempDir()) / "graph_old").string();
  WriteGraphFile(path, vectors, kFewDim, options);
  const auto loaded = LoadHnswIndex(path, vectors, kFewDim);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ((*loaded)->kind(), "hnsw");
  const FloatMatrixView view{queries.data(), 100, kFewDim};
  const auto before = Build(vectors, kFewDim, options)->SearchBatch(view, {}, pool);
  const auto after = (*loaded)->SearchBatch(view, {}, pool);
  ASSERT_TRUE(before.ok() && after.ok());
  for (std::size_t q = 0; q < 100; ++q) {
    ExpectSame((*before)[q], (*after)[q]);
  }
  EXPECT_EQ(LoadHnswIndex(path + "x", vectors, kFewDim).status().code(), StatusCode::kNotFound);
  std::vector<std::uint16_t> others = vectors;
  others[77] ^= 1U;
  const Status status = LoadHnswIndex(path, others, kFewDim).status();
  EXPECT_EQ(status.code(), StatusCode::kCorruption);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(path));
  others.resize(others.size() - kFewDim);
  EXPECT_EQ(LoadHnswIndex(path, others, kFewDim).status().code(), StatusCode::kCorruption);
}

// A small graph with several levels, for damage.
class HnswGraphFileTest : public ::testing::Test {
 protected:
  HnswGraphFileTest() {
    Random random(9);
    vectors_ = HalfRows(ClusteredRows(kNodes, kSmallDim, 10, 0.5F, random));
    std::copy_n(vectors_.begin(), kDuplicates * kSmallDim,
                vectors_.end() - kDuplicates * kSmallDim);
    query_ = GaussianRows(1, kSmallDim, random);
    HnswOptions options;
    options.num_links = 4;
    path_ = (std::filesystem::path(::testing::TempDir()) / "graph_damaged").string();
    WriteGraphFile(path_, vectors_, kSmallDim, options);
    bytes_ = ReadWholeFile(path_).value();
  }

  Result<std::unique_ptr<VectorIndex>> LoadBytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return LoadHnswIndex(path_, vectors_, kSmallDim);
  }

  std::string Damage(Random& random) const {
    std::string damaged = bytes_;
    switch (random.Uniform(4)) {
      case 0:
        damaged.resize(random.Uniform(bytes_.size()));
        break;
      case 1:
        damaged.append(1 + random.Uniform(64), '\0');
        break;
      default:
        damaged[random.Uniform(bytes_.size())] ^= static_cast<char>(1U << random.Uniform(8));
    }
    return damaged;
  }

  static constexpr std::size_t kNodes = 700;
  static constexpr std::size_t kDuplicates = 20;
  static constexpr std::size_t kSmallDim = 8;
  std::vector<std::uint16_t> vectors_;
  std::vector<float> query_;
  std::string path_;
  std::string bytes_;
};

TEST_F(HnswGraphFileTest, EveryDamageIsFound) {
  Random random(10);
  const HalfMatrixView view{vectors_.data(), kNodes, kSmallDim};
  for (int round = 0; round < 2000; ++round) {
    const auto parsed = ParseGraph(Damage(random), view);
    ASSERT_FALSE(parsed.ok()) << "round " << round;
    ASSERT_EQ(parsed.status().code(), StatusCode::kCorruption);
  }
  for (int round = 0; round < 50; ++round) {
    const auto loaded = LoadBytes(Damage(random));
    ASSERT_FALSE(loaded.ok()) << "round " << round;
    ASSERT_EQ(loaded.status().code(), StatusCode::kCorruption);
  }
  EXPECT_TRUE(LoadBytes(bytes_).ok());
}

TEST_F(HnswGraphFileTest, LinksThatLeaveTheGraphAreRefusedEvenUnderAGoodChecksum) {
  // SerializeGraph seals whatever links it is given.
  Random random(12);
  const HalfMatrixView view{vectors_.data(), kNodes, kSmallDim};
  const StoredGraph stored = ParseGraph(bytes_, view).value();
  ASSERT_FALSE(stored.graph.upper_links().empty());
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    StoredGraph damaged = stored;
    const std::span<Position> links =
        round % 2 == 0 ? damaged.graph.base_links() : damaged.graph.upper_links();
    links[random.Uniform(links.size())] ^= Position{1} << random.Uniform(32);
    const auto parsed = ParseGraph(SerializeGraph(damaged, view), view);
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.status().code(), StatusCode::kCorruption);
      ++refused;
    } else {
      ASSERT_EQ(parsed->graph.FindFault(), "");
    }
  }
  EXPECT_GT(refused, 250);
}

TEST_F(HnswGraphFileTest, WrongDuplicatesAreRefusedEvenUnderAGoodChecksum) {
  Random random(13);
  const HalfMatrixView view{vectors_.data(), kNodes, kSmallDim};
  const StoredGraph stored = ParseGraph(bytes_, view).value();
  ASSERT_EQ(stored.duplicates.all().size(), kDuplicates);
  for (int round = 0; round < 200; ++round) {
    std::vector<DuplicateRow> rows(stored.duplicates.all().begin(), stored.duplicates.all().end());
    DuplicateRow& row = rows[random.Uniform(rows.size())];
    (round % 2 == 0 ? row.first : row.duplicate) ^= Position{1} << random.Uniform(32);
    StoredGraph damaged = stored;
    damaged.duplicates = DuplicateRows(rows);
    ASSERT_EQ(ParseGraph(SerializeGraph(damaged, view), view).status().code(),
              StatusCode::kCorruption);
  }
}

}  // namespace
}  // namespace dashi::index
