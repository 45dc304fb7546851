#include "trainer/ngame_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kDocuments = 40;
constexpr std::uint32_t kLabels = 30;

// Label l's text is the token l, document d's the token kLabels + d, so that a batch's texts tell
// where they come from.
TrainingTask RandomTask(std::uint64_t seed) {
  Random random(seed);
  TrainingTask task;
  task.vocabulary_size = kLabels + kDocuments;
  for (std::uint32_t label = 0; label < kLabels; ++label) {
    task.label_tokens.columns.push_back(label);
    task.label_tokens.values.push_back(1);
    task.label_tokens.offsets.push_back(label + 1);
  }
  for (std::uint32_t d = 0; d < kDocuments; ++d) {
    task.document_tokens.columns.push_back(kLabels + d);
    task.document_tokens.values.push_back(1);
    task.document_tokens.offsets.push_back(d + 1);
    std::set<std::uint32_t> labels;
    for (std::uint64_t i = 0; i < 1 + random.Uniform(5); ++i) {
      labels.insert(static_cast<std::uint32_t>(random.Uniform(kLabels)));
    }
    task.relevance.columns.insert(task.relevance.columns.end(), labels.begin(), labels.end());
    task.relevance.offsets.push_back(task.relevance.columns.size());
    task.own_label.push_back(random.Uniform(3) == 0
                                 ? TrainingTask::kNoLabel
                                 : static_cast<std::uint32_t>(random.Uniform(kLabels)));
  }
  return task;
}

std::set<std::uint32_t> LabelsOf(const SparseRows& rows, std::size_t row,
                                 const std::vector<std::uint32_t>& label_of_column) {
  std::set<std::uint32_t> labels;
  for (const std::uint32_t column : RowColumns(rows, row)) {
    EXPECT_TRUE(labels.insert(label_of_column.at(column)).second) << "a column twice";
  }
  return labels;
}

// What must not count as a negative of a document, by brute force.
std::set<std::uint32_t> NoNegatives(const TrainingTask& task, std::uint32_t document,
                                    const std::vector<std::uint32_t>& columns) {
  std::set<std::uint32_t> labels;
  for (const std::uint32_t label : RowColumns(task.relevance, document)) {
    labels.insert(label);
  }
  labels.insert(task.own_label[document]);
  std::set<std::uint32_t> in_batch;
  for (const std::uint32_t label : columns) {
    if (labels.count(label) > 0) {
      in_batch.insert(label);
    }
  }
  return in_batch;
}

std::set<std::uint32_t> Union(std::set<std::uint32_t> a, const std::set<std::uint32_t>& b) {
  a.insert(b.begin(), b.end());
  return a;
}

TEST(NgameBatchesTest, EncoderBatchesHoldOnePositiveARowAndMaskWhatIsKnown) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingTask task = RandomTask(seed);
    NgameBatches batches(task);
    Random random(seed);
    std::vector<std::uint32_t> items;
    for (std::uint32_t item = 0; item < kDocuments + kLabels; ++item) {
      if (random.Uniform(2) == 0) {
        items.push_back(item);
      }
    }
    const EncoderBatch batch = batches.ForEncoder(items, LossOptions(), random);
    ASSERT_EQ(batch.terms.size(), 1U);
    const ContrastiveTerm& term = batch.terms.front();
    ASSERT_EQ(term.rows.size(), items.size());
    ASSERT_EQ(term.positives.num_rows(), items.size());
    ASSERT_EQ(term.masked.num_rows(), items.size());
    const auto token_of = [&](std::uint32_t text) { return RowColumns(batch.texts, text)[0]; };
    std::vector<std::uint32_t> labels;
    for (const std::uint32_t column : term.columns) {
      labels.push_back(token_of(column));
    }
    EXPECT_TRUE(std::is_sorted(labels.begin(), labels.end()));
    EXPECT_EQ(std::set<std::uint32_t>(labels.begin(), labels.end()).size(), labels.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto positives = LabelsOf(term.positives, i, labels);
      const auto masked = LabelsOf(term.masked, i, labels);
      ASSERT_EQ(positives.size(), 1U);
      EXPECT_EQ(masked.count(*positives.begin()), 0U);
      if (items[i] >= kDocuments) {
        EXPECT_EQ(token_of(term.rows[i]), items[i] - kDocuments);
        EXPECT_EQ(*positives.begin(), items[i] - kDocuments);
        EXPECT_TRUE(masked.empty());
      } else {
        EXPECT_EQ(token_of(term.rows[i]), kLabels + items[i]);
        const auto known = RowColumns(task.relevance, items[i]);
        EXPECT_TRUE(std::binary_search(known.begin(), known.end(), *positives.begin()));
        EXPECT_EQ(Union(positives, masked), NoNegatives(task, items[i], labels));
      }
    }
  }
}

TEST(NgameBatchesTest, EncoderBatchesDrawEveryPositive) {
  const TrainingTask task = RandomTask(3);
  NgameBatches batches(task);
  Random random(4);
  const auto known = RowColumns(task.relevance, 0);
  std::set<std::uint32_t> drawn;
  for (int i = 0; i < 200; ++i) {
    const std::vector<std::uint32_t> items{0};
    drawn.insert(batches.ForEncoder(items, LossOptions(), random).texts.columns[0]);
  }
  EXPECT_EQ(drawn, std::set<std::uint32_t>(known.begin(), known.end()));
}

TEST(NgameBatchesTest, ClassifierBatchesHoldAllPositivesAndRandomLabels) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingTask task = RandomTask(seed);
    NgameBatches batches(task);
    Random random(seed);
    const std::vector<std::uint32_t> documents{3, 17, 4};
    std::set<std::uint32_t> positives;
    for (const std::uint32_t document : documents) {
      const auto known = RowColumns(task.relevance, document);
      positives.insert(known.begin(), known.end());
    }
    for (const std::uint32_t random_labels : {0U, 5U, kLabels, 1000000U}) {
      const ClassifierBatch batch = batches.ForClassifier(documents, {}, random_labels, random);
      const std::set<std::uint32_t> columns(batch.columns.begin(), batch.columns.end());
      EXPECT_EQ(columns.size(), batch.columns.size()) << "a column twice";
      EXPECT_EQ(batch.columns.size(),
                std::min<std::size_t>(kLabels, positives.size() + random_labels));
      EXPECT_TRUE(
          std::includes(columns.begin(), columns.end(), positives.begin(), positives.end()));
      for (std::size_t i = 0; i < documents.size(); ++i) {
        EXPECT_EQ(batch.texts.columns[i], kLabels + documents[i]);
        const auto known = RowColumns(task.relevance, documents[i]);
        const auto row = LabelsOf(batch.positives, i, batch.columns);
        EXPECT_EQ(row, std::set<std::uint32_t>(known.begin(), known.end()));
        const auto masked = LabelsOf(batch.masked, i, batch.columns);
        EXPECT_EQ(Union(row, masked), NoNegatives(task, documents[i], batch.columns));
      }
    }
  }
}

TEST(NgameBatchesTest, TheBinaryLossHasAllLabelsAsColumns) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingTask task = RandomTask(seed);
    NgameBatches batches(task);
    Random random(seed);
    const std::vector<std::uint32_t> documents{3, 17, 4};
    LossOptions loss;
    loss.kind = LossKind::kBinary;
    const ClassifierBatch batch = batches.ForClassifier(documents, loss, 5, random);
    EXPECT_EQ(batch.loss.kind, LossKind::kBinary);
    EXPECT_TRUE(batch.columns.empty());
    std::vector<std::uint32_t> all(kLabels);
    std::iota(all.begin(), all.end(), 0U);
    for (std::size_t i = 0; i < documents.size(); ++i) {
      EXPECT_EQ(batch.texts.columns[i], kLabels + documents[i]);
      const auto known = RowColumns(task.relevance, documents[i]);
      const auto row = LabelsOf(batch.positives, i, all);
      EXPECT_EQ(row, std::set<std::uint32_t>(known.begin(), known.end()));
      EXPECT_EQ(Union(row, LabelsOf(batch.masked, i, all)), NoNegatives(task, documents[i], all));
    }
  }
}

// Weights 1 to 10 of labels.
TrainingTask WeighedTask(std::uint64_t seed) {
  TrainingTask task = RandomTask(seed);
  for (std::uint32_t label = 0; label < kLabels; ++label) {
    task.label_weights.push_back(static_cast<float>(1 + label % 10));
  }
  return task;
}

// The document with the most positives.
std::uint32_t WidestDocument(const TrainingTask& task) {
  std::uint32_t widest = 0;
  for (std::uint32_t d = 1; d < kDocuments; ++d) {
    if (RowColumns(task.relevance, d).size() > RowColumns(task.relevance, widest).size()) {
      widest = d;
    }
  }
  EXPECT_GE(RowColumns(task.relevance, widest).size(), 3U);
  return widest;
}

double MeanWeight(const TrainingTask& task, std::uint32_t document) {
  double sum = 0;
  for (const std::uint32_t label : RowColumns(task.relevance, document)) {
    sum += double{task.label_weights[label]};
  }
  return sum / static_cast<double>(RowColumns(task.relevance, document).size());
}

TEST(NgameBatchesTest, PositivesAreDrawnByTheirWeights) {
  const TrainingTask task = WeighedTask(3);
  const std::uint32_t document = WidestDocument(task);
  const auto known = RowColumns(task.relevance, document);
  NgameBatches batches(task);
  Random random(4);
  constexpr int kDraws = 20'000;
  std::vector<double> drawn(kLabels, 0.0);
  const std::vector<std::uint32_t> items{document, kDocuments + 1};
  for (int i = 0; i < kDraws; ++i) {
    const EncoderBatch batch = batches.ForEncoder(items, LossOptions(), random);
    const ContrastiveTerm& term = batch.terms[0];
    drawn[RowColumns(batch.texts, term.columns[term.positives.columns[0]])[0]] += 1.0 / kDraws;
    ASSERT_EQ(term.row_weights.size(), 2U);
    ASSERT_NEAR(term.row_weights[0], MeanWeight(task, document), 1e-5);
    ASSERT_EQ(term.row_weights[1], 1.0F) << "a label's own text is no click";
  }
  for (const std::uint32_t label : known) {
    const double share = double{task.label_weights[label]} /
                         (MeanWeight(task, document) * static_cast<double>(known.size()));
    EXPECT_NEAR(drawn[label], share, 5 * std::sqrt(share / kDraws)) << label;
  }
}

TEST(NgameBatchesTest, ClassifierRowsKeepPositivesByTheirWeightsAndMaskTheOthers) {
  const TrainingTask task = WeighedTask(3);
  const std::uint32_t document = WidestDocument(task);
  const auto known = RowColumns(task.relevance, document);
  const std::set<std::uint32_t> all(known.begin(), known.end());
  float heaviest = 0;
  for (const std::uint32_t label : known) {
    heaviest = std::max(heaviest, task.label_weights[label]);
  }
  NgameBatches batches(task);
  Random random(5);
  std::vector<std::uint32_t> identity(kLabels);
  std::iota(identity.begin(), identity.end(), 0U);
  for (const LossKind kind : {LossKind::kSoftmax, LossKind::kBinary}) {
    SCOPED_TRACE(static_cast<int>(kind));
    constexpr int kDraws = 20'000;
    std::vector<double> kept(kLabels, 0.0);
    LossOptions loss;
    loss.kind = kind;
    for (int i = 0; i < kDraws; ++i) {
      const ClassifierBatch batch =
          batches.ForClassifier(std::vector<std::uint32_t>{document}, loss, 0, random);
      const auto& columns = kind == LossKind::kBinary ? identity : batch.columns;
      const auto positives = LabelsOf(batch.positives, 0, columns);
      for (const std::uint32_t label : positives) {
        kept[label] += 1.0 / kDraws;
      }
      ASSERT_EQ(Union(positives, LabelsOf(batch.masked, 0, columns)),
                NoNegatives(task, document, columns));
      ASSERT_EQ(batch.row_weights.size(), 1U);
      ASSERT_NEAR(batch.row_weights[0], MeanWeight(task, document), 1e-5);
    }
    for (const std::uint32_t label : known) {
      const double share = double{task.label_weights[label]} / double{heaviest};
      EXPECT_NEAR(kept[label], share, 5 * std::sqrt(share / kDraws)) << label;
    }
  }
}

TEST(SparseRowsTest, SelectKeepsOrderAndValues) {
  SparseRows rows;
  rows.offsets = {0, 2, 2, 3};
  rows.columns = {1, 4, 0};
  rows.values = {0.5F, 0.25F, 1.0F};
  const SparseRows selected = SelectRows(rows, std::vector<std::uint32_t>{2, 1, 0, 2});
  EXPECT_EQ(selected.offsets, (std::vector<std::uint64_t>{0, 1, 1, 3, 4}));
  EXPECT_EQ(selected.columns, (std::vector<std::uint32_t>{0, 1, 4, 0}));
  EXPECT_EQ(selected.values, (std::vector<float>{1.0F, 0.5F, 0.25F, 1.0F}));
}

}  // namespace
}  // namespace dashi::trainer
