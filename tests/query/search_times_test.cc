#include "query/search_times.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "query/publish.h"
#include "query/top_k.h"
#include "tests/query/batch_hits.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

// Goes on when it is told to.
class StandingClock final : public Clock {
 public:
  std::int64_t NowMicros() const override { return 0; }
  std::int64_t MonotonicMicros() const override { return micros; }
  std::int64_t micros = 0;
};

std::uint64_t NumOf(const SearchTimes& times, SearchPart part) {
  std::uint64_t num = 0;
  for (const SearchTimes::Bucket& bucket : times.Of(part)) {
    num += bucket.num_searches;
  }
  return num;
}

TEST(SearchTimesTest, BucketsAreThoseOfTheNaiveCount) {
  const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  Random random(seed);
  std::vector<std::int64_t> all = {0, 10, 11, 10'000'000, 10'000'001, 3'000'000'000};
  for (int i = 0; i < 1000; ++i) {
    all.push_back(
        static_cast<std::int64_t>(random.Uniform(std::uint64_t{1} << random.Uniform(34))));
  }
  SearchTimes times;
  for (const std::int64_t micros : all) {
    times.Note(SearchPart::kSearch, micros);
  }
  std::int64_t from = -1;
  for (const SearchTimes::Bucket& bucket : times.Of(SearchPart::kSearch)) {
    const std::int64_t to = bucket.up_to_micros.value_or(INT64_MAX);
    std::uint64_t num = 0;
    std::int64_t sum = 0;
    for (const std::int64_t micros : all) {
      num += micros > from && micros <= to ? 1 : 0;
      sum += micros > from && micros <= to ? micros : 0;
    }
    EXPECT_EQ(bucket.num_searches, num) << to;
    EXPECT_EQ(bucket.micros, sum) << to;
    from = to;
  }
  EXPECT_EQ(from, INT64_MAX);
  EXPECT_EQ(NumOf(times, SearchPart::kEncode), 0U);
}

TEST(SearchTimesTest, ManyThreadsLoseNothing) {
  SearchTimes times;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&times] {
      for (int j = 0; j < 10'000; ++j) {
        times.Note(SearchPart::kRank, j % 30);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(NumOf(times, SearchPart::kRank), 40'000U);
}

TEST(SearchTimerTest, AddsUpWhatWasDoneAndCountsItOnce) {
  StandingClock clock;
  SearchTimes times(clock);
  SearchTimer timer(&times);
  timer.Begin();
  clock.micros += 7;
  timer.End(SearchPart::kEncode);
  clock.micros += 1000;  // Not timed.
  for (int i = 0; i < 2; ++i) {
    timer.Begin();
    clock.micros += 20;
    timer.End(SearchPart::kSearch);
  }
  SearchTimer share(&times);
  share.AddShare(SearchPart::kSearch, timer, 4);
  share.AddShare(SearchPart::kRank, timer, 4);
  EXPECT_EQ(NumOf(times, SearchPart::kEncode), 0U);
  timer.Note();
  EXPECT_EQ(times.Of(SearchPart::kEncode)[0].micros, 7);
  EXPECT_EQ(times.Of(SearchPart::kSearch)[2].micros, 40);
  EXPECT_EQ(NumOf(times, SearchPart::kSearch), 1U);
  EXPECT_EQ(NumOf(times, SearchPart::kRank), 0U) << "it was not done";
  share.Note();
  EXPECT_EQ(times.Of(SearchPart::kSearch)[0].micros, 10);
  EXPECT_EQ(NumOf(times, SearchPart::kRank), 0U);
  SearchTimer none(nullptr);
  none.Begin();
  none.End(SearchPart::kEncode);
  none.AddShare(SearchPart::kSearch, timer, 1);
  none.Note();
  EXPECT_EQ(NumOf(times, SearchPart::kEncode), 1U);
}

class SearchTimesOfTopKTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    store_ = dashi::testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
    std::vector<std::pair<std::string, std::string>> labels;
    for (int i = 0; i < 50; ++i) {
      labels.emplace_back("L" + std::to_string(i), "word" + std::to_string(i));
    }
    dashi::testing::AddRows(*store_, labels, {});
    dashi::testing::AddRelease(*store_, "m", {.ranker = GetParam() ? 0.4 : 0.0});
    ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  }
  std::shared_ptr<const storage::View> View() { return store_->NewSnapshot().value(); }
  // How many encoded, searched and ranked.
  std::vector<std::uint64_t> Counts() {
    std::vector<std::uint64_t> counts;
    for (const SearchPart part : kSearchParts) {
      counts.push_back(NumOf(releases_->search_times(), part));
    }
    return counts;
  }

  dashi::testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_P(SearchTimesOfTopKTest, EachTopKIsCountedOnceWhenItEnds) {
  const std::uint64_t ranked = GetParam() ? 1 : 0;
  {
    auto cursor = OpenTopK(View(), *releases_, "word1 word2", 5, {});
    ASSERT_TRUE(cursor.ok()) << cursor.status().ToString();
    TopKHit hit;
    int num_hits = 0;
    while ((*cursor)->Next(&hit).value()) {  // Searches again and again, for more.
      ++num_hits;
    }
    EXPECT_EQ(num_hits, 50);
    EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{0, 0, 0}));
  }
  EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{1, 1, ranked}));
  // Nothing is taken of it: it is encoded, and no more.
  ASSERT_TRUE(OpenTopK(View(), *releases_, "word3", 5, {}).ok());
  EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{2, 1, ranked}));
  TopKOptions dense;
  dense.ranker = false;
  {
    auto cursor = OpenTopK(View(), *releases_, "word1", 5, dense);
    TopKHit hit;
    EXPECT_TRUE((*cursor)->Next(&hit).value());
  }
  EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{3, 2, ranked}));
  {
    auto cursor = OpenNearest(View(), *releases_, "labels", "word1", 5, {});
    TopKHit hit;
    EXPECT_TRUE((*cursor)->Next(&hit).value());
  }
  EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{3, 2, ranked})) << "nearest() is no topk()";
}

TEST_P(SearchTimesOfTopKTest, ThoseOfABatchHaveTheirShares) {
  const std::vector<std::string_view> texts = {"word1", "word2 word3", "word4", "word5"};
  const auto found = BatchHits(View(), *releases_, texts, 3, {});
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_EQ(Counts(), (std::vector<std::uint64_t>{4, 4, GetParam() ? 4U : 0U}));
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutRanker, SearchTimesOfTopKTest, ::testing::Bool());

}  // namespace
}  // namespace dashi::query
