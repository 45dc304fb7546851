#include "trainer/ranker/sparse_ranker_training.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Labels between two looks at the clock and at cancellation.
constexpr std::size_t kLabelsPerRound = 4096;
// Labels that a thread takes at once.
constexpr std::size_t kLabelsPerChunk = 256;
// Tries at drawing a random document that does not carry the label.
constexpr int kDrawsMax = 4;

/// For each label, the documents that have it, ascending.  Shape: rows [num_labels].
SparseRows GroupByLabel(std::size_t num_labels, std::span<const std::uint32_t> documents,
                        const std::function<std::span<const std::uint32_t>(std::size_t)>& labels) {
  SparseRows groups;
  groups.offsets.assign(num_labels + 1, 0);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    for (const std::uint32_t label : labels(i)) {
      ++groups.offsets[label + std::size_t{1}];
    }
  }
  for (std::size_t label = 0; label < num_labels; ++label) {
    groups.offsets[label + 1] += groups.offsets[label];
  }
  groups.columns.resize(groups.offsets.back());
  std::vector<std::uint64_t> next(groups.offsets.begin(), groups.offsets.end() - 1);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    for (const std::uint32_t label : labels(i)) {
      groups.columns[next[label]++] = documents[i];
    }
  }
  for (std::size_t label = 0; label < num_labels; ++label) {
    std::sort(groups.columns.begin() + static_cast<std::ptrdiff_t>(groups.offsets[label]),
              groups.columns.begin() + static_cast<std::ptrdiff_t>(groups.offsets[label + 1]));
  }
  return groups;
}

/// The rows of some labels, to be joined in label order.
struct LabelWeights {
  std::vector<std::uint32_t> features;
  std::vector<std::uint16_t> weights;
  float bias = 0;
};

class RankerTraining {
 public:
  RankerTraining(const SparseRankerTask& task, const SparseRankerOptions& options)
      : task_(task),
        options_(options),
        positives_(GroupByLabel(
            task.label_features.num_rows(), task.documents,
            [&](std::size_t i) { return RowColumns(task.relevance, task.documents[i]); })),
        negatives_(GroupByLabel(task.label_features.num_rows(), task.documents, [&](std::size_t i) {
          return RowColumns(task.hard_negatives, i);
        })) {}

  LabelWeights TrainLabel(std::uint32_t label, LinearSvm* svm,
                          std::vector<SvmExample>* examples) const {
    Random random(options_.seed + label);
    GatherExamples(label, &random, examples);
    const SvmModel model = svm->Train(*examples, options_.svm, random.Next());
    LabelWeights row;
    row.bias = model.bias;
    for (std::size_t i = 0; i < model.features.size(); ++i) {
      if (std::abs(model.weights[i]) >= options_.weight_min) {
        row.features.push_back(model.features[i]);
        row.weights.push_back(0);
        index::ToHalf(&model.weights[i], &row.weights.back(), 1);
      }
    }
    return row;
  }

 private:
  void GatherExamples(std::uint32_t label, Random* random,
                      std::vector<SvmExample>* examples) const {
    examples->clear();
    const std::span<const std::uint32_t> positives = RowColumns(positives_, label);
    for (const std::uint32_t document : positives) {
      examples->push_back(ExampleOf(task_.document_features, document, /*positive=*/true));
    }
    examples->push_back(ExampleOf(task_.label_features, label, /*positive=*/true));
    for (const std::uint32_t document : RowColumns(negatives_, label)) {
      examples->push_back(ExampleOf(task_.document_features, document, /*positive=*/false));
    }
    for (std::uint32_t i = 0; i < options_.random_negatives && !task_.documents.empty(); ++i) {
      for (int draw = 0; draw < kDrawsMax; ++draw) {
        const std::uint32_t document = task_.documents[random->Uniform(task_.documents.size())];
        if (!std::binary_search(positives.begin(), positives.end(), document)) {
          examples->push_back(ExampleOf(task_.document_features, document, /*positive=*/false));
          break;
        }
      }
    }
  }

  static SvmExample ExampleOf(const SparseRows& rows, std::uint32_t row, bool positive) {
    const std::span<const std::uint32_t> columns = RowColumns(rows, row);
    return {columns, std::span(rows.values).subspan(rows.offsets[row], columns.size()), positive};
  }

  const SparseRankerTask& task_;
  const SparseRankerOptions& options_;
  const SparseRows positives_;  // [num_labels]: documents, ascending
  const SparseRows negatives_;  // [num_labels]: documents, ascending
};

}  // namespace

Result<SparseRankerWeights> TrainSparseRanker(const SparseRankerTask& task,
                                              const SparseRankerOptions& options, ThreadPool& pool,
                                              TrainingProgress& progress) {
  DASHI_CHECK(task.hard_negatives.num_rows() == task.documents.size());
  const RankerTraining training(task, options);
  const std::size_t num_labels = task.label_features.num_rows();
  SparseRankerWeights weights;
  std::vector<LabelWeights> rows;
  for (std::size_t begin = 0; begin < num_labels; begin += kLabelsPerRound) {
    DASHI_RETURN_IF_ERROR(progress.CheckStop());
    const std::size_t size = std::min(kLabelsPerRound, num_labels - begin);
    rows.assign(size, LabelWeights());
    pool.ParallelFor(size, kLabelsPerChunk, [&](std::size_t first, std::size_t last) {
      LinearSvm svm(task.num_features);
      std::vector<SvmExample> examples;
      for (std::size_t i = first; i < last; ++i) {
        rows[i] = training.TrainLabel(static_cast<std::uint32_t>(begin + i), &svm, &examples);
      }
    });
    for (const LabelWeights& row : rows) {
      weights.features.insert(weights.features.end(), row.features.begin(), row.features.end());
      weights.weights.insert(weights.weights.end(), row.weights.begin(), row.weights.end());
      weights.biases.push_back(row.bias);
      weights.offsets.push_back(weights.features.size());
    }
    progress.Advance(size);
  }
  return weights;
}

SparseRankerWeights AddLabelTexts(const SparseRankerWeights& weights,
                                  const SparseRows& label_features, double factor) {
  SparseRankerWeights sum;
  sum.biases = weights.biases;
  const auto append = [&](std::uint32_t feature, float weight) {
    sum.features.push_back(feature);
    sum.weights.push_back(0);
    index::ToHalf(&weight, &sum.weights.back(), 1);
  };
  for (std::size_t label = 0; label < weights.num_labels(); ++label) {
    std::uint64_t i = weights.offsets[label];
    std::uint64_t j = label_features.offsets[label];
    const std::uint64_t i_end = weights.offsets[label + 1];
    const std::uint64_t j_end = label_features.offsets[label + 1];
    while (i < i_end || j < j_end) {
      const bool has_learned =
          i < i_end && (j == j_end || weights.features[i] <= label_features.columns[j]);
      const bool has_text =
          j < j_end && (i == i_end || label_features.columns[j] <= weights.features[i]);
      float weight = 0;
      if (has_learned) {
        index::FromHalf(&weights.weights[i], &weight, 1);
      }
      if (has_text) {
        weight += static_cast<float>(factor) * label_features.values[j];
      }
      append(has_learned ? weights.features[i] : label_features.columns[j], weight);
      i += has_learned ? 1 : 0;
      j += has_text ? 1 : 0;
    }
    sum.offsets.push_back(sum.features.size());
  }
  return sum;
}

}  // namespace dashi::trainer
