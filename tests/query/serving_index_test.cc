#include "query/serving_index.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "query/release_cache.h"
#include "query/top_k.h"
#include "tests/index/graph_file_writer.h"
#include "tests/query/batch_hits.h"
#include "tests/testing/tiny_database.h"

namespace dashi::query {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kNumLabels = 4000;

std::vector<std::pair<std::string, std::string>> ManyLabels() {
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 0; i < kNumLabels; ++i) {
    labels.emplace_back("L" + std::to_string(i), "word" + std::to_string(i % 900) + " group" +
                                                     std::to_string(i % 61) + " part" +
                                                     std::to_string(i % 409));
  }
  return labels;
}

// A release whose labels have a graph, in a database whose index files can be damaged.
class ServingIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open({});
    dashi::testing::AddRows(*store_, ManyLabels(), {});
    dashi::testing::AddRelease(*store_, "m", {.seed = 3, .hnsw = true});
    expected_ = Answers();
    EXPECT_EQ(Index()->kind(), "hnsw");
    releases_->WaitForIndexes();
    ASSERT_EQ(Index()->State(), "ready");
    ASSERT_EQ(Answers(), expected_);
    exact_ = Answers(/*exact=*/true);
  }

  void Open(const storage::StoreOptions& options) {
    releases_ = nullptr;
    store_ = nullptr;
    store_ = storage::Store::Open(directory_.path(), options).value();
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  }
  void Forget() { releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_); }

  std::shared_ptr<ServingIndex> Index() {
    const auto view = store_->NewSnapshot().value();
    return releases_->Resolve(*view, "m", 1).value()->labels;
  }
  std::string Path() const { return store_->index_directory() + "/job-1.segment"; }
  // As a disk would, beneath whoever has the file open.
  void Damage(std::uint64_t offset, std::string_view bytes) const {
    std::fstream file(Path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  std::vector<std::string> Answers(bool exact = false) {
    std::vector<std::string> ids;
    for (const char* text : {"word5 group5", "word77 part3 group9", "part100", "group60"}) {
      auto cursor =
          OpenTopK(store_->NewSnapshot().value(), *releases_, text, 5, {"m", 1, /*ef=*/20, exact});
      EXPECT_TRUE(cursor.ok()) << cursor.status().ToString();
      TopKHit hit;
      for (int i = 0; cursor.ok() && i < 5 && (*cursor)->Next(&hit).value(); ++i) {
        ids.push_back(hit.row.id);
      }
    }
    return ids;
  }

  dashi::testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
  std::vector<std::string> expected_;
  std::vector<std::string> exact_;
};

TEST_F(ServingIndexTest, AnOpenReadsNoVectors) {
  Forget();
  EXPECT_LT(Index()->memory_bytes(), 4096U);
  EXPECT_LT(store_->memory()->reserved_bytes(storage::MemoryUse::kReleases), 4U << 20U);
  EXPECT_EQ(Index()->num_vectors(), std::size_t{kNumLabels});
  EXPECT_EQ(Index()->text_hashes().size(), std::size_t{kNumLabels});
}

TEST_F(ServingIndexTest, AFileThatIsGoneIsScannedForAndBuiltAnew) {
  fs::remove(Path());
  Forget();
  EXPECT_EQ(Answers(), exact_);
  releases_->WaitForIndexes();
  EXPECT_EQ(Index()->State(), "ready");
  EXPECT_EQ(Index()->kind(), "hnsw");
  EXPECT_TRUE(fs::exists(Path()));
  EXPECT_EQ(Answers(), expected_);
  Forget();
  EXPECT_EQ(Answers(), expected_);
}

TEST_F(ServingIndexTest, DamageOfAnyPartIsFoundAndHealed) {
  const auto size = fs::file_size(Path());
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 5; ++round) {
    const std::uint64_t offset = round < 1 ? 100U : random.Uniform(size - 64);
    SCOPED_TRACE(offset);
    Forget();
    Damage(offset, "damage");
    const auto answers = Answers();
    // Blocks that no search needed may be sound.
    EXPECT_TRUE(answers == exact_ || answers == expected_);
    releases_->WaitForIndexes();
    EXPECT_EQ(Index()->State(), "ready");
    EXPECT_EQ(Index()->kind(), "hnsw");
    EXPECT_EQ(Answers(), expected_);
  }
}

TEST_F(ServingIndexTest, DamageThatASearchMeetsIsNoError) {
  Open({.read_only = true});  // Nobody heals it.
  // All of what is not read at open: the search meets it, or whoever verifies the rest meanwhile.
  // What has been verified is trusted, so that it must not be damaged later.
  for (std::uint64_t offset = fs::file_size(Path()) / 4; offset < fs::file_size(Path());
       offset += 4096) {
    Damage(offset, "damage");
  }
  EXPECT_EQ(Answers(), exact_);
  EXPECT_EQ(Index()->kind(), "exact");
  EXPECT_THAT(Index()->State(), StartsWith("scanned: "));
  EXPECT_THAT(Index()->State(), HasSubstr("job-1.segment"));
  releases_->WaitForIndexes();
  EXPECT_EQ(Index()->kind(), "exact");
  EXPECT_EQ(Answers(), exact_);
}

TEST_F(ServingIndexTest, WhereAnIndexIsRequiredItsScanIsRefusedAndTheReleaseNamed) {
  Open({.read_only = true});  // Nobody heals it.
  TopKOptions options{"m", 1, /*ef=*/20};
  options.require_index = true;
  const auto first = [&](const TopKOptions& how) {
    TopKHit hit;
    auto cursor = OpenTopK(store_->NewSnapshot().value(), *releases_, "word5 group5", 5, how);
    return cursor.ok() ? (*cursor)->Next(&hit).status() : cursor.status();
  };
  EXPECT_TRUE(first(options).ok());
  for (std::uint64_t offset = fs::file_size(Path()) / 4; offset < fs::file_size(Path());
       offset += 4096) {
    Damage(offset, "damage");
  }
  Forget();
  for (int round = 0; round < 2; ++round) {  // As it is met, and once it is known.
    const Status refused = first(options);
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
    EXPECT_EQ(refused.sqlstate(), "55000");
    EXPECT_THAT(std::string(refused.message()),
                StartsWith("an index is required and the file of m@1, index of labels cannot be "
                           "used: segment file is damaged: "));
    EXPECT_THAT(std::string(refused.hint()), HasSubstr("ann.require_index"));
  }
  EXPECT_EQ(BatchHits(store_->NewSnapshot().value(), *releases_,
                      std::vector<std::string_view>{"word5 group5"}, 5, options)
                .status()
                .sqlstate(),
            "55000");
  options.exact = true;  // A scan that was asked for.
  EXPECT_TRUE(first(options).ok());
  EXPECT_EQ(Answers(), exact_);
}

TEST_F(ServingIndexTest, ASummaryTellsHowASearchWent) {
  const auto summary = [&](TopKOptions options, std::size_t k) {
    options.model = "m";
    options.release = 1;
    auto cursor =
        OpenTopK(store_->NewSnapshot().value(), *releases_, "word5 group5", k, options).value();
    TopKHit hit;
    for (std::size_t i = 0; i < k && cursor->Next(&hit).value(); ++i) {
    }
    return cursor->Summary();
  };
  TopKOptions options;
  options.ef = 20;
  SearchSummary walked = summary(options, 5);
  EXPECT_EQ(walked.release, "m@1");
  EXPECT_EQ(walked.index, "graph");
  EXPECT_EQ(walked.index_state, "ready");
  EXPECT_EQ(walked.num_rows, std::size_t{kNumLabels});
  EXPECT_EQ(walked.num_passing, std::nullopt);
  EXPECT_EQ(walked.statistics.path, index::SearchPath::kGraph);
  EXPECT_FALSE(walked.statistics.exact);
  EXPECT_GT(walked.statistics.num_visited, 0U);
  EXPECT_LT(walked.statistics.num_visited, std::size_t{kNumLabels});
  const SearchSummary more = summary(options, 200);
  EXPECT_GT(more.statistics.num_visited, walked.statistics.num_visited);
  options.exact = true;
  EXPECT_EQ(summary(options, 5).statistics.path, index::SearchPath::kScan);
  EXPECT_EQ(summary(options, 5).statistics.num_visited, std::size_t{kNumLabels});
  options.exact = false;
  index::RowSet only;
  for (std::uint32_t ordinal = 100; ordinal < 140; ++ordinal) {
    only.Add(ordinal);
  }
  only.Add(1'000'000);  // No row at all.
  options.only = std::make_shared<const index::RowSet>(std::move(only));
  const SearchSummary filtered = summary(options, 5);
  EXPECT_EQ(filtered.num_passing, 40U);
  EXPECT_EQ(filtered.statistics.path, index::SearchPath::kSubsetScan);
  EXPECT_EQ(filtered.statistics.num_visited, 40U);
  EXPECT_TRUE(filtered.statistics.exact);
  EXPECT_EQ(filtered.statistics.num_refills, 0U);
}

TEST_F(ServingIndexTest, ACutFileIsNoErrorEither) {
  Open({.read_only = true});
  fs::resize_file(Path(), fs::file_size(Path()) / 2);
  EXPECT_EQ(Answers(), exact_);
  EXPECT_THAT(Index()->State(), StartsWith("scanned: "));
}

TEST_F(ServingIndexTest, AnotherReleasesFileIsNotTaken) {
  dashi::testing::AddRelease(*store_, "other", {.seed = 9, .hnsw = true});
  Forget();
  fs::remove(Path());
  fs::copy_file(store_->index_directory() + "/job-2.segment", Path());
  EXPECT_EQ(Answers(), exact_);
  releases_->WaitForIndexes();
  EXPECT_EQ(Answers(), expected_);
}

TEST_F(ServingIndexTest, SearchesGoOnWhileAnIndexIsBuiltAnew) {
  Damage(fs::file_size(Path()) / 2, "damage");
  Forget();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto answers = Answers();
        wrong += answers == exact_ || answers == expected_ ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
  releases_->WaitForIndexes();
  EXPECT_EQ(Answers(), expected_);
}

TEST_F(ServingIndexTest, AnIndexThatIsBuiltAnewDoesNotKeepADatabaseFromClosing) {
  fs::remove(Path());
  Forget();
  EXPECT_EQ(Answers(), exact_);
  Open({});  // Waits for the thread that builds.
  EXPECT_EQ(Answers(), exact_);
  releases_->WaitForIndexes();
  EXPECT_EQ(Answers(), expected_);
}

TEST_F(ServingIndexTest, TheGraphFileOfAnOlderProgramServes) {
  const auto view = store_->NewSnapshot().value();
  const auto record = view->GetRelease("m", 1).value().value();
  const IndexedRows rows = ReadFoldedLabels(*view, record).value();
  Forget();
  fs::remove(Path());
  index::WriteGraphFile(Path(), rows.vectors, record.dim, {});
  EXPECT_EQ(Index()->kind(), "hnsw");
  EXPECT_EQ(Index()->State(), "ready");
  EXPECT_EQ(Answers(), expected_);
  Damage(fs::file_size(Path()) / 2, "damage");
  Forget();
  EXPECT_EQ(Answers(), exact_);
  releases_->WaitForIndexes();
  EXPECT_EQ(Answers(), expected_);
}

TEST_F(ServingIndexTest, WhatDoesNotFitTheMemoryIsAnError) {
  Open({.read_only = true, .memory_bytes_max = 16U << 20U});
  fs::remove(Path());
  storage::MemoryLease taken(store_->memory(), storage::MemoryUse::kLoads);
  ASSERT_TRUE(taken.Resize((10U << 20U) - (128U << 10U)).ok());
  const auto cursor =
      OpenTopK(store_->NewSnapshot().value(), *releases_, "word5", 5, {"m", 1, 0, false});
  EXPECT_EQ(cursor.status().sqlstate(), "53200");
}

}  // namespace
}  // namespace dashi::query
