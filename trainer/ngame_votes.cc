#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ngame_score_fit.h"
#include "trainer/ngame_training.h"
#include "trainer/retrieval/document_votes.h"
#include "trainer/retrieval/nearest_documents.h"

namespace dashi::trainer {

Result<NgameTraining::ScoreFit> NgameTraining::JoinVotes(const HeldOut& held_out, ScoreFit fit) {
  const RankingTask& ranking = held_out.ranking;
  if (fit.candidates.empty()) {
    return fit;
  }
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<index::Shortlist> nearest,
      FindNearestDocuments(task_.document_tokens, documents_.training,
                           {ranking.embeddings.data(), ranking.truth.num_rows(), dim_}, *module_,
                           backend_, pool_, control_));
  std::vector<std::vector<LabelCandidate>> candidates = fit.candidates;
  AddVotes(ranking, {held_out.labels, held_out.classifiers, dim_}, nearest, task_.relevance,
           &candidates);
  if (fit.weights.ranker > 0) {
    const auto documents = std::span(documents_.validation).first(candidates.size());
    ScoreCandidates(task_, documents, fit.ranker, pool_, &candidates);
  }
  const FusionWeights weights = FitVoteFusion(candidates, ranking.truth, label_counts_,
                                              num_documents_, options_.objective, fit.weights);
  if (weights.votes > 0) {
    fit.weights = weights;
    fit.candidates = std::move(candidates);
  }
  return fit;
}

}  // namespace dashi::trainer
