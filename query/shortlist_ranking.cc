#include "query/shortlist_ranking.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dashi::query {
namespace {

constexpr std::size_t kShortlistMin = 100;

}  // namespace

std::size_t RankedShortlistSize(std::size_t k) { return std::max(2 * k, kShortlistMin); }

ShortlistRanking::ShortlistRanking(const ServingRelease& release, std::string_view query)
    : release_(release), features_(release.ranker->features().Extract(query)) {}

void ShortlistRanking::Order(index::Shortlist* shortlist) {
  std::vector<std::uint32_t> labels;
  labels.reserve(shortlist->size());
  for (const index::Candidate& candidate : *shortlist) {
    labels.push_back(candidate.position);
  }
  std::vector<float> scores(labels.size());
  trainer::ScoreSparse(release_.ranker->weights(), features_, labels, scores);
  const auto weight = static_cast<float>(release_.record.fusion_ranker);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    float& score = (*shortlist)[i].score;
    score = std::min(score + weight * scores[i], lowest_);
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
