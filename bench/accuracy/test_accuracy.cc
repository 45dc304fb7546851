#include "bench/accuracy/test_accuracy.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/retrieval/document_votes.h"
#include "trainer/retrieval/nearest_documents.h"
#include "trainer/sparse_rows.h"
#include "trainer/validation.h"
#include "trainer/word_candidates.h"

namespace dashi::trainer {
namespace {

/// Adds the labels that words and votes speak for, and the scores of ranker and votes.
Status AddOtherScores(const DataSet& data, const NgameModel& model, const NgameOptions& options,
                      const RankingTask& ranking, const LabelVectors& vectors,
                      EncoderModule& module, TensorBackend& backend,
                      std::vector<std::vector<LabelCandidate>>* candidates) {
  ThreadPool pool(options.num_threads);
  if (model.fusion_ranker > 0 && model.ranker.word_candidates > 0) {
    AddWordCandidates(data.test.document_features, ranking, vectors, RankerPostings(model.ranker),
                      pool, candidates);
  }
  if (options.retrieval) {
    std::vector<std::uint32_t> documents(data.training.relevance.num_rows());
    std::iota(documents.begin(), documents.end(), 0U);
    DASHI_ASSIGN_OR_RETURN(
        const auto nearest,
        FindNearestDocuments(data.training.document_tokens, documents,
                             {ranking.embeddings.data(), ranking.truth.num_rows(), options.dim},
                             module, backend, pool, TrainingControl()));
    AddVotes(ranking, vectors, nearest, data.training.relevance, candidates);
  }
  if (model.fusion_ranker > 0) {
    TrainingTask test;
    test.document_features = data.test.document_features;
    std::vector<std::uint32_t> documents(candidates->size());
    std::iota(documents.begin(), documents.end(), 0U);
    ScoreCandidates(test, documents, model.ranker, pool, candidates);
  }
  return Status();
}

}  // namespace

Status PrintAccuracy(const DataSet& data, const NgameModel& model, const NgameOptions& options,
                     TensorBackend& backend) {
  BagModuleOptions module_options;
  module_options.vocabulary_size = data.training.vocabulary_size;
  module_options.dim = options.dim;
  module_options.hidden = options.hidden;
  module_options.num_threads = options.num_threads;
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BagModule> module,
                         backend.NewBagModule(module_options));
  DASHI_RETURN_IF_ERROR(module->ImportParameters(model.encoder));
  const std::size_t num_labels = data.training.label_tokens.num_rows();
  std::vector<float> labels(num_labels * options.dim);
  DASHI_RETURN_IF_ERROR(module->Encode(data.training.label_tokens, labels.data()));
  RankingTask ranking;
  ranking.truth = data.test.relevance;
  for (std::size_t d = 0; d < ranking.truth.num_rows(); ++d) {
    AppendIgnored(data.test.own_label[d], RowColumns(ranking.truth, d), {}, &ranking.ignored);
  }
  ranking.embeddings.resize(ranking.truth.num_rows() * options.dim);
  DASHI_RETURN_IF_ERROR(module->Encode(data.test.document_tokens, ranking.embeddings.data()));
  DASHI_ASSIGN_OR_RETURN(
      auto candidates,
      FindCandidates(ranking, {labels, model.classifiers, options.dim}, /*num_candidates=*/100,
                     options.num_threads, backend, TrainingControl()));
  const std::vector<std::uint64_t> counts = CountLabels(data.training.relevance, num_labels);
  DASHI_RETURN_IF_ERROR(AddOtherScores(data, model, options, ranking,
                                       {labels, model.classifiers, options.dim}, *module, backend,
                                       &candidates));
  std::size_t num_found = 0;
  for (std::size_t d = 0; d < candidates.size(); ++d) {
    const auto truth = RowColumns(ranking.truth, d);
    for (const LabelCandidate& candidate : candidates[d]) {
      num_found += std::binary_search(truth.begin(), truth.end(), candidate.label) ? 1 : 0;
    }
  }
  fmt::print("test candidates hold {:.4f} of all relevant labels\n",
             static_cast<double>(num_found) / static_cast<double>(ranking.truth.columns.size()));
  struct Line {
    const char* name;
    ScoreWeights weights;
  };
  const double a = model.fusion_encoder;
  const double b = model.fusion_classifier;
  const std::array<Line, 6> lines{{{"encoder", {1, 0, 0}},
                                   {"classifier", {0, 1, 0}},
                                   {"ranker", {0, 0, 1}},
                                   {"votes", {0, 0, 0, 0, 1}},
                                   {"dense", {a, b, 0}},
                                   {"fused", {a, b, model.fusion_ranker, 0, model.fusion_votes}}}};
  for (const Line& line : lines) {
    const RankingQuality quality =
        MeasureRankings(RankCandidates(candidates, line.weights, 5), ranking.truth, counts,
                        data.training.relevance.num_rows());
    fmt::print("test {:10} P@1 {:.4f}  P@5 {:.4f}  nDCG@5 {:.4f}  PSP@1 {:.4f}  PSP@5 {:.4f}\n",
               line.name, quality.p1, quality.p5, quality.ndcg5, quality.psp1, quality.psp5);
  }
  return Status();
}

}  // namespace dashi::trainer
