#include "trainer/fusion.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/hold_out.h"
#include "trainer/sparse_rows.h"
#include "trainer/transformer/transformer_module.h"
#include "trainer/validation.h"

namespace dashi::trainer {
namespace {

SparseRows Rows(const std::vector<std::vector<std::uint32_t>>& rows) {
  SparseRows result;
  for (const auto& row : rows) {
    result.columns.insert(result.columns.end(), row.begin(), row.end());
    result.offsets.push_back(result.columns.size());
  }
  return result;
}

// Only multiplies, by the naive loop.
class NaiveBackend final : public TensorBackend {
 public:
  Result<std::unique_ptr<BagModule>> NewBagModule(const BagModuleOptions& /*options*/) override {
    return Status::Unimplemented("not in this test");
  }
  Result<std::unique_ptr<TransformerModule>> NewTransformerModule(
      const TransformerModuleOptions& /*options*/, const TransformerWeights& /*weights*/) override {
    return Status::Unimplemented("not in this test");
  }
  Status MultiplyTransposed(const float* a, std::size_t num_rows, const float* b,
                            std::size_t num_columns, std::size_t dim, int /*num_threads*/,
                            float* out) override {
    for (std::size_t i = 0; i < num_rows; ++i) {
      for (std::size_t j = 0; j < num_columns; ++j) {
        out[i * num_columns + j] =
            std::inner_product(a + i * dim, a + (i + 1) * dim, b + j * dim, 0.0F);
      }
    }
    return Status();
  }
  Result<ScoreLoss> EvaluateLoss(const LossOptions& /*options*/, std::span<const float> /*scores*/,
                                 const SparseRows& /*positives*/,
                                 const SparseRows& /*masked*/) override {
    return Status::Unimplemented("not in this test");
  }
  Result<std::optional<std::uint64_t>> FreeDeviceBytes(const std::string& /*device*/) override {
    return std::optional<std::uint64_t>();
  }
  std::string version() const override { return "naive"; }
};

TEST(FusionTest, VotesGetAWeightWhereTheyTellMore) {
  constexpr std::uint64_t kSeed = 5;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  std::vector<std::vector<LabelCandidate>> right(200);
  SparseRows truth;
  for (std::uint32_t d = 0; d < 200; ++d) {
    const auto positive = static_cast<std::uint32_t>(random.Uniform(20));
    for (std::uint32_t label = 0; label < 20; ++label) {
      LabelCandidate candidate;
      candidate.label = label;
      candidate.encoder = static_cast<float>(random.Normal()) / 8 + (label == positive ? 0.2F : 0);
      candidate.classifier = candidate.encoder;
      candidate.votes = label == positive ? 0.6F : label == (positive + 1) % 20 ? 0.4F : 0;
      right[d].push_back(candidate);
    }
    truth.columns.push_back(positive);
    truth.offsets.push_back(truth.columns.size());
  }
  auto wrong = right;
  for (auto& row : wrong) {
    for (LabelCandidate& candidate : row) {
      candidate.votes = static_cast<float>(random.Uniform(2));
    }
  }
  const std::vector<std::uint64_t> counts(20, 10);
  const auto objective = RankingObjective::kBalanced;
  const FusionWeights dense = FitFusion(right, truth, counts, 200, objective);
  const FusionWeights with = FitVoteFusion(right, truth, counts, 200, objective, dense);
  EXPECT_GT(with.votes, 0);
  EXPECT_GT(with.quality.p1, 0.98);
  EXPECT_LT(dense.quality.p1, 0.9);
  const FusionWeights without = FitVoteFusion(wrong, truth, counts, 200, objective, dense);
  EXPECT_EQ(without.votes, 0);
  EXPECT_EQ(without.quality.p1, dense.quality.p1);
}

TEST(FusionTest, FewDocumentsDoNotArgueForALopsidedMix) {
  // Only the pure classifier is right, in one document of one hundred; the rest is indifferent.
  std::vector<std::vector<LabelCandidate>> candidates(100, {{0, 0.9F, 0.9F}, {1, 0.1F, 0.1F}});
  candidates[0] = {{0, 0.0F, 0.90F}, {1, 0.9F, 0.89F}};
  SparseRows truth;
  for (std::uint32_t d = 0; d < 100; ++d) {
    truth.columns.push_back(0);
    truth.offsets.push_back(d + 1);
  }
  const std::vector<std::uint64_t> counts{100, 100};
  const FusionWeights weights =
      FitFusion(candidates, truth, counts, 200, RankingObjective::kBalanced);
  EXPECT_GT(MeasureRankings(RankCandidates(candidates, {0, 1}, 5), truth, counts, 200)
                .ValueFor(RankingObjective::kBalanced),
            weights.quality.ValueFor(RankingObjective::kBalanced));
  EXPECT_DOUBLE_EQ(weights.encoder, 0.5);
}

TEST(FusionTest, PrefersTheScoreThatIsRight) {
  // Label 0 is right; the encoder says so in both documents, the classifier never does.
  const std::vector<std::vector<LabelCandidate>> candidates{{{0, 0.9F, 0.1F}, {1, 0.3F, 0.9F}},
                                                            {{0, 0.8F, 0.1F}, {2, 0.2F, 0.95F}}};
  const std::vector<std::uint64_t> counts{2, 2, 2};
  const FusionWeights weights =
      FitFusion(candidates, Rows({{0}, {0}}), counts, 10, RankingObjective::kBalanced);
  EXPECT_GT(weights.encoder, weights.classifier);
  EXPECT_DOUBLE_EQ(weights.encoder + weights.classifier, 1.0);
  EXPECT_DOUBLE_EQ(weights.quality.p1, 1.0);
}

TEST(FusionTest, FindsTheMixThatNeitherScoreReachesAlone) {
  const std::vector<std::vector<LabelCandidate>> candidates{
      {{0, 0.50F, 0.52F}, {1, 0.60F, 0.10F}, {2, 0.10F, 0.60F}},
      {{0, 0.10F, 0.62F}, {1, 0.52F, 0.50F}, {2, 0.60F, 0.12F}}};
  const std::vector<std::uint64_t> counts{1, 1, 1};
  const SparseRows truth = Rows({{0}, {1}});
  const FusionWeights weights =
      FitFusion(candidates, truth, counts, 10, RankingObjective::kBalanced);
  EXPECT_DOUBLE_EQ(weights.quality.p1, 1.0);
  for (const double encoder : {0.0, 1.0}) {
    const auto ranked = RankCandidates(candidates, {encoder, 1 - encoder}, 5);
    EXPECT_LT(MeasureRankings(ranked, truth, counts, 10).p1, 1.0);
  }
}

/// Twenty documents whose label 0 is right and that the dense scores give label 1, with what the
/// ranker thinks of both.
std::vector<std::vector<LabelCandidate>> TwentyDocuments(float right, float wrong) {
  std::vector<std::vector<LabelCandidate>> candidates;
  for (int d = 0; d < 20; ++d) {
    candidates.push_back({{0, 0.5F, 0.5F, right}, {1, 0.6F, 0.6F, wrong}, {2, 0.1F, 0.1F, 0}});
  }
  return candidates;
}

SparseRows FirstLabelIsRight() {
  return Rows(std::vector<std::vector<std::uint32_t>>(20, std::vector<std::uint32_t>{0}));
}

TEST(FusionTest, ARankerThatIsRightGetsWeight) {
  const std::vector<std::uint64_t> counts{20, 20, 20};
  const auto candidates = TwentyDocuments(1.0F, -1.0F);
  const SparseRows truth = FirstLabelIsRight();
  const FusionWeights dense =
      FitFusion(candidates, truth, counts, 100, RankingObjective::kBalanced);
  EXPECT_DOUBLE_EQ(dense.quality.p1, 0.0);
  EXPECT_DOUBLE_EQ(dense.ranker, 0.0);
  const FusionWeights fused =
      FitRankerFusion(candidates, truth, counts, 100, RankingObjective::kBalanced, dense);
  EXPECT_GT(fused.ranker, 0.0);
  EXPECT_DOUBLE_EQ(fused.quality.p1, 1.0);
  EXPECT_DOUBLE_EQ(fused.encoder + fused.classifier, 1.0);
}

TEST(FusionTest, ARankerThatHurtsGetsNone) {
  const std::vector<std::uint64_t> counts{20, 20, 20};
  // The dense scores are right here, and the ranker would turn them around.
  auto candidates = TwentyDocuments(-1.0F, 1.0F);
  for (auto& row : candidates) {
    row[0].encoder = row[0].classifier = 0.61F;
  }
  const SparseRows truth = FirstLabelIsRight();
  const FusionWeights dense =
      FitFusion(candidates, truth, counts, 100, RankingObjective::kBalanced);
  const FusionWeights fused =
      FitRankerFusion(candidates, truth, counts, 100, RankingObjective::kBalanced, dense);
  EXPECT_DOUBLE_EQ(fused.ranker, 0.0);
  EXPECT_DOUBLE_EQ(fused.quality.p1, 1.0);
}

TEST(FusionTest, ARankerWithOneScoreForAllIsLeftOut) {
  const std::vector<std::uint64_t> counts{20, 20, 20};
  const auto candidates = TwentyDocuments(0.0F, 0.0F);
  const FusionWeights dense =
      FitFusion(candidates, FirstLabelIsRight(), counts, 100, RankingObjective::kBalanced);
  EXPECT_DOUBLE_EQ(FitRankerFusion(candidates, FirstLabelIsRight(), counts, 100,
                                   RankingObjective::kBalanced, dense)
                       .ranker,
                   0.0);
}

/// The same; the ranker is right where the label's text says nothing, and the other way round.
std::vector<std::vector<LabelCandidate>> RankerAndLabelText() {
  auto candidates = TwentyDocuments(1.0F, -1.0F);
  for (std::size_t d = 0; d < candidates.size(); d += 2) {
    candidates[d][0].ranker = candidates[d][1].ranker = 0;
    candidates[d][0].label_text = 0.4F;
  }
  return candidates;
}

TEST(FusionTest, LabelTextsThatHelpGetWeightBesideTheRanker) {
  const std::vector<std::uint64_t> counts{20, 20, 20};
  const SparseRows truth = FirstLabelIsRight();
  for (const bool have_texts : {true, false}) {
    auto candidates = RankerAndLabelText();
    for (auto& row : candidates) {
      row[0].label_text = have_texts ? row[0].label_text : 0;
    }
    const FusionWeights dense =
        FitFusion(candidates, truth, counts, 100, RankingObjective::kBalanced);
    EXPECT_DOUBLE_EQ(dense.label_text, 0.0);
    const FusionWeights fused =
        FitRankerFusion(candidates, truth, counts, 100, RankingObjective::kBalanced, dense);
    EXPECT_EQ(fused.label_text > 0, have_texts);
    EXPECT_DOUBLE_EQ(fused.quality.p1, have_texts ? 1.0 : 0.5);
    EXPECT_DOUBLE_EQ(MeasureRankings(RankCandidates(candidates, fused, 5), truth, counts, 100).p1,
                     fused.quality.p1);
  }
}

TEST(FusionTest, LabelTextsThatMisleadGetNone) {
  const std::vector<std::uint64_t> counts{20, 20, 20};
  auto candidates = TwentyDocuments(1.0F, -1.0F);
  for (auto& row : candidates) {
    row[1].label_text = 0.4F;
  }
  const FusionWeights dense =
      FitFusion(candidates, FirstLabelIsRight(), counts, 100, RankingObjective::kBalanced);
  const FusionWeights fused = FitRankerFusion(candidates, FirstLabelIsRight(), counts, 100,
                                              RankingObjective::kBalanced, dense);
  EXPECT_DOUBLE_EQ(fused.label_text, 0.0);
  EXPECT_DOUBLE_EQ(fused.quality.p1, 1.0);
}

TEST(FusionTest, WithoutDocumentsWeightsAreEqual) {
  const FusionWeights weights = FitFusion({}, SparseRows(), {}, 0, RankingObjective::kBalanced);
  EXPECT_DOUBLE_EQ(weights.encoder, 0.5);
  EXPECT_DOUBLE_EQ(weights.classifier, 0.5);
}

TEST(ValidationTest, CandidatesEqualTheFullSort) {
  NaiveBackend backend;
  constexpr std::uint32_t kDim = 8;
  constexpr std::size_t kDocuments = 300;  // more than one block
  constexpr std::uint32_t kLabels = 70;
  Random random(3);
  const auto vectors = [&](std::size_t size) {
    std::vector<float> values(size);
    for (float& value : values) {
      value = static_cast<float>(random.Normal());
    }
    return values;
  };
  RankingTask task;
  task.embeddings = vectors(kDocuments * kDim);
  for (std::uint32_t d = 0; d < kDocuments; ++d) {
    task.truth.columns.push_back(d % kLabels);
    task.truth.offsets.push_back(d + 1);
    // The own label is a positive of every third document.
    const std::uint32_t own = d % 3 == 0 ? d % kLabels : (d + 1) % kLabels;
    const std::vector<std::uint32_t> positives{d % kLabels};
    AppendIgnored(own, positives, {}, &task.ignored);
  }
  const std::vector<float> encoder = vectors(kLabels * kDim);
  const std::vector<float> classifier = vectors(kLabels * kDim);
  const auto candidates =
      FindCandidates(task, {encoder, classifier, kDim}, 10, 2, backend, TrainingControl());
  ASSERT_TRUE(candidates.ok()) << candidates.status().ToString();
  for (const double weight : {1.0, 0.0, 0.5}) {
    const auto ranked = RankCandidates(*candidates, {weight, 1 - weight}, 10);
    for (std::size_t d = 0; d < kDocuments; ++d) {
      std::vector<std::pair<double, std::uint32_t>> all;
      const auto ignored = RowColumns(task.ignored, d);
      for (std::uint32_t label = 0; label < kLabels; ++label) {
        if (std::count(ignored.begin(), ignored.end(), label) > 0) {
          continue;
        }
        double score = 0;
        for (std::uint32_t i = 0; i < kDim; ++i) {
          score += task.embeddings[d * kDim + i] * (weight * encoder[label * kDim + i] +
                                                    (1 - weight) * classifier[label * kDim + i]);
        }
        all.emplace_back(-score, label);
      }
      std::sort(all.begin(), all.end());
      std::vector<std::uint32_t> expected;
      for (std::size_t i = 0; i < 10; ++i) {
        expected.push_back(all[i].second);
      }
      EXPECT_EQ(ranked[d], expected) << "document " << d << ", weight " << weight;
    }
  }
}

TEST(ValidationTest, TiesGoToTheLowerLabel) {
  const std::vector<std::vector<LabelCandidate>> candidates{
      {{3, 0.5F, 0}, {5, 0.5F, 0}, {9, 0.7F, 0}}};
  EXPECT_EQ(RankCandidates(candidates, {1, 0}, 5)[0], (std::vector<std::uint32_t>{9, 3, 5}));
}

TrainingTask TaskWithSingletons(std::uint32_t num_documents) {
  TrainingTask task;
  task.vocabulary_size = 1;
  for (std::uint32_t d = 0; d < num_documents; ++d) {
    // Label 0 is everybody's, label 1 + d one document's. Every tenth document has no text, every
    // eleventh no label.
    if (d % 10 != 9) {
      task.document_tokens.columns.push_back(0);
    }
    task.document_tokens.offsets.push_back(task.document_tokens.columns.size());
    if (d % 11 != 10) {
      task.relevance.columns.push_back(0);
      task.relevance.columns.push_back(1 + d);
    }
    task.relevance.offsets.push_back(task.relevance.columns.size());
    task.own_label.push_back(1 + (d + 1) % num_documents);
  }
  task.label_tokens.offsets.assign(num_documents + 2, 0);
  return task;
}

TEST(HoldOutTest, SplitsUsableDocumentsAndForgetsLabelsThatTrainingNeverSees) {
  const TrainingTask task = TaskWithSingletons(1000);
  const HoldOut split = SplitHoldOut(task, 0.05, 3000, 1);
  std::size_t num_usable = 0;
  for (std::uint32_t d = 0; d < 1000; ++d) {
    num_usable += d % 10 != 9 && d % 11 != 10 ? 1 : 0;
  }
  EXPECT_EQ(split.validation.size(), num_usable / 10);  // a tenth of a small set
  EXPECT_EQ(split.training.size() + split.validation.size(), num_usable);
  for (std::size_t i = 0; i < split.validation.size(); ++i) {
    const std::uint32_t document = split.validation[i];
    EXPECT_NE(document % 10, 9U);
    EXPECT_NE(document % 11, 10U);
    EXPECT_FALSE(std::binary_search(split.training.begin(), split.training.end(), document));
    const auto truth = RowColumns(split.truth, i);
    EXPECT_EQ(std::vector<std::uint32_t>(truth.begin(), truth.end()),
              std::vector<std::uint32_t>{0});
    const auto ignored = RowColumns(split.ignored, i);
    std::vector<std::uint32_t> expected{1 + document, task.own_label[document]};
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(std::vector<std::uint32_t>(ignored.begin(), ignored.end()), expected);
  }
}

TEST(HoldOutTest, KeepsUntaughtLabelsWhereManyLabelsWaitForDocuments) {
  TrainingTask task = TaskWithSingletons(1000);
  task.label_tokens.offsets.resize(task.label_tokens.offsets.size() + 1000, 0);
  const HoldOut split = SplitHoldOut(task, 0.05, 3000, 1);
  ASSERT_GT(split.validation.size(), 0U);
  for (std::size_t i = 0; i < split.validation.size(); ++i) {
    const std::uint32_t document = split.validation[i];
    const auto truth = RowColumns(split.truth, i);
    EXPECT_EQ(std::vector<std::uint32_t>(truth.begin(), truth.end()),
              (std::vector<std::uint32_t>{0, 1 + document}));
    const auto ignored = RowColumns(split.ignored, i);
    EXPECT_EQ(std::vector<std::uint32_t>(ignored.begin(), ignored.end()),
              std::vector<std::uint32_t>{task.own_label[document]});
  }
}

TEST(HoldOutTest, SizesFollowShareAndLimits) {
  const TrainingTask task = TaskWithSingletons(20000);
  const std::size_t usable = SplitHoldOut(task, 0, 3000, 1).training.size();
  EXPECT_EQ(SplitHoldOut(task, 0, 3000, 1).validation.size(), 0U);
  EXPECT_EQ(SplitHoldOut(task, 0.05, 3000, 1).validation.size(), usable / 20);
  EXPECT_EQ(SplitHoldOut(task, 0.05, 500, 1).validation.size(), 500U);
  EXPECT_EQ(SplitHoldOut(task, 0.05, 3000, 1).validation,
            SplitHoldOut(task, 0.05, 3000, 1).validation);
  EXPECT_NE(SplitHoldOut(task, 0.05, 3000, 1).validation,
            SplitHoldOut(task, 0.05, 3000, 2).validation);
}

TEST(HoldOutTest, TheUsersRuleDecidesWhichDocumentsAreHeldOut) {
  TrainingTask task = TaskWithSingletons(1000);
  task.held_out = std::vector<std::uint32_t>{3, 9, 10, 500, 999};  // 9 and 10 and 999 are unusable
  const HoldOut split = SplitHoldOut(task, 0.05, 3000, 1);
  EXPECT_EQ(split.validation, (std::vector<std::uint32_t>{3, 500}));
  EXPECT_EQ(split.training.size() + 2, split.all.size());
  EXPECT_TRUE(std::binary_search(split.all.begin(), split.all.end(), 500U));
  EXPECT_FALSE(std::binary_search(split.training.begin(), split.training.end(), 500U));
}

TEST(HoldOutTest, HeldOutDocumentsBeyondTheLimitTeachNothing) {
  TrainingTask task = TaskWithSingletons(1000);
  task.held_out.emplace();
  for (std::uint32_t d = 500; d < 1000; ++d) {
    task.held_out->push_back(d);
  }
  const HoldOut split = SplitHoldOut(task, 0.05, 100, 1);
  EXPECT_EQ(split.validation.size(), 100U);
  EXPECT_TRUE(std::is_sorted(split.validation.begin(), split.validation.end()));
  EXPECT_LT(split.training.back(), 500U);
  EXPECT_GE(split.validation.front(), 500U);
}

TEST(RankingObjectiveTest, WeighsHeadAndTail) {
  const RankingQuality quality{0.5, 0.25, 0.125, 0.0625, 0.03125};
  EXPECT_DOUBLE_EQ(quality.ValueFor(RankingObjective::kBalanced), 0.5 + 0.125 + 0.03125);
  EXPECT_DOUBLE_EQ(quality.ValueFor(RankingObjective::kHead), 0.5 + 0.125);
  EXPECT_DOUBLE_EQ(quality.ValueFor(RankingObjective::kTail), 0.0625 + 0.03125);
}

}  // namespace
}  // namespace dashi::trainer
