#include "trainer/ranker/sparse_ranker_training.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Labels between two looks at the clock and at cancellation.
constexpr std::uint32_t kLabelsPerRound = 4096;
// Labels that a thread takes at once.
constexpr std::size_t kLabelsPerChunk = 256;
// Tries at drawing a random document that does not carry the label.
constexpr int kDrawsMax = 4;

/// The labels of the i-th document, ascending.
using LabelsOf = std::function<std::span<const std::uint32_t>(std::size_t i)>;

/// Labels [begin, end).
struct LabelRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  std::uint32_t size() const { return end - begin; }
};

/// How many documents each label has, over all `relations`.  Shape: result [num_labels].
std::vector<std::uint64_t> CountByLabel(std::size_t num_labels, std::size_t num_documents,
                                        std::initializer_list<LabelsOf> relations) {
  std::vector<std::uint64_t> counts(num_labels, 0);
  for (const LabelsOf& labels : relations) {
    for (std::size_t i = 0; i < num_documents; ++i) {
      for (const std::uint32_t label : labels(i)) {
        ++counts[label];
      }
    }
  }
  return counts;
}

/// For each label of the range, the documents that have it, ascending.  Shape: rows [range.size()].
SparseRows GroupByLabel(const LabelRange& range, std::span<const std::uint32_t> documents,
                        const LabelsOf& labels) {
  const auto in_range = [&](std::size_t i) {
    const std::span<const std::uint32_t> all = labels(i);
    const auto first = std::lower_bound(all.begin(), all.end(), range.begin);
    return std::span<const std::uint32_t>(first, std::lower_bound(first, all.end(), range.end));
  };
  std::vector<std::uint64_t> offsets(range.size() + std::size_t{1}, 0);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    for (const std::uint32_t label : in_range(i)) {
      ++offsets[label - range.begin + std::size_t{1}];
    }
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<std::uint32_t> columns(offsets.back());
  std::vector<std::uint64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    for (const std::uint32_t label : in_range(i)) {
      columns[next[label - range.begin]++] = documents[i];
    }
  }
  for (std::size_t label = 0; label < range.size(); ++label) {
    std::sort(columns.begin() + static_cast<std::ptrdiff_t>(offsets[label]),
              columns.begin() + static_cast<std::ptrdiff_t>(offsets[label + 1]));
  }
  return {std::move(offsets), std::move(columns), {}};
}

/// The rows of some labels, to be joined in label order.
struct LabelWeights {
  std::vector<std::uint32_t> features;
  std::vector<std::uint16_t> weights;
  float bias = 0;
};

/// Trains the labels of a range, whose documents it holds.
class RankerTraining {
 public:
  RankerTraining(const SparseRankerTask& task, const SparseRankerOptions& options,
                 const LabelRange& range)
      : task_(task),
        options_(options),
        range_(range),
        positives_(GroupByLabel(range, task.documents, PositivesOf(task))),
        negatives_(GroupByLabel(range, task.documents, NegativesOf(task))) {}

  static LabelsOf PositivesOf(const SparseRankerTask& task) {
    return [&task](std::size_t i) { return RowColumns(task.relevance, task.documents[i]); };
  }
  static LabelsOf NegativesOf(const SparseRankerTask& task) {
    return [&task](std::size_t i) { return RowColumns(task.hard_negatives, i); };
  }

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
    const std::span<const std::uint32_t> positives = RowColumns(positives_, label - range_.begin);
    for (const std::uint32_t document : positives) {
      examples->push_back(ExampleOf(task_.document_features, document, /*positive=*/true));
    }
    examples->push_back(ExampleOf(task_.label_features, label, /*positive=*/true));
    for (const std::uint32_t document : RowColumns(negatives_, label - range_.begin)) {
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
  const LabelRange range_;
  const SparseRows positives_;  // [range.size()]: documents, ascending
  const SparseRows negatives_;  // [range.size()]: documents, ascending
};

/// Trains the labels of one range and appends their rows.
Status TrainRange(const SparseRankerTask& task, const SparseRankerOptions& options,
                  const LabelRange& range, ThreadPool& pool, TrainingProgress& progress,
                  SparseRankerWeights* weights) {
  const RankerTraining training(task, options, range);
  std::vector<LabelWeights> rows;
  for (std::uint32_t begin = range.begin; begin < range.end; begin += kLabelsPerRound) {
    DASHI_RETURN_IF_ERROR(progress.CheckStop());
    const std::uint32_t size = std::min(kLabelsPerRound, range.end - begin);
    rows.assign(size, LabelWeights());
    pool.ParallelFor(size, kLabelsPerChunk, [&](std::size_t first, std::size_t last) {
      LinearSvm svm(task.num_features);
      std::vector<SvmExample> examples;
      for (std::size_t i = first; i < last; ++i) {
        rows[i] = training.TrainLabel(begin + static_cast<std::uint32_t>(i), &svm, &examples);
      }
    });
    for (const LabelWeights& row : rows) {
      weights->features.insert(weights->features.end(), row.features.begin(), row.features.end());
      weights->weights.insert(weights->weights.end(), row.weights.begin(), row.weights.end());
      weights->biases.push_back(row.bias);
      weights->offsets.push_back(weights->features.size());
    }
    progress.Advance(size);
  }
  return Status();
}

}  // namespace

Result<SparseRankerWeights> TrainSparseRanker(const SparseRankerTask& task,
                                              const SparseRankerOptions& options, ThreadPool& pool,
                                              TrainingProgress& progress) {
  DASHI_CHECK(task.hard_negatives.num_rows() == task.documents.size());
  const std::size_t num_labels = task.label_features.num_rows();
  const std::vector<std::uint64_t> counts =
      CountByLabel(num_labels, task.documents.size(),
                   {RankerTraining::PositivesOf(task), RankerTraining::NegativesOf(task)});
  SparseRankerWeights weights;
  LabelRange range;
  while (range.begin < num_labels) {
    std::uint64_t num_pairs = counts[range.end++];
    while (range.end < num_labels && num_pairs + counts[range.end] <= options.pairs_at_once) {
      num_pairs += counts[range.end++];
    }
    DASHI_RETURN_IF_ERROR(TrainRange(task, options, range, pool, progress, &weights));
    range.begin = range.end;
  }
  return weights;
}

SparseRankerWeights AddLabelTexts(const SparseRankerWeights& weights,
                                  const SparseRows& label_features, double factor) {
  SparseRankerWeights sum;
  sum.biases = weights.biases;
  sum.word_candidates = weights.word_candidates;
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
