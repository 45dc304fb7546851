#include "trainer/retrieval/nearest_documents.h"

#include <algorithm>
#include <cstddef>

#include "base/status.h"
#include "index/best_candidates.h"
#include "trainer/retrieval/document_votes.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// Documents of one matrix product: bounds the score block to queries x 2048.
constexpr std::size_t kBlockDocuments = 2048;

}  // namespace

Result<std::vector<index::Shortlist>> FindNearestDocuments(const SparseRows& texts,
                                                           std::span<const std::uint32_t> documents,
                                                           index::FloatMatrixView queries,
                                                           EncoderModule& module,
                                                           TensorBackend& backend, ThreadPool& pool,
                                                           const TrainingControl& control) {
  const std::size_t block_size = std::min(kBlockDocuments, documents.size());
  std::vector<float> embeddings(block_size * queries.dim);  // [block, dim]
  std::vector<float> scores(queries.rows * block_size);     // [queries, block]
  std::vector<index::BestCandidates> best(queries.rows, index::BestCandidates(kVotingDocuments));
  for (std::size_t begin = 0; begin < documents.size(); begin += block_size) {
    if (control.should_stop && control.should_stop()) {
      return Status::Cancelled("training was cancelled");
    }
    const auto block = documents.subspan(begin, std::min(block_size, documents.size() - begin));
    DASHI_RETURN_IF_ERROR(module.Encode(SelectRows(texts, block), embeddings.data()));
    DASHI_RETURN_IF_ERROR(backend.MultiplyTransposed(queries.data, queries.rows, embeddings.data(),
                                                     block.size(), queries.dim, pool.num_threads(),
                                                     scores.data()));
    pool.ParallelFor(queries.rows, 8, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        best[i].OfferRange(static_cast<index::Position>(begin), scores.data() + i * block.size(),
                           block.size());
      }
    });
  }
  std::vector<index::Shortlist> nearest(queries.rows);
  for (std::size_t i = 0; i < queries.rows; ++i) {
    nearest[i] = best[i].TakeSorted();
    for (index::Candidate& candidate : nearest[i]) {
      candidate.position = documents[candidate.position];
    }
  }
  return nearest;
}

}  // namespace dashi::trainer
