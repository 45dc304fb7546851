#include "trainer/retrieval/document_votes.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace dashi::trainer {
namespace {

TEST(DocumentVotesTest, AreSharesOfTheNearestDocuments) {
  const SparseRows labels{{0, 1, 3, 3}, {7, 2, 7}, {}};
  EXPECT_TRUE(CountVotes({}, labels).empty());
  // Half the similarity of a temperature apart: exp(-1/2) of the vote.
  const auto votes = CountVotes({{0, 0.9F}, {1, 0.875F}, {2, 0.9F}}, labels);
  ASSERT_EQ(votes.size(), 2U);
  const double sum = 2 + std::exp(-0.5);
  EXPECT_EQ(votes[0].label, 2U);
  EXPECT_NEAR(votes[0].share, std::exp(-0.5) / sum, 1e-6);
  EXPECT_EQ(votes[1].label, 7U);
  EXPECT_NEAR(votes[1].share, (1 + std::exp(-0.5)) / sum, 1e-6);
}

TEST(DocumentVotesTest, AgreeWithSumsByLabel) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  SparseRows labels;
  for (int document = 0; document < 200; ++document) {
    std::uint32_t label = 0;
    for (std::uint64_t i = random.Uniform(5); i > 0; --i) {
      label += 1 + static_cast<std::uint32_t>(random.Uniform(9));
      labels.columns.push_back(label);
    }
    labels.offsets.push_back(labels.columns.size());
  }
  for (int run = 0; run < 20; ++run) {
    index::Shortlist nearest;
    std::map<std::uint32_t, double> sums;
    double sum = 0;
    for (std::uint32_t document = 0; document < 200; document += 4) {
      const auto similarity = static_cast<float>(random.Normal() / 4);
      nearest.push_back({document, similarity});
      const double vote = std::exp(double{similarity} / 0.05);
      sum += vote;
      for (std::uint64_t i = labels.offsets[document]; i < labels.offsets[document + 1]; ++i) {
        sums[labels.columns[i]] += vote;
      }
    }
    const auto votes = CountVotes(nearest, labels);
    ASSERT_EQ(votes.size(), sums.size());
    auto expected = sums.begin();
    for (const LabelVote& vote : votes) {
      EXPECT_EQ(vote.label, expected->first);
      EXPECT_NEAR(vote.share, expected->second / sum, 1e-5);
      ++expected;
    }
  }
}

TEST(DocumentVotesTest, AddLabelsWithTheirDenseScoresUnlessIgnored) {
  const SparseRows labels{{0, 2}, {1, 2}, {}};
  RankingTask ranking;
  ranking.embeddings = {3, 4};
  ranking.ignored = {{0, 1}, {2}, {}};
  const std::vector<float> embeddings{1, 0, 0, 1, 0, 0};
  const std::vector<float> classifiers{0, 1, 1, 0, 0, 0};
  std::vector<std::vector<LabelCandidate>> candidates{{{0, 9, 9}}};
  AddVotes(ranking, {embeddings, classifiers, 2}, {{{0, 1.0F}}}, labels, &candidates);
  ASSERT_EQ(candidates[0].size(), 2U);
  EXPECT_EQ(candidates[0][0].label, 0U);
  EXPECT_EQ(candidates[0][0].votes, 0.0F);
  EXPECT_EQ(candidates[0][1].label, 1U);
  EXPECT_EQ(candidates[0][1].encoder, 4.0F);
  EXPECT_EQ(candidates[0][1].classifier, 3.0F);
  EXPECT_EQ(candidates[0][1].votes, 1.0F);
}

}  // namespace
}  // namespace dashi::trainer
