#include "trainer/estimate/ranker_trial.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ranker/sparse_ranker_training.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kTrialSeed = 20;
constexpr std::size_t kLabels = 256;  // as many as a thread takes at once

/// The documents of each label.
std::vector<std::vector<std::uint32_t>> DocumentsOf(const TrainingTask& task) {
  std::vector<std::vector<std::uint32_t>> documents(task.label_tokens.num_rows());
  for (std::uint32_t document = 0; document < task.relevance.num_rows(); ++document) {
    for (const std::uint32_t label : RowColumns(task.relevance, document)) {
      documents[label].push_back(document);
    }
  }
  return documents;
}

/// Documents of other labels of the label's documents, then any, none of them its own.
std::vector<std::uint32_t> Negatives(const TrainingTask& task,
                                     const std::vector<std::vector<std::uint32_t>>& documents,
                                     std::uint32_t label, std::size_t count, Random* random) {
  const std::vector<std::uint32_t>& own = documents[label];
  std::vector<std::uint32_t> negatives;
  const auto add = [&](std::uint32_t document) {
    if (!std::binary_search(own.begin(), own.end(), document)) {
      negatives.push_back(document);
    }
  };
  for (const std::uint32_t document : own) {
    for (const std::uint32_t other : RowColumns(task.relevance, document)) {
      for (const std::uint32_t near : documents[other]) {
        if (negatives.size() < count) {
          add(near);
        }
      }
    }
  }
  for (std::size_t tries = 0; negatives.size() < count && tries < 2 * count; ++tries) {
    add(static_cast<std::uint32_t>(random->Uniform(task.relevance.num_rows())));
  }
  std::sort(negatives.begin(), negatives.end());
  negatives.erase(std::unique(negatives.begin(), negatives.end()), negatives.end());
  return negatives;
}

/// Rows by document of pairs by label, which ascend.
SparseRows Transpose(const std::vector<std::vector<std::uint32_t>>& by_label,
                     std::size_t num_documents) {
  std::vector<std::uint64_t> offsets(num_documents + 1, 0);
  for (const std::vector<std::uint32_t>& documents : by_label) {
    for (const std::uint32_t document : documents) {
      ++offsets[document + std::size_t{1}];
    }
  }
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<std::uint32_t> columns(offsets.back());
  std::vector<std::uint64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::uint32_t label = 0; label < by_label.size(); ++label) {
    for (const std::uint32_t document : by_label[label]) {
      columns[next[document]++] = label;
    }
  }
  return {std::move(offsets), std::move(columns), {}};
}

}  // namespace

Result<double> TimeRanker(const TrainingTask& task, const NgameOptions& options, ThreadPool& pool,
                          const TrainingControl& control) {
  const std::size_t num_labels = task.label_tokens.num_rows();
  const std::size_t num_documents = task.relevance.num_rows();
  const std::vector<std::vector<std::uint32_t>> documents = DocumentsOf(task);
  Random random(kTrialSeed);
  std::vector<std::uint32_t> labels(num_labels);
  std::iota(labels.begin(), labels.end(), 0U);
  random.Shuffle(std::span<std::uint32_t>(labels));
  labels.resize(std::min(num_labels, kLabels));
  std::vector<std::uint32_t> all(num_documents);
  std::iota(all.begin(), all.end(), 0U);
  const double labels_each =
      static_cast<double>(task.relevance.columns.size()) / static_cast<double>(num_documents);
  const double each = static_cast<double>(NegativesPerDocument(labels_each)) *
                      static_cast<double>(num_documents) / static_cast<double>(num_labels);
  std::vector<std::vector<std::uint32_t>> positives;
  std::vector<std::vector<std::uint32_t>> negatives;
  for (const std::uint32_t label : labels) {
    positives.push_back(documents[label]);
    negatives.push_back(
        Negatives(task, documents, label, static_cast<std::size_t>(std::ceil(each)), &random));
  }
  const SparseRows relevance = Transpose(positives, num_documents);
  const SparseRows hard = Transpose(negatives, num_documents);
  const SparseRows label_features = SelectRows(task.label_features, labels);
  TrainingControl quiet;
  quiet.should_stop = control.should_stop;
  SparseRankerOptions stage = options.sparse_ranker;
  stage.random_negatives = RandomNegativesPerLabel(num_documents, num_labels);
  const Stopwatch since_start;
  TrainingProgress progress(quiet, "", labels.size(), "labels", since_start);
  ThreadPool one(1);
  DASHI_RETURN_IF_ERROR(TrainSparseRanker({task.document_features, label_features, relevance,
                                           task.num_features, all, hard},
                                          stage, one, progress)
                            .status());
  return since_start.Seconds() / static_cast<double>(labels.size()) / pool.num_threads();
}

}  // namespace dashi::trainer
