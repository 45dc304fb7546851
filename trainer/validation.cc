#include "trainer/validation.h"

#include <algorithm>

#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/evaluation/metrics.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Documents of one matrix product: bounds the score block to 256 x labels.
constexpr std::size_t kBlockDocuments = 256;

struct ScoredLabel {
  float score;
  std::uint32_t label;
};

bool Better(const ScoredLabel& a, const ScoredLabel& b) {
  return a.score != b.score ? a.score > b.score : a.label < b.label;
}

// Appends the labels of the k best scores.
template <typename Score>
void AppendBest(std::size_t num_labels, std::size_t k, const Score& score,
                std::vector<ScoredLabel>* heap, std::vector<std::uint32_t>* best) {
  heap->clear();
  for (std::size_t label = 0; label < num_labels; ++label) {
    const ScoredLabel entry{score(label), static_cast<std::uint32_t>(label)};
    if (heap->size() < k) {
      heap->push_back(entry);
      std::push_heap(heap->begin(), heap->end(), Better);
    } else if (entry.score > heap->front().score) {
      std::pop_heap(heap->begin(), heap->end(), Better);
      heap->back() = entry;
      std::push_heap(heap->begin(), heap->end(), Better);
    }
  }
  for (const ScoredLabel& entry : *heap) {
    best->push_back(entry.label);
  }
}

// Candidates of one document from its score rows; `classifier` may be null.
std::vector<LabelCandidate> Select(const float* encoder, const float* classifier,
                                   std::size_t num_labels, std::size_t k,
                                   std::span<const std::uint32_t> ignored) {
  std::vector<ScoredLabel> heap;
  std::vector<std::uint32_t> labels;
  AppendBest(
      num_labels, k, [&](std::size_t l) { return encoder[l]; }, &heap, &labels);
  if (classifier != nullptr) {
    AppendBest(
        num_labels, k, [&](std::size_t l) { return classifier[l]; }, &heap, &labels);
    AppendBest(
        num_labels, k, [&](std::size_t l) { return encoder[l] + classifier[l]; }, &heap, &labels);
  }
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  std::vector<LabelCandidate> candidates;
  candidates.reserve(labels.size());
  for (const std::uint32_t label : labels) {
    if (!std::binary_search(ignored.begin(), ignored.end(), label)) {
      LabelCandidate candidate;
      candidate.label = label;
      candidate.encoder = encoder[label];
      candidate.classifier = classifier == nullptr ? 0 : classifier[label];
      candidates.push_back(candidate);
    }
  }
  return candidates;
}

}  // namespace

void AppendIgnored(std::uint32_t own_label, std::span<const std::uint32_t> positives,
                   std::span<const std::uint32_t> others, SparseRows* ignored) {
  const auto first = static_cast<std::ptrdiff_t>(ignored->columns.size());
  ignored->columns.insert(ignored->columns.end(), others.begin(), others.end());
  if (own_label != TrainingTask::kNoLabel &&
      !std::binary_search(positives.begin(), positives.end(), own_label)) {
    ignored->columns.push_back(own_label);
  }
  std::sort(ignored->columns.own() + first, ignored->columns.own() + ignored->columns.size());
  ignored->offsets.push_back(ignored->columns.size());
}

Result<std::vector<std::vector<LabelCandidate>>> FindCandidates(
    const RankingTask& task, const LabelVectors& labels, std::size_t num_candidates,
    int num_threads, TensorBackend& backend, const TrainingControl& control) {
  const std::size_t num_documents = task.truth.num_rows();
  const std::size_t num_labels = labels.embeddings.size() / labels.dim;
  const bool has_classifiers = !labels.classifiers.empty();
  ThreadPool pool(num_threads);
  std::vector<float> encoder(std::min(kBlockDocuments, num_documents) * num_labels);
  std::vector<float> classifier(has_classifiers ? encoder.size() : 0);
  std::vector<std::vector<LabelCandidate>> candidates(num_documents);
  for (std::size_t begin = 0; begin < num_documents; begin += kBlockDocuments) {
    if (control.should_stop && control.should_stop()) {
      return Status::Cancelled("training was cancelled");
    }
    const std::size_t rows = std::min(kBlockDocuments, num_documents - begin);
    const float* block = task.embeddings.data() + begin * labels.dim;
    DASHI_RETURN_IF_ERROR(backend.MultiplyTransposed(block, rows, labels.embeddings.data(),
                                                     num_labels, labels.dim, num_threads,
                                                     encoder.data()));
    if (has_classifiers) {
      DASHI_RETURN_IF_ERROR(backend.MultiplyTransposed(block, rows, labels.classifiers.data(),
                                                       num_labels, labels.dim, num_threads,
                                                       classifier.data()));
    }
    pool.ParallelFor(rows, 8, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        const auto ignored = RowColumns(task.ignored, begin + i);
        candidates[begin + i] =
            Select(encoder.data() + i * num_labels,
                   has_classifiers ? classifier.data() + i * num_labels : nullptr, num_labels,
                   std::min(num_candidates + ignored.size(), num_labels), ignored);
      }
    });
  }
  return candidates;
}

std::vector<std::vector<std::uint32_t>> RankCandidates(
    std::span<const std::vector<LabelCandidate>> candidates, const ScoreWeights& weights,
    std::size_t k) {
  const auto a = static_cast<float>(weights.encoder);
  const auto b = static_cast<float>(weights.classifier);
  const auto c = static_cast<float>(weights.ranker);
  const auto t = static_cast<float>(weights.label_text);
  const auto v = static_cast<float>(weights.votes);
  std::vector<std::vector<std::uint32_t>> ranked(candidates.size());
  std::vector<ScoredLabel> scored;
  for (std::size_t d = 0; d < candidates.size(); ++d) {
    scored.clear();
    for (const LabelCandidate& candidate : candidates[d]) {
      scored.push_back({a * candidate.encoder + b * candidate.classifier + c * candidate.ranker +
                            t * candidate.label_text + v * candidate.votes,
                        candidate.label});
    }
    const std::size_t count = std::min(k, scored.size());
    std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(count),
                      scored.end(), Better);
    for (std::size_t i = 0; i < count; ++i) {
      ranked[d].push_back(scored[i].label);
    }
  }
  return ranked;
}

double RankingQuality::ValueFor(RankingObjective objective) const {
  switch (objective) {
    case RankingObjective::kHead:
      return p1 + ndcg5;
    case RankingObjective::kTail:
      return psp1 + psp5;
    case RankingObjective::kBalanced:
      break;
  }
  return p1 + ndcg5 + psp5;
}

RankingQuality MeasureRankings(std::span<const std::vector<std::uint32_t>> ranked,
                               const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                               std::uint64_t num_training_documents) {
  const std::vector<double> inverse_propensities =
      InversePropensities(label_counts, num_training_documents, PropensityModel());
  EvaluationOptions options;
  options.ks = {1, 5};
  options.num_bootstrap = 0;
  RankingQuality quality;
  for (const MetricValue& value :
       EvaluateRankings(ranked, truth, inverse_propensities, label_counts, options)) {
    if (value.slice != "all") {
      continue;
    }
    if (value.metric == Metric::kPrecision) {
      (value.k == 1 ? quality.p1 : quality.p5) = value.value;
    } else if (value.metric == Metric::kPsp) {
      (value.k == 1 ? quality.psp1 : quality.psp5) = value.value;
    } else if (value.metric == Metric::kNdcg && value.k == 5) {
      quality.ndcg5 = value.value;
    }
  }
  return quality;
}

std::vector<std::uint64_t> CountLabels(const SparseRows& relevance, std::size_t num_labels) {
  std::vector<std::uint64_t> counts(num_labels, 0);
  for (const std::uint32_t label : relevance.columns) {
    ++counts[label];
  }
  return counts;
}

}  // namespace dashi::trainer
