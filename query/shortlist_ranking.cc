#include "query/shortlist_ranking.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "index/vector_kernels.h"

namespace dashi::query {
namespace {

constexpr std::size_t kShortlistMin = 100;

}  // namespace

std::size_t RankedShortlistSize(std::size_t k) { return std::max(2 * k, kShortlistMin); }

ShortlistRanking::ShortlistRanking(const ServingRelease& release, std::string_view query,
                                   bool ranked, std::vector<trainer::LabelVote> votes)
    : release_(release),
      ranked_(ranked),
      features_(ranked ? release.ranker->features().Extract(query) : trainer::TokenBag()),
      votes_(std::move(votes)) {}

Status ShortlistRanking::AddLabels(const index::VectorIndex& labels, std::span<const float> query,
                                   const std::function<bool(index::Position)>& is_wanted,
                                   index::Shortlist* shortlist) const {
  std::vector<index::Position> more;
  if (ranked_ && release_.ranker_postings != nullptr) {
    more = release_.ranker_postings->Find(features_, release_.ranker->weights().word_candidates);
  }
  more.reserve(more.size() + votes_.size());
  for (const trainer::LabelVote& vote : votes_) {
    more.push_back(vote.label);
  }
  std::sort(more.begin(), more.end());
  more.erase(std::unique(more.begin(), more.end()), more.end());
  std::vector<index::Position> present;
  present.reserve(shortlist->size());
  for (const index::Candidate& candidate : *shortlist) {
    present.push_back(candidate.position);
  }
  std::sort(present.begin(), present.end());
  std::vector<float> vector(query.size());
  for (const index::Position position : more) {
    if (!std::binary_search(present.begin(), present.end(), position) && is_wanted(position)) {
      DASHI_RETURN_IF_ERROR(labels.Reconstruct(position, vector.data()));
      shortlist->push_back({position, index::Dot(query.data(), vector.data(), query.size())});
    }
  }
  return Status::Ok();
}

void ShortlistRanking::AddRankerScores(index::Shortlist* shortlist) const {
  const trainer::SparseRankerWeights& weights = release_.ranker->weights();
  std::vector<std::uint32_t> labels;
  labels.reserve(shortlist->size());
  for (const index::Candidate& candidate : *shortlist) {
    if (candidate.position < weights.num_labels()) {
      labels.push_back(candidate.position);
    }
  }
  std::vector<float> scores(labels.size());
  trainer::ScoreSparse(weights, features_, labels, scores);
  const auto weight = static_cast<float>(release_.record.fusion_ranker);
  auto next = scores.begin();
  for (index::Candidate& candidate : *shortlist) {
    // As the ranker has it for a label that its training did not see (kNoRankerRow).
    candidate.score += weight * (candidate.position < weights.num_labels() ? *next++ : 0.0F);
  }
}

void ShortlistRanking::AddVotes(index::Shortlist* shortlist) const {
  const auto weight = static_cast<float>(release_.record.fusion_votes);
  for (index::Candidate& candidate : *shortlist) {
    const auto vote = std::lower_bound(
        votes_.begin(), votes_.end(), candidate.position,
        [](const trainer::LabelVote& a, index::Position position) { return a.label < position; });
    if (vote != votes_.end() && vote->label == candidate.position) {
      candidate.score += weight * vote->share;
    }
  }
}

void ShortlistRanking::Order(index::Shortlist* shortlist) {
  if (ranked_) {
    AddRankerScores(shortlist);
  }
  AddVotes(shortlist);
  for (index::Candidate& candidate : *shortlist) {
    candidate.score = std::min(candidate.score, lowest_);
  }
  std::sort(shortlist->begin(), shortlist->end(),
            [](const index::Candidate& a, const index::Candidate& b) {
              return a.score != b.score ? a.score > b.score : a.position < b.position;
            });
  if (!shortlist->empty()) {
    lowest_ = shortlist->back().score;
  }
}

}  // namespace dashi::query
