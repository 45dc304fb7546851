#include "trainer/word_candidates.h"

#include <algorithm>

#include "index/vector_kernels.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

bool HasLabel(const std::vector<LabelCandidate>& candidates, std::uint32_t label) {
  return std::binary_search(
      candidates.begin(), candidates.end(), LabelCandidate{label},
      [](const LabelCandidate& a, const LabelCandidate& b) { return a.label < b.label; });
}

}  // namespace

void AddWordCandidates(const SparseRows& features, const RankingTask& ranking,
                       const LabelVectors& labels, const RankerPostings& postings, ThreadPool& pool,
                       std::vector<std::vector<LabelCandidate>>* candidates) {
  const std::size_t dim = labels.dim;
  const auto product = [&](std::size_t document, std::span<const float> vectors,
                           std::uint32_t label) {
    return vectors.empty() ? 0.0F
                           : index::Dot(ranking.embeddings.data() + document * dim,
                                        vectors.data() + label * dim, dim);
  };
  pool.ParallelFor(candidates->size(), 16, [&](std::size_t first, std::size_t last) {
    for (std::size_t d = first; d < last; ++d) {
      const auto begin = static_cast<std::ptrdiff_t>(features.offsets[d]);
      const auto end = static_cast<std::ptrdiff_t>(features.offsets[d + 1]);
      const TokenBag text{{features.columns.begin() + begin, features.columns.begin() + end},
                          {features.values.begin() + begin, features.values.begin() + end}};
      const auto ignored = RowColumns(ranking.ignored, d);
      std::vector<LabelCandidate>& row = (*candidates)[d];
      std::vector<LabelCandidate> added;
      for (const std::uint32_t label : postings.Find(text, kWordCandidates + ignored.size())) {
        if (!HasLabel(row, label) && !std::binary_search(ignored.begin(), ignored.end(), label)) {
          LabelCandidate candidate;
          candidate.label = label;
          candidate.encoder = product(d, labels.embeddings, label);
          candidate.classifier = product(d, labels.classifiers, label);
          added.push_back(candidate);
        }
      }
      row.insert(row.end(), added.begin(), added.end());
      std::sort(row.begin(), row.end(),
                [](const LabelCandidate& a, const LabelCandidate& b) { return a.label < b.label; });
    }
  });
}

}  // namespace dashi::trainer
