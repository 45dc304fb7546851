#include "trainer/ngame_ranker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "index/vector_index.h"
#include "trainer/ranker/label_shortlists.h"
#include "trainer/scratch/row_writer.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Hard negatives of a document, for each label that it has, and their bounds.
constexpr double kNegativesPerLabel = 20;
constexpr double kNegativesMin = 40;
constexpr double kNegativesMax = 150;
// Random negatives of a label for each document that it would have if each had one label.
constexpr double kRandomPerLabelDocuments = 2.5;
constexpr std::uint32_t kRandomMin = 10;
constexpr std::uint32_t kRandomMax = 100;
// Where labels have so many documents each, on average, they may bear a weaker norm.
constexpr std::size_t kManyDocuments = 20;
constexpr double kStrongerC = 4.0;
// Documents whose embeddings and shortlists are held at once.
constexpr std::size_t kChunkDocuments = 4096;

double LabelsPerDocument(const TrainingTask& task, std::span<const std::uint32_t> documents) {
  std::size_t num_pairs = 0;
  for (const std::uint32_t document : documents) {
    num_pairs += RowColumns(task.relevance, document).size();
  }
  return static_cast<double>(num_pairs) /
         static_cast<double>(std::max<std::size_t>(documents.size(), 1));
}

/// A document's labels and its own page, none of which is wrong for it.
void AppendRight(const TrainingTask& task, std::uint32_t document, SparseRows* ignored) {
  const auto positives = RowColumns(task.relevance, document);
  AppendIgnored(task.own_label[document], positives, positives, ignored);
}

Result<SparseRows> FindHardNegatives(const TrainingTask& task,
                                     std::span<const std::uint32_t> documents, std::uint32_t dim,
                                     EncoderModule& module, LabelShortlists& shortlists,
                                     ScratchSpace* scratch, TrainingProgress& progress) {
  const std::size_t size = NegativesPerDocument(LabelsPerDocument(task, documents));
  RowWriter negatives(scratch);
  for (std::size_t begin = 0; begin < documents.size(); begin += kChunkDocuments) {
    DASHI_RETURN_IF_ERROR(progress.CheckStop());
    const auto chunk =
        documents.subspan(begin, std::min(kChunkDocuments, documents.size() - begin));
    RankingTask ranking;
    for (const std::uint32_t document : chunk) {
      AppendRight(task, document, &ranking.ignored);
    }
    ranking.truth.offsets.assign(chunk.size() + 1, 0);
    ranking.embeddings.resize(chunk.size() * dim);
    DASHI_RETURN_IF_ERROR(
        module.Encode(SelectRows(task.document_tokens, chunk), ranking.embeddings.data()));
    SparseRows found;
    DASHI_RETURN_IF_ERROR(shortlists.Append(ranking, size, &found));
    DASHI_RETURN_IF_ERROR(negatives.Append(found));
    progress.Advance(chunk.size());
  }
  return negatives.Finish();
}

/// <the only row of `text`, row `label` of `labels`>
float Product(const SparseRows& text, const SparseRows& labels, std::uint32_t label) {
  float sum = 0;
  auto from = text.columns.begin();
  for (std::uint64_t i = labels.offsets[label]; i < labels.offsets[label + std::size_t{1}]; ++i) {
    from = std::lower_bound(from, text.columns.end(), labels.columns[i]);
    if (from == text.columns.end()) {
      break;
    }
    if (*from == labels.columns[i]) {
      sum += labels.values[i] * text.values[static_cast<std::size_t>(from - text.columns.begin())];
    }
  }
  return sum;
}

}  // namespace

std::size_t NegativesPerDocument(double labels_per_document) {
  return static_cast<std::size_t>(std::clamp(std::round(kNegativesPerLabel * labels_per_document),
                                             kNegativesMin, kNegativesMax));
}

std::vector<double> RankerTries(double ranker_c, std::size_t num_pairs, std::size_t num_labels) {
  if (ranker_c > 0) {
    return {ranker_c};
  }
  if (num_pairs < kManyDocuments * num_labels) {
    return {kUsualRankerC};
  }
  return {kUsualRankerC, kStrongerC};
}

std::uint32_t RandomNegativesPerLabel(std::size_t num_documents, std::size_t num_labels) {
  const double each = kRandomPerLabelDocuments * static_cast<double>(num_documents) /
                      static_cast<double>(std::max<std::size_t>(num_labels, 1));
  return static_cast<std::uint32_t>(
      std::clamp(std::round(each), double{kRandomMin}, double{kRandomMax}));
}

Result<SparseRankerWeights> TrainRankerStage(
    const TrainingTask& task, std::span<const std::uint32_t> documents,
    std::vector<float> label_vectors, std::uint32_t dim, EncoderModule& module,
    const SparseRankerOptions& options, TensorBackend& backend, ThreadPool& pool,
    const TrainingControl& control, const Stopwatch& since_start) {
  const std::size_t num_labels = task.label_tokens.num_rows();
  TrainingProgress searching(control, "hard negatives", documents.size(), "documents", since_start);
  DASHI_ASSIGN_OR_RETURN(
      const auto shortlists,
      MakeLabelShortlists(std::move(label_vectors), dim, index::ChooseIndexKind(num_labels, dim),
                          options.seed, pool, backend, control));
  DASHI_ASSIGN_OR_RETURN(
      const SparseRows negatives,
      FindHardNegatives(task, documents, dim, module, *shortlists, control.scratch, searching));
  searching.Finish();
  TrainingProgress training(control, "ranker", num_labels, "labels", since_start);
  DASHI_ASSIGN_OR_RETURN(
      SparseRankerWeights weights,
      TrainSparseRanker({task.document_features, task.label_features, task.relevance,
                         task.num_features, documents, negatives},
                        options, pool, training));
  training.Finish();
  return weights;
}

void ScoreCandidates(const TrainingTask& task, std::span<const std::uint32_t> documents,
                     const SparseRankerWeights& ranker, ThreadPool& pool,
                     std::vector<std::vector<LabelCandidate>>* candidates) {
  pool.ParallelFor(documents.size(), 16, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> labels;
    std::vector<float> scores;
    for (std::size_t d = first; d < last; ++d) {
      const SparseRows row = SelectRows(task.document_features, documents.subspan(d, 1));
      labels.clear();
      for (const LabelCandidate& candidate : (*candidates)[d]) {
        labels.push_back(candidate.label);
      }
      scores.resize(labels.size());
      ScoreSparse(ranker, {row.columns.ToVector(), row.values.ToVector()}, labels, scores);
      for (std::size_t i = 0; i < scores.size(); ++i) {
        (*candidates)[d][i].ranker = scores[i];
      }
      if (task.label_features.num_rows() > 0) {
        for (LabelCandidate& candidate : (*candidates)[d]) {
          candidate.label_text = Product(row, task.label_features, candidate.label);
        }
      }
    }
  });
}

}  // namespace dashi::trainer
