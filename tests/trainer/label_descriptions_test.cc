#include "trainer/label_descriptions.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

void AppendTo(SparseRows* rows, const std::vector<std::uint32_t>& columns,
              const std::vector<float>& values) {
  rows->columns.insert(rows->columns.end(), columns.begin(), columns.end());
  rows->values.insert(rows->values.end(), values.begin(), values.end());
  rows->offsets.push_back(rows->columns.size());
}

// Labels 0 and 2 have no text; nobody carries label 2.
TrainingTask ThreeLabels() {
  TrainingTask task;
  task.vocabulary_size = 200;
  AppendTo(&task.label_tokens, {}, {});
  AppendTo(&task.label_tokens, {7}, {1});
  AppendTo(&task.label_tokens, {}, {});
  AppendTo(&task.document_tokens, {1, 3}, {0.6F, 0.8F});
  AppendTo(&task.document_tokens, {3, 5}, {0.8F, 0.6F});
  AppendTo(&task.document_tokens, {9}, {1});
  for (const std::vector<std::uint32_t>& labels : {std::vector<std::uint32_t>{0, 1}, {0}, {0, 1}}) {
    task.relevance.columns.insert(task.relevance.columns.end(), labels.begin(), labels.end());
    task.relevance.offsets.push_back(task.relevance.columns.size());
  }
  return task;
}

TEST(LabelDescriptionsTest, ALabelWithoutTextIsTheMeanOfItsTrainingDocuments) {
  const SparseRows described = DescribeLabels(ThreeLabels(), std::vector<std::uint32_t>{0, 1});
  ASSERT_EQ(described.num_rows(), 3U);
  const auto first = RowColumns(described, 0);
  EXPECT_EQ(std::vector<std::uint32_t>(first.begin(), first.end()),
            (std::vector<std::uint32_t>{1, 3, 5}));
  const float norm = std::sqrt(0.6F * 0.6F + 1.6F * 1.6F + 0.6F * 0.6F);
  EXPECT_FLOAT_EQ(described.values[0], 0.6F / norm);
  EXPECT_FLOAT_EQ(described.values[1], 1.6F / norm);
  EXPECT_FLOAT_EQ(described.values[2], 0.6F / norm);
  const auto second = RowColumns(described, 1);
  EXPECT_EQ(std::vector<std::uint32_t>(second.begin(), second.end()),
            std::vector<std::uint32_t>{7});
  EXPECT_TRUE(RowColumns(described, 2).empty());
}

TEST(LabelDescriptionsTest, KeepsTheHeaviestTokens) {
  TrainingTask task = ThreeLabels();
  task.document_tokens = SparseRows();
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  for (std::uint32_t token = 0; token < 100; ++token) {
    columns.push_back(token);
    values.push_back(static_cast<float>(token + 1));
  }
  AppendTo(&task.document_tokens, columns, values);
  AppendTo(&task.document_tokens, {}, {});
  AppendTo(&task.document_tokens, {}, {});
  const SparseRows described = DescribeLabels(task, std::vector<std::uint32_t>{0, 1, 2});
  const auto first = RowColumns(described, 0);
  ASSERT_EQ(first.size(), 64U);
  EXPECT_EQ(first.front(), 36U);
  EXPECT_EQ(first.back(), 99U);
}

}  // namespace
}  // namespace dashi::trainer
