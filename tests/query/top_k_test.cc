#include "query/top_k.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "index/row_set.h"
#include "query/publish.h"
#include "tests/query/batch_hits.h"
#include "tests/testing/tiny_database.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/retrieval/voting_documents.h"

namespace dashi::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using dashi::testing::AddRelease;
using dashi::testing::AddRows;
using storage::EntityKind;

std::vector<std::pair<std::string, std::string>> NumberedLabels(int count) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 0; i < count; ++i) {
    labels.emplace_back("L" + std::to_string(i),
                        "word" + std::to_string(i) + " group" + std::to_string(i % 7));
  }
  return labels;
}

class TopKTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = dashi::testing::OpenStore(directory_.path());
    ASSERT_NE(store_, nullptr);
    releases_ = std::make_unique<ReleaseCache>(store_.get(), &pool_);
  }

  std::shared_ptr<const storage::View> View() { return store_->NewSnapshot().value(); }

  /// Ids of the first k labels for a text.
  std::vector<std::string> Ids(std::string_view text, std::size_t k,
                               const TopKOptions& options = {}) {
    auto cursor = OpenTopK(View(), *releases_, text, k, options);
    EXPECT_TRUE(cursor.ok()) << cursor.status().ToString();
    std::vector<std::string> ids;
    TopKHit hit;
    while (cursor.ok() && ids.size() < k && cursor.value()->Next(&hit).value()) {
      ids.push_back(hit.row.id);
    }
    return ids;
  }

  dashi::testing::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
  ThreadPool pool_{2};
  std::unique_ptr<ReleaseCache> releases_;
};

TEST_F(TopKTest, ALabelsOwnTextFindsItFirst) {
  AddRows(*store_, NumberedLabels(50), {});
  AddRelease(*store_, "m");
  ASSERT_TRUE(Publish(*store_, *releases_, "m", 1).ok());
  for (const int i : {0, 17, 49}) {
    const auto ids = Ids(NumberedLabels(50)[static_cast<std::size_t>(i)].second, 3);
    ASSERT_EQ(ids.size(), 3U);
    EXPECT_EQ(ids[0], "L" + std::to_string(i));
  }
}

TEST_F(TopKTest, TheCursorGoesOnToTheLastLabelWithoutRepeats) {
  AddRows(*store_, NumberedLabels(300), {});
  AddRelease(*store_, "m");
  const TopKOptions options{"m", 1, 0, false};
  const auto ids = Ids("word3 group3", 1000, options);
  EXPECT_EQ(ids.size(), 300U);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 300U);
}

struct ScoredId {
  std::string id;
  float score;
  friend bool operator==(const ScoredId&, const ScoredId&) = default;
};

class RankedTopKTest : public TopKTest {
 protected:
  static constexpr int kLabels = 300;
  static constexpr const char* kText = "word3 group3 word7 group5";

  void SetUp() override {
    TopKTest::SetUp();
    AddRows(*store_, NumberedLabels(kLabels), {});
    AddRelease(*store_, "m", {.ranker = 0.4});
  }

  std::vector<ScoredId> All(std::size_t k, bool ranker) {
    TopKOptions options{"m", 1, 0, true};
    options.ranker = ranker;
    const auto cursor = OpenTopK(View(), *releases_, kText, k, options).value();
    std::vector<ScoredId> found;
    TopKHit hit;
    while (cursor->Next(&hit).value()) {
      found.push_back({hit.row.id, hit.score});
    }
    return found;
  }

  /// The naive twin: the first `shortlist` labels by the dense score and 100 by words, ordered
  /// anew.
  std::vector<ScoredId> Naive(std::size_t shortlist) {
    std::vector<ScoredId> dense = All(kLabels, /*ranker=*/false);
    const auto release = releases_->Resolve(*View(), "m", 1).value();
    const trainer::TokenBag text = release->ranker->features().Extract(kText);
    const std::vector<std::uint32_t> by_words =
        trainer::RankerPostings::FindNaive(release->ranker->weights(), text, 100);
    // Labels were added in order, so the number in the id is the position.
    const auto position = [](const ScoredId& entry) {
      return static_cast<std::uint32_t>(std::stoul(entry.id.substr(1)));
    };
    dense.erase(std::remove_if(dense.begin() + static_cast<std::ptrdiff_t>(shortlist), dense.end(),
                               [&](const ScoredId& entry) {
                                 return !std::binary_search(by_words.begin(), by_words.end(),
                                                            position(entry));
                               }),
                dense.end());
    EXPECT_GT(dense.size(), shortlist);
    for (ScoredId& entry : dense) {
      const std::vector<std::uint32_t> label{position(entry)};
      float score = 0;
      ScoreSparseNaive(release->ranker->weights(), text, label, {&score, 1});
      entry.score += 0.4F * score;
    }
    std::stable_sort(dense.begin(), dense.end(),
                     [](const ScoredId& a, const ScoredId& b) { return a.score > b.score; });
    return dense;
  }
};

TEST_F(RankedTopKTest, TheRankerOrdersTheShortlistAsItsNaiveTwinDoes) {
  for (const std::size_t k : {1U, 10U, 80U}) {
    const std::size_t shortlist = std::max<std::size_t>(100, 2 * k);
    const std::vector<ScoredId> expected = Naive(shortlist);
    const std::vector<ScoredId> found = All(k, /*ranker=*/true);
    ASSERT_GE(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(found[i].id, expected[i].id) << "k " << k << ", rank " << i;
      EXPECT_NEAR(found[i].score, expected[i].score, 1e-5);
    }
    EXPECT_NE(found[0], All(k, /*ranker=*/false)[0]);
  }
}

TEST_F(RankedTopKTest, ALabelIsFoundByAWordThatTheEncoderDoesNotKnow) {
  AddRelease(*store_, "words", {.ranker = 0.4, .ranker_word = "zyzzyva"});
  TopKOptions options{"words", 1, 0, false};
  EXPECT_THAT(Ids("zyzzyva", 10, options), ElementsAre("L0"));
  EXPECT_THAT(Ids("unheard", 10, options), IsEmpty());
  const auto batch =
      BatchHits(View(), *releases_, std::vector<std::string_view>{"zyzzyva"}, 10, options).value();
  ASSERT_EQ(batch[0].size(), 1U);
  EXPECT_EQ(batch[0][0].row.id, "L0");
  options.ranker = false;
  EXPECT_THAT(Ids("zyzzyva", 10, options), IsEmpty());
}

TEST_F(RankedTopKTest, LabelsFoundByWordsPassTheFilter) {
  TopKOptions options{"m", 1, 0, false};
  auto only = std::make_shared<index::RowSet>();
  for (const std::uint32_t ordinal : {5U, 6U, 7U}) {
    only->Add(ordinal);
  }
  options.only = only;
  EXPECT_THAT(Ids(kText, 10, options), UnorderedElementsAre("L5", "L6", "L7"));
}

TEST_F(RankedTopKTest, ScoresNeverRiseAndNoLabelComesTwiceBeyondTheShortlist) {
  const std::vector<ScoredId> found = All(10, /*ranker=*/true);
  ASSERT_EQ(found.size(), std::size_t{kLabels});
  std::set<std::string> ids;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ids.insert(found[i].id);
    EXPECT_TRUE(i == 0 || found[i].score <= found[i - 1].score) << "rank " << i;
  }
  EXPECT_EQ(ids.size(), found.size());
}

TEST_F(RankedTopKTest, ABatchAnswersLikeSingleQueries) {
  const std::vector<std::string_view> texts{kText, "group1", "word9", "unknown"};
  TopKOptions options{"m", 1, 0, false};
  const auto batch = BatchHits(View(), *releases_, texts, 20, options);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<std::string> ids;
    for (const TopKHit& hit : batch.value()[i]) {
      ids.push_back(hit.row.id);
    }
    EXPECT_EQ(ids, Ids(texts[i], 20, options)) << texts[i];
  }
}

TEST_F(RankedTopKTest, ARankerOfOtherLabelsIsRefused) {
  const auto transaction = store_->Begin().value();
  auto release = *transaction->GetRelease("m", 1).value();
  release.num_labels = 7;
  ASSERT_TRUE(transaction->PutRelease(release).ok());
  ASSERT_TRUE(transaction->Commit().ok());
  const auto cursor = OpenTopK(View(), *releases_, kText, 1, {"m", 1, 0, false});
  ASSERT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.status().code(), StatusCode::kCorruption);
  EXPECT_NE(cursor.status().message().find("ranker size mismatch in m@1"), std::string::npos);
}

class VotedTopKTest : public TopKTest {
 protected:
  static constexpr int kLabels = 300;
  static constexpr const char* kText = "word3 group3";

  void SetUp() override {
    TopKTest::SetUp();
    std::vector<dashi::testing::TinyDocument> documents;
    for (int i = 0; i < 200; ++i) {
      // Their words are those of one label, what they have is another.
      documents.push_back({"D" + std::to_string(i),
                           "word" + std::to_string(i) + " group" + std::to_string(i % 10),
                           i % 5 == 4 ? "test" : "train",
                           {"L" + std::to_string(i), "L" + std::to_string(299 - i)}});
    }
    AddRows(*store_, NumberedLabels(kLabels), documents);
    AddRelease(*store_, "m", {.votes = 0.7});
  }

  std::map<std::string, float> Scores(std::string_view text, const TopKOptions& options) {
    const auto cursor = OpenTopK(View(), *releases_, text, kLabels, options).value();
    std::map<std::string, float> scores;
    TopKHit hit;
    while (cursor->Next(&hit).value()) {
      scores[hit.row.id] = hit.score;
    }
    return scores;
  }
};

TEST_F(VotedTopKTest, VotesAreThoseOfTheNearestTrainingDocuments) {
  TopKOptions options{"m", 1, 0, true};
  const auto voted = Scores(kText, options);
  options.retrieval = false;
  const auto dense = Scores(kText, options);
  ASSERT_EQ(voted.size(), std::size_t{kLabels});
  ASSERT_EQ(dense.size(), std::size_t{kLabels});
  // The naive twin: all documents by their cosine, those for tests left out.
  const auto cursor =
      OpenNearest(View(), *releases_, "documents", kText, 200, {"m", 1, 0, true}).value();
  std::map<std::string, double> votes;
  double sum = 0;
  TopKHit hit;
  for (int num_voters = 0; num_voters < 50 && cursor->Next(&hit).value();) {
    const int number = std::stoi(hit.row.id.substr(1));
    if (hit.row.split == "train") {
      const double vote = std::exp(double{hit.score} / 0.05);
      sum += vote;
      votes["L" + std::to_string(number)] += vote;
      votes["L" + std::to_string(299 - number)] += vote;
      ++num_voters;
    }
  }
  for (const auto& [id, score] : dense) {
    const auto vote = votes.find(id);
    const double share = vote == votes.end() ? 0 : vote->second / sum;
    EXPECT_NEAR(voted.at(id), score + 0.7 * share, 1e-4) << id;
  }
  EXPECT_GT(voted.at("L296"), dense.at("L296") + 0.1);
}

TEST_F(VotedTopKTest, ALabelThatOnlyVotesSpeakForIsFoundWithinTheFirstRows) {
  const auto ids = Ids(kText, 2, {"m", 1, 0, false});
  EXPECT_THAT(ids, UnorderedElementsAre("L3", "L296"));
  const auto batch = BatchHits(View(), *releases_, std::vector<std::string_view>{kText, "unknown"},
                               2, {"m", 1, 0, false})
                         .value();
  ASSERT_EQ(batch[0].size(), 2U);
  EXPECT_EQ(batch[0][0].row.id, ids[0]);
  EXPECT_EQ(batch[0][1].row.id, ids[1]);
  EXPECT_THAT(batch[1], IsEmpty());  // A text without a known word is near no document.
}

TEST_F(VotedTopKTest, AGraphOfTheDocumentsAnswersLikeTheScan) {
  AddRelease(*store_, "graph", {.hnsw = true, .votes = 0.7});
  const auto exact = Scores(kText, {"m", 1, 0, true});
  const auto approximate = Scores(kText, {"graph", 1, 0, false});
  EXPECT_NEAR(approximate.at("L296"), exact.at("L296"), 1e-3);
  const auto release = releases_->Resolve(*View(), "graph", 1).value();
  EXPECT_EQ(release->votes->documents().kind(), "hnsw");
}

TEST_F(VotedTopKTest, DocumentsWithoutAnEmbeddingAreRefused) {
  const auto view = View();
  const auto record = view->GetRelease("m", 1).value().value();
  auto documents =
      trainer::ParseVotingDocuments(view->GetWeights(trainer::VotesWeightsName(record.job)).value(),
                                    record.num_labels)
          .value();
  documents.ordinals.push_back(storage::Ordinal{100'000});
  documents.labels.offsets.push_back(documents.labels.columns.size());
  ASSERT_TRUE(store_
                  ->PutWeights(trainer::VotesWeightsName(record.job),
                               trainer::SerializeVotingDocuments(documents))
                  .ok());
  const auto cursor = OpenTopK(View(), *releases_, kText, 1, {"m", 1, 0, false});
  ASSERT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.status().code(), StatusCode::kCorruption);
  EXPECT_EQ(cursor.status().message(), "m@1 has no embedding of row 100000 of documents");
}

TEST_F(TopKTest, AnHnswIndexAgreesWithTheExactScan) {
  AddRows(*store_, NumberedLabels(400), {});
  AddRelease(*store_, "m", {.seed = 3, .hnsw = true});
  const TopKOptions approximate{"m", 1, 200, false};
  const TopKOptions exact{"m", 1, 0, true};
  EXPECT_EQ(Ids("word5 group5", 10, approximate), Ids("word5 group5", 10, exact));
}

TEST_F(TopKTest, DeletedLabelsAreNoAnswersAndDoNotCount) {
  AddRows(*store_, NumberedLabels(60), {});
  AddRelease(*store_, "m");
  const TopKOptions options{"m", 1, 0, false};
  const auto before = Ids("group1 group2", 60, options);
  const auto transaction = store_->Begin().value();
  for (std::size_t i = 0; i < 40; ++i) {
    const auto ordinal = transaction->FindOrdinal(EntityKind::kLabel, before[i]).value();
    ASSERT_TRUE(transaction->DeleteRow(EntityKind::kLabel, *ordinal).ok());
  }
  ASSERT_TRUE(transaction->Commit().ok());
  const std::vector<std::string> left(before.begin() + 40, before.end());
  EXPECT_EQ(Ids("group1 group2", 20, options), left);
  const std::vector<std::string_view> texts{"group1 group2", "word3", ""};
  const auto batch = BatchHits(View(), *releases_, texts, 20, options);
  ASSERT_TRUE(batch.ok());
  ASSERT_EQ(batch.value()[0].size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(batch.value()[0][i].row.id, left[i]);
  }
  EXPECT_EQ(batch.value()[1].size(), 20U);
  EXPECT_TRUE(batch.value()[2].empty());
}

class BatchedTopKTest : public TopKTest {
 protected:
  static constexpr int kLabels = 3000;

  void SetUp() override {
    TopKTest::SetUp();
    AddRows(*store_, NumberedLabels(kLabels), {});
    AddRelease(*store_, "m", {.seed = 3, .hnsw = true});
    AddRelease(*store_, "scanned", {.seed = 3});
    // Labels that came after the releases, and one that is gone.
    const auto transaction = store_->Begin().value();
    for (int i = 0; i < 20; ++i) {
      storage::EntityRow row;
      row.id = "N" + std::to_string(i);
      row.text = "word" + std::to_string(i * 7) + " group" + std::to_string(i % 7);
      ASSERT_TRUE(transaction->InsertRow(EntityKind::kLabel, row).ok());
    }
    const auto gone = transaction->FindOrdinal(EntityKind::kLabel, "L7").value();
    ASSERT_TRUE(transaction->DeleteRow(EntityKind::kLabel, *gone).ok());
    ASSERT_TRUE(transaction->Commit().ok());
  }

  static std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    texts.reserve(41);
    for (int i = 0; i < 40; ++i) {
      texts.push_back("word" + std::to_string(i * 31 % kLabels) + " group" + std::to_string(i % 7));
    }
    texts.insert(texts.begin() + 3, "");
    return texts;
  }

  /// Every so manieth row.
  static std::shared_ptr<const index::RowSet> Every(std::uint32_t step) {
    auto rows = std::make_shared<index::RowSet>();
    for (std::uint32_t row = 0; row < kLabels + 30; row += step) {
      rows->Add(row);
    }
    return rows;
  }

  struct Answer {
    std::vector<std::pair<std::string, float>> rows;
    SearchSummary summary;
  };
  static Answer Read(TopKCursor& cursor, std::size_t k) {
    Answer answer;
    for (TopKHit hit; answer.rows.size() < k;) {
      const auto more = cursor.Next(&hit);
      EXPECT_TRUE(more.ok()) << more.status().ToString();
      if (!more.ok() || !*more) {
        break;
      }
      answer.rows.emplace_back(hit.row.id, hit.score);
    }
    answer.summary = cursor.Summary();
    return answer;
  }
  static void ExpectSame(const Answer& a, const Answer& b) {
    EXPECT_EQ(a.rows, b.rows);
    EXPECT_EQ(a.summary.release, b.summary.release);
    EXPECT_EQ(a.summary.index, b.summary.index);
    EXPECT_EQ(a.summary.num_rows, b.summary.num_rows);
    EXPECT_EQ(a.summary.num_passing, b.summary.num_passing);
    EXPECT_EQ(a.summary.searched, b.summary.searched);
    EXPECT_EQ(a.summary.statistics.path, b.summary.statistics.path);
    EXPECT_EQ(a.summary.statistics.num_visited, b.summary.statistics.num_visited);
    EXPECT_EQ(a.summary.statistics.num_refills, b.summary.statistics.num_refills);
    EXPECT_EQ(a.summary.statistics.exact, b.summary.statistics.exact);
  }
};

TEST_F(BatchedTopKTest, EachCursorAnswersAndTellsAsOneOpenedAloneDoes) {
  constexpr std::size_t kWanted = 12;
  const std::vector<std::string> texts = Texts();
  std::set<index::SearchPath> paths;
  for (const char* model : {"m", "scanned"}) {
    for (const bool exact : {false, true}) {
      for (const std::uint32_t step : {0U, 2U, 300U, 4000U}) {
        SCOPED_TRACE(std::string(model) + (exact ? ", exact" : "") + ", every " +
                     std::to_string(step));
        TopKOptions options{model, 1, 24, exact};
        options.only = step == 0 ? nullptr : Every(step);
        const auto batch = OpenTopKBatch(View(), *releases_, texts, kWanted, options).value();
        for (const std::string& text : texts) {
          ASSERT_FALSE(batch->at_end());
          const auto one = batch->OpenNext().value();
          const auto alone = OpenTopK(View(), *releases_, text, kWanted, options).value();
          const Answer answer = Read(*one, kWanted);
          ExpectSame(answer, Read(*alone, kWanted));
          paths.insert(answer.summary.statistics.path);
        }
        EXPECT_TRUE(batch->at_end());
      }
    }
  }
  EXPECT_TRUE(paths.contains(index::SearchPath::kGraph));
  EXPECT_TRUE(paths.contains(index::SearchPath::kSubsetScan));
}

TEST_F(BatchedTopKTest, CursorsOpenedAfterRestrictFindRowsOfTheSetAlone) {
  constexpr std::size_t kWanted = 12;
  constexpr std::size_t kFirst = 5;
  const std::vector<std::string> texts = Texts();
  for (const std::uint32_t step : {3U, 300U, 5000U}) {
    SCOPED_TRACE("every " + std::to_string(step));
    TopKOptions options{"m", 1, 24, false};
    const auto only = Every(step);
    const auto batch = OpenTopKBatch(View(), *releases_, texts, kWanted, options).value();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i >= kFirst) {
        batch->Restrict(only);  // The same set again changes nothing.
        options.only = only;
      }
      const auto one = batch->OpenNext().value();
      const auto alone = OpenTopK(View(), *releases_, texts[i], kWanted, options).value();
      const Answer answer = Read(*one, kWanted);
      const Answer expected = Read(*alone, kWanted);
      EXPECT_EQ(answer.rows, expected.rows) << texts[i];
      if (i >= kFirst && expected.summary.searched) {
        // What the batch had found before counts as a search that was not enough.
        EXPECT_GT(answer.summary.statistics.num_visited, expected.summary.statistics.num_visited);
        EXPECT_GT(answer.summary.statistics.num_refills, expected.summary.statistics.num_refills);
      }
    }
  }
}

TEST_F(BatchedTopKTest, ABadTextRefusesTheBatch) {
  const auto refused = OpenTopKBatch(View(), *releases_, {"word1", "\xff"}, 1, {"m", 1, 0, false});
  EXPECT_EQ(refused.status().sqlstate(), "22021");
  const auto empty = OpenTopKBatch(View(), *releases_, {}, 1, {"m", 1, 0, false});
  ASSERT_TRUE(empty.ok()) << empty.status().ToString();
  EXPECT_TRUE(empty.value()->at_end());
}

TEST_F(TopKTest, ATextWithoutKnownWordsFindsNothing) {
  AddRows(*store_, NumberedLabels(5), {});
  AddRelease(*store_, "m");
  EXPECT_TRUE(Ids("", 5, {"m", 1, 0, false}).empty());
  EXPECT_TRUE(Ids("zzz", 5, {"m", 1, 0, false}).empty());
}

TEST_F(TopKTest, NearestFindsDocumentsByTheirText) {
  AddRows(*store_, NumberedLabels(5), {{"D1", "alpha beta", "train", {}}, {"D2", "gamma", "", {}}});
  AddRelease(*store_, "m");
  auto cursor = OpenNearest(View(), *releases_, "documents", "gamma", 1, {"m", 1, 0, false});
  ASSERT_TRUE(cursor.ok()) << cursor.status().ToString();
  TopKHit hit;
  ASSERT_TRUE(cursor.value()->Next(&hit).value());
  EXPECT_EQ(hit.row.id, "D2");
  EXPECT_NEAR(hit.score, 1.0F, 2e-3F);
  EXPECT_EQ(OpenNearest(View(), *releases_, "anchors", "x", 1, {"m", 1, 0, false}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(TopKTest, TheReleaseMustBeClear) {
  AddRows(*store_, NumberedLabels(5), {});
  const auto code = [&](const TopKOptions& options) {
    return OpenTopK(View(), *releases_, "word1", 1, options).status().code();
  };
  EXPECT_EQ(code({}), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code({"absent", {}, 0, false}), StatusCode::kNotFound);
  AddRelease(*store_, "m");
  EXPECT_EQ(code({"m", {}, 0, false}), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code({"m", 2, 0, false}), StatusCode::kNotFound);
  ASSERT_TRUE(Publish(*store_, *releases_, "m", {}).ok());
  EXPECT_EQ(code({}), StatusCode::kOk);
  AddRelease(*store_, "n");
  ASSERT_TRUE(Publish(*store_, *releases_, "n", 1).ok());
  EXPECT_EQ(code({}), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code({"n", {}, 0, false}), StatusCode::kOk);
}

TEST_F(TopKTest, BadQueriesAreRefused) {
  AddRows(*store_, NumberedLabels(5), {});
  AddRelease(*store_, "m");
  const TopKOptions options{"m", 1, 0, false};
  EXPECT_EQ(OpenTopK(View(), *releases_, "\xFF", 1, options).status().sqlstate(), "22021");
  EXPECT_EQ(OpenTopK(View(), *releases_, "x", kTopKMax + 1, options).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(ParseTopKOptionsTest, ReadsEveryKey) {
  const auto options = ParseTopKOptions(R"({"model":"m","release":7,"ef":99,"exact":true})");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options.value().model, "m");
  EXPECT_EQ(options.value().release, 7U);
  EXPECT_EQ(options.value().ef, 99U);
  EXPECT_TRUE(options.value().exact);
  EXPECT_TRUE(ParseTopKOptions("").ok());
}

TEST(ParseTopKOptionsTest, WhatItDoesNotNameIsAsInTheDefaults) {
  TopKOptions defaults;
  defaults.ef = 7;
  defaults.exact = true;
  defaults.require_index = true;
  const TopKOptions same = ParseTopKOptions("", defaults).value();
  EXPECT_EQ(same.ef, 7U);
  EXPECT_TRUE(same.exact && same.require_index);
  const TopKOptions other =
      ParseTopKOptions(R"({"ef":0,"exact":false,"require_index":false})", defaults).value();
  EXPECT_EQ(other.ef, 0U);
  EXPECT_FALSE(other.exact || other.require_index);
}

TEST(ParseTopKOptionsTest, NamesWhatIsWrong) {
  for (const std::string_view bad :
       {"[]", "{", "{\"model\":1}", "{\"release\":-1}", "{\"release\":1.5}", "{\"ef\":\"x\"}",
        "{\"exact\":1}", "{\"require_index\":\"on\"}", "{\"release\":99999999999}"}) {
    EXPECT_EQ(ParseTopKOptions(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseTopKOptions("{\"modle\":\"m\"}").status().hint(), "Perhaps you meant \"model\".");
}

}  // namespace
}  // namespace dashi::query
