#include "base/status.h"
#include "index/exact_scan.h"
#include "index/position_set.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

class ExactIndex : public VectorIndex {
 public:
  ExactIndex(std::vector<std::uint16_t> vectors, std::size_t dim)
      : vectors_(std::move(vectors)), dim_(dim) {
    DASHI_CHECK(dim_ > 0 && vectors_.size() % dim_ == 0);
  }

  std::size_t num_vectors() const override { return vectors_.size() / dim_; }
  std::size_t dim() const override { return dim_; }
  std::string_view kind() const override { return "exact"; }
  std::uint64_t memory_bytes() const override {
    return vectors_.capacity() * sizeof(std::uint16_t);
  }

  Result<Shortlist> Search(std::span<const float> query, const SearchOptions& options,
                           SearchStatistics* statistics) const override {
    DASHI_RETURN_IF_ERROR(CheckQueries({query.data(), 1, query.size()}, dim_));
    DASHI_RETURN_IF_ERROR(CheckScanSize(NumScanned(options), dim_, options));
    return ScanExactly(view(), query, options, statistics);
  }

  Result<std::vector<Shortlist>> SearchBatch(FloatMatrixView queries, const SearchOptions& options,
                                             ThreadPool& pool) const override {
    DASHI_RETURN_IF_ERROR(CheckQueries(queries, dim_));
    DASHI_RETURN_IF_ERROR(CheckScanSize(NumScanned(options), dim_, options));
    return ScanBatchExactly(view(), queries, options, pool);
  }

  Status Reconstruct(Position position, float* out) const override {
    DASHI_CHECK(position < num_vectors());
    FromHalf(vectors_.data() + static_cast<std::size_t>(position) * dim_, out, dim_);
    return Status::Ok();
  }

 private:
  std::size_t NumScanned(const SearchOptions& options) const {
    return options.passing == nullptr ? num_vectors() : options.passing->size();
  }
  HalfMatrixView view() const { return {vectors_.data(), num_vectors(), dim_}; }

  const std::vector<std::uint16_t> vectors_;
  const std::size_t dim_;
};

}  // namespace

std::unique_ptr<VectorIndex> MakeExactIndex(std::vector<std::uint16_t> vectors, std::size_t dim) {
  return std::make_unique<ExactIndex>(std::move(vectors), dim);
}

}  // namespace dashi::index
