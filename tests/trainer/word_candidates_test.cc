#include "trainer/word_candidates.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/ranker/ranker_rows.h"

namespace dashi::trainer {
namespace {

// Label l has the one feature l; vectors of two dimensions.
struct Labels {
  SparseRows texts{{0, 1, 2, 3, 4}, {0, 1, 2, 3}, {1, 1, 1, 1}};
  std::vector<float> embeddings{1, 0, 0, 1, 0.5F, 0, 0, 0.5F};
  std::vector<float> classifiers{0, 1, 1, 0, 0, 2, 2, 0};
};

TEST(WordCandidatesTest, AreAddedWithTheirDenseScoresUnlessPresentOrIgnored) {
  const Labels labels;
  const SparseRows features{{0, 3, 3}, {1, 2, 3}, {0.5F, 0.5F, 0.5F}};
  RankingTask ranking;
  ranking.embeddings = {3, 4, 1, 1};
  ranking.ignored = {{0, 1, 1}, {2}, {}};
  std::vector<std::vector<LabelCandidate>> candidates{{{0, 9, 9}, {3, 8, 8}}, {}};
  ThreadPool pool(2);
  AddWordCandidates(features, ranking, {labels.embeddings, labels.classifiers, 2},
                    RankerPostings(LabelTextRows(labels.texts)), pool, &candidates);
  ASSERT_EQ(candidates[0].size(), 3U);
  EXPECT_EQ(candidates[0][0].label, 0U);
  EXPECT_EQ(candidates[0][1].label, 1U);
  EXPECT_EQ(candidates[0][1].encoder, 4.0F);
  EXPECT_EQ(candidates[0][1].classifier, 3.0F);
  EXPECT_EQ(candidates[0][2].label, 3U);
  EXPECT_EQ(candidates[0][2].encoder, 8.0F);  // It was there.
  EXPECT_TRUE(candidates[1].empty());
}

}  // namespace
}  // namespace dashi::trainer
