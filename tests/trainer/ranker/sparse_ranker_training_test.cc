#include "trainer/ranker/sparse_ranker_training.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

void AppendFeatures(const std::vector<std::uint32_t>& features, SparseRows* rows) {
  for (const std::uint32_t feature : features) {
    rows->columns.push_back(feature);
    rows->values.push_back(1.0F / static_cast<float>(features.size()));
  }
  rows->offsets.push_back(rows->columns.size());
}

/// Label l is told by feature l; labels 2i and 2i+1 share another one, so each is the other's
/// hard negative.
struct Data {
  SparseRows documents;
  SparseRows labels;
  SparseRows relevance;
  SparseRows hard_negatives;
  std::vector<std::uint32_t> rows;
  static constexpr std::uint32_t kLabels = 40;
  static constexpr std::uint32_t kFeatures = 3 * kLabels;

  Data() {
    Random random(1);
    for (std::uint32_t label = 0; label < kLabels; ++label) {
      AppendFeatures({2 * kLabels + label}, &labels);
    }
    for (std::uint32_t d = 0; d < 400; ++d) {
      const auto label = static_cast<std::uint32_t>(random.Uniform(kLabels));
      AppendFeatures({label, kLabels + label / 2}, &documents);
      relevance.columns.push_back(label);
      relevance.offsets.push_back(relevance.columns.size());
      hard_negatives.columns.push_back(label ^ 1U);
      hard_negatives.offsets.push_back(hard_negatives.columns.size());
      rows.push_back(d);
    }
  }

  SparseRankerTask task() const {
    return {documents, labels, relevance, kFeatures, rows, hard_negatives};
  }
};

Result<SparseRankerWeights> Train(const Data& data, int num_threads,
                                  const TrainingControl& control = {},
                                  std::uint64_t pairs_at_once = 1'000'000) {
  ThreadPool pool(num_threads);
  const Stopwatch stopwatch;
  TrainingProgress progress(control, "ranker", Data::kLabels, "labels", stopwatch);
  SparseRankerOptions options;
  options.pairs_at_once = pairs_at_once;
  return TrainSparseRanker(data.task(), options, pool, progress);
}

TEST(SparseRankerTrainingTest, TellsALabelFromItsHardNegative) {
  const Data data;
  const auto weights = Train(data, 1);
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  ASSERT_EQ(weights->num_labels(), Data::kLabels);
  for (const std::uint32_t d : data.rows) {
    const std::uint32_t label = data.relevance.columns[d];
    const SparseRows row = SelectRows(data.documents, std::vector<std::uint32_t>{d});
    const std::vector<std::uint32_t> both{label, label ^ 1U};
    std::vector<float> scores(2);
    ScoreSparse(*weights, {row.columns.ToVector(), row.values.ToVector()}, both, scores);
    EXPECT_GT(scores[0], scores[1] + 0.5F) << "document " << d;
  }
}

TEST(SparseRankerTrainingTest, ALabelsOwnTextIsAPositive) {
  const Data data;
  const auto weights = Train(data, 1);
  ASSERT_TRUE(weights.ok());
  for (std::uint32_t label = 0; label < Data::kLabels; ++label) {
    const auto begin =
        weights->features.begin() + static_cast<std::ptrdiff_t>(weights->offsets[label]);
    const auto end =
        weights->features.begin() + static_cast<std::ptrdiff_t>(weights->offsets[label + 1]);
    EXPECT_TRUE(std::binary_search(begin, end, 2 * Data::kLabels + label)) << label;
  }
}

TEST(SparseRankerTrainingTest, ThreadsDoNotChangeTheBits) {
  const Data data;
  const auto one = Train(data, 1);
  const auto three = Train(data, 3);
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(one->offsets, three->offsets);
  EXPECT_EQ(one->features, three->features);
  EXPECT_EQ(one->weights, three->weights);
  EXPECT_EQ(one->biases, three->biases);
}

TEST(SparseRankerTrainingTest, RangesOfLabelsDoNotChangeTheBits) {
  const Data data;
  const auto whole = Train(data, 1);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  // One label at a time, some, and a last range that is smaller.
  for (const std::uint64_t pairs : {1U, 70U, 300U, 799U}) {
    SCOPED_TRACE(pairs);
    const auto ranges = Train(data, 2, {}, pairs);
    ASSERT_TRUE(ranges.ok()) << ranges.status().ToString();
    EXPECT_EQ(whole->offsets, ranges->offsets);
    EXPECT_EQ(whole->features, ranges->features);
    EXPECT_EQ(whole->weights, ranges->weights);
    EXPECT_EQ(whole->biases, ranges->biases);
  }
}

TEST(SparseRankerTrainingTest, AddedLabelTextsAddTheirProductWithTheText) {
  const Data data;
  const auto weights = Train(data, 1);
  ASSERT_TRUE(weights.ok()) << weights.status().ToString();
  SparseRows texts;  // some features are learned ones, some new
  for (std::uint32_t label = 0; label < Data::kLabels; ++label) {
    AppendFeatures(label % 5 == 0 ? std::vector<std::uint32_t>{}
                                  : std::vector<std::uint32_t>{label, Data::kFeatures - 1},
                   &texts);
  }
  constexpr float kFactor = 0.75F;
  const SparseRankerWeights sum = AddLabelTexts(*weights, texts, kFactor);
  ASSERT_EQ(sum.num_labels(), Data::kLabels);
  EXPECT_EQ(sum.biases, weights->biases);
  for (std::uint32_t label = 0; label < Data::kLabels; ++label) {
    EXPECT_TRUE(
        std::is_sorted(sum.features.begin() + static_cast<std::ptrdiff_t>(sum.offsets[label]),
                       sum.features.begin() + static_cast<std::ptrdiff_t>(sum.offsets[label + 1])));
    const TokenBag text{{label, Data::kFeatures - 1}, {0.5F, 0.25F}};
    std::vector<float> before(1);
    std::vector<float> after(1);
    ScoreSparseNaive(*weights, text, std::vector<std::uint32_t>{label}, before);
    ScoreSparseNaive(sum, text, std::vector<std::uint32_t>{label}, after);
    const float product = label % 5 == 0 ? 0 : 0.5F * 0.5F + 0.5F * 0.25F;
    EXPECT_NEAR(after[0], before[0] + kFactor * product, 2e-3) << "label " << label;
  }
}

TEST(SparseRankerTrainingTest, StopsWhenAsked) {
  const Data data;
  TrainingControl control;
  control.should_stop = [] { return true; };
  EXPECT_EQ(Train(data, 1, control).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace dashi::trainer
