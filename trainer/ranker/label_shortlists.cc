#include "trainer/ranker/label_shortlists.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

class ExactShortlists final : public LabelShortlists {
 public:
  ExactShortlists(std::vector<float> vectors, std::uint32_t dim, int num_threads,
                  TensorBackend& backend, const TrainingControl& control)
      : vectors_(std::move(vectors)),
        dim_(dim),
        num_threads_(num_threads),
        backend_(backend),
        control_(control) {}

  Status Append(const RankingTask& chunk, std::size_t size, SparseRows* shortlists) override {
    DASHI_ASSIGN_OR_RETURN(const auto found, FindCandidates(chunk, {vectors_, {}, dim_}, size,
                                                            num_threads_, backend_, control_));
    for (const std::vector<LabelCandidate>& row : found) {
      for (const LabelCandidate& candidate : row) {
        shortlists->columns.push_back(candidate.label);
      }
      shortlists->offsets.push_back(shortlists->columns.size());
    }
    return Status();
  }

 private:
  const std::vector<float> vectors_;  // [num_labels, dim]
  const std::uint32_t dim_;
  const int num_threads_;
  TensorBackend& backend_;
  const TrainingControl& control_;
};

class GraphShortlists final : public LabelShortlists {
 public:
  GraphShortlists(std::unique_ptr<index::VectorIndex> labels, ThreadPool& pool,
                  const TrainingControl& control)
      : labels_(std::move(labels)), pool_(pool), control_(control) {}

  Status Append(const RankingTask& chunk, std::size_t size, SparseRows* shortlists) override {
    std::size_t ignored_max = 0;
    for (std::size_t row = 0; row < chunk.ignored.num_rows(); ++row) {
      ignored_max = std::max(ignored_max, RowColumns(chunk.ignored, row).size());
    }
    index::SearchOptions search;
    search.m = size + ignored_max;
    search.should_stop = control_.should_stop;
    DASHI_ASSIGN_OR_RETURN(
        const std::vector<index::Shortlist> found,
        labels_->SearchBatch({chunk.embeddings.data(), chunk.ignored.num_rows(), labels_->dim()},
                             search, pool_));
    for (std::size_t row = 0; row < found.size(); ++row) {
      const auto ignored = RowColumns(chunk.ignored, row);
      const std::size_t first = shortlists->columns.size();
      for (const index::Candidate& candidate : found[row]) {
        if (shortlists->columns.size() - first < size &&
            !std::binary_search(ignored.begin(), ignored.end(), candidate.position)) {
          shortlists->columns.push_back(candidate.position);
        }
      }
      std::sort(shortlists->columns.own() + first,
                shortlists->columns.own() + shortlists->columns.size());
      shortlists->offsets.push_back(shortlists->columns.size());
    }
    return Status();
  }

 private:
  const std::unique_ptr<index::VectorIndex> labels_;
  ThreadPool& pool_;
  const TrainingControl& control_;
};

}  // namespace

Result<std::unique_ptr<LabelShortlists>> MakeLabelShortlists(
    std::vector<float> vectors, std::uint32_t dim, std::string_view kind, std::uint64_t seed,
    ThreadPool& pool, TensorBackend& backend, const TrainingControl& control) {
  if (kind == "exact") {
    return std::unique_ptr<LabelShortlists>(std::make_unique<ExactShortlists>(
        std::move(vectors), dim, pool.num_threads(), backend, control));
  }
  std::vector<std::uint16_t> halves(vectors.size());
  index::ToHalf(vectors.data(), halves.data(), halves.size());
  vectors = std::vector<float>();
  index::HnswOptions options;
  options.seed = seed;
  options.num_threads = pool.num_threads();
  const auto goes_on = [&control](std::size_t, std::size_t) {
    return !control.should_stop || !control.should_stop();
  };
  DASHI_ASSIGN_OR_RETURN(auto graph,
                         index::BuildHnswIndex(std::move(halves), dim, options, goes_on));
  return std::unique_ptr<LabelShortlists>(
      std::make_unique<GraphShortlists>(std::move(graph), pool, control));
}

}  // namespace dashi::trainer
