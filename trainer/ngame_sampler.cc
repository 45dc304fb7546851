#include "trainer/ngame_sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/balanced_clustering.h"
#include "trainer/sampled_clustering.h"

namespace dashi::trainer {
namespace {

/// Reads a part into the front of an array, and how many numbers there were.
template <typename T>
Status LoadInto(const StateReader& from, const std::string& name, std::span<T> array,
                std::size_t* size) {
  return GetNumbers<T>(from, name, [&](std::span<const T> part) -> Status {
    if (part.size() > array.size() - *size) {
      return Status::Corruption("the sampler of a checkpoint does not fit the rows");
    }
    std::copy(part.begin(), part.end(), array.begin() + static_cast<std::ptrdiff_t>(*size));
    *size += part.size();
    return Status();
  });
}

}  // namespace

NgameSampler::NgameSampler(std::uint32_t num_rows, std::uint32_t dim, const SamplerOptions& options)
    : NgameSampler(num_rows, dim, options,
                   {nullptr, ScratchArray<std::uint16_t>(std::size_t{num_rows} * dim),
                    ScratchArray<std::uint32_t>(num_rows), ScratchArray<std::uint32_t>(num_rows)}) {
}

Result<NgameSampler::Rows> NgameSampler::MakeRows(std::uint32_t num_rows, std::uint32_t dim,
                                                  ScratchSpace* scratch) {
  Rows rows;
  rows.scratch = scratch;
  DASHI_ASSIGN_OR_RETURN(rows.bank,
                         ScratchArray<std::uint16_t>::Make(scratch, std::size_t{num_rows} * dim));
  DASHI_ASSIGN_OR_RETURN(rows.tree, ScratchArray<std::uint32_t>::Make(scratch, num_rows));
  DASHI_ASSIGN_OR_RETURN(rows.order, ScratchArray<std::uint32_t>::Make(scratch, num_rows));
  return rows;
}

Result<std::unique_ptr<NgameSampler>> NgameSampler::Make(std::uint32_t num_rows, std::uint32_t dim,
                                                         const SamplerOptions& options,
                                                         ScratchSpace* scratch) {
  DASHI_ASSIGN_OR_RETURN(Rows rows, MakeRows(num_rows, dim, scratch));
  return std::unique_ptr<NgameSampler>(new NgameSampler(num_rows, dim, options, std::move(rows)));
}

NgameSampler::NgameSampler(std::uint32_t num_rows, std::uint32_t dim, const SamplerOptions& options,
                           Rows rows)
    : options_(options),
      num_rows_(num_rows),
      dim_(dim),
      num_batches_((num_rows + options.batch_size - 1) / options.batch_size),
      random_(options.seed),
      scratch_(rows.scratch),
      bank_(std::move(rows.bank)),
      tree_rows_(std::move(rows.tree)),
      order_(std::move(rows.order)) {
  DASHI_CHECK(num_rows > 0);
  std::iota(order_.data(), order_.data() + num_rows_, 0U);
}

std::uint32_t NgameSampler::ClusterSize(std::uint32_t epoch) const {
  const double done = static_cast<double>(epoch) / static_cast<double>(options_.epochs);
  if (done < options_.random_share) {
    return 1;
  }
  if (done >= options_.growth_share || options_.cluster_size_min >= options_.cluster_size_max) {
    return options_.cluster_size_max;
  }
  const double growth =
      (done - options_.random_share) / (options_.growth_share - options_.random_share);
  const double doublings = std::log2(static_cast<double>(options_.cluster_size_max) /
                                     static_cast<double>(options_.cluster_size_min));
  const auto steps = static_cast<std::uint32_t>(growth * (doublings + 1.0));
  return std::min(options_.cluster_size_max, options_.cluster_size_min << std::min(steps, 31U));
}

void NgameSampler::Remember(std::span<const std::uint32_t> rows,
                            std::span<const float> embeddings) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    index::ToHalf(embeddings.data() + i * dim_,
                  bank_.data() + static_cast<std::size_t>(rows[i]) * dim_, dim_);
  }
}

void NgameSampler::WillNeed(std::span<const std::uint32_t> rows) const {
  if (bank_.is_mapped()) {
    for (const std::uint32_t row : rows) {
      bank_.WillNeed(std::size_t{row} * dim_, dim_);
    }
  }
}

std::vector<float> NgameSampler::Recall(std::span<const std::uint32_t> rows) const {
  std::vector<float> embeddings(rows.size() * dim_);  // [rows.size(), dim]
  for (std::size_t i = 0; i < rows.size(); ++i) {
    index::FromHalf(bank_.data() + static_cast<std::size_t>(rows[i]) * dim_,
                    embeddings.data() + i * dim_, dim_);
  }
  return embeddings;
}

Status NgameSampler::BeginEpoch(std::uint32_t epoch, ThreadPool& pool, EncoderModule* module) {
  const std::uint32_t cluster_size = ClusterSize(epoch);
  if (cluster_size <= 1) {
    random_.Shuffle(order_.all());
    return Status();
  }
  if (tree_cluster_size_ == 0 || epoch - tree_epoch_ >= options_.recluster_epochs) {
    DASHI_RETURN_IF_ERROR(Recluster(epoch, cluster_size, pool, module));
  }
  ShuffleClusters(cluster_size);
  return Status();
}

Status NgameSampler::Recluster(std::uint32_t epoch, std::uint32_t cluster_size, ThreadPool& pool,
                               EncoderModule* module) {
  std::unique_ptr<LevelSplitter> splitter;
  if (module != nullptr) {
    DASHI_ASSIGN_OR_RETURN(splitter, module->NewLevelSplitter(bank_.data(), num_rows_, dim_));
  }
  const std::uint64_t seed = random_.Next();
  if (splitter != nullptr) {
    DASHI_ASSIGN_OR_RETURN(tree_offsets_,
                           ClusterBalanced(tree_rows_.all(), cluster_size, seed, *splitter));
  } else {
    DASHI_ASSIGN_OR_RETURN(
        tree_offsets_, ClusterBySamples({bank_.data(), num_rows_, dim_}, cluster_size, seed, pool,
                                        scratch_, tree_rows_.all()));
  }
  tree_cluster_size_ = cluster_size;
  tree_epoch_ = epoch;
  return Status();
}

void NgameSampler::ShuffleClusters(std::uint32_t cluster_size) {
  // Until the next clustering, larger clusters are subtrees of the last tree.
  const auto num_leaves = static_cast<std::uint32_t>(tree_offsets_.size() - 1);
  const std::uint32_t joined =
      std::min(num_leaves, std::bit_floor(std::max(1U, cluster_size / tree_cluster_size_)));
  std::vector<std::uint32_t> starts;
  for (std::uint32_t leaf = 0; leaf < num_leaves; leaf += joined) {
    starts.push_back(leaf);
  }
  random_.Shuffle(std::span<std::uint32_t>(starts));
  std::uint32_t* out = order_.data();
  for (const std::uint32_t leaf : starts) {
    out = std::copy(tree_rows_.data() + tree_offsets_[leaf],
                    tree_rows_.data() + tree_offsets_[leaf + joined], out);
  }
}

Status NgameSampler::Save(StateWriter& to) const {
  const Random::State& random = random_.state();
  std::vector<std::uint64_t> numbers(random.begin(), random.end());
  numbers.push_back(tree_cluster_size_);
  numbers.push_back(tree_epoch_);
  DASHI_RETURN_IF_ERROR(PutVector(to, "sampler/numbers", numbers));
  DASHI_RETURN_IF_ERROR(PutNumbers(to, "sampler/bank", bank_.all()));
  const bool has_tree = !tree_offsets_.empty();
  DASHI_RETURN_IF_ERROR(
      PutNumbers(to, "sampler/tree_rows", tree_rows_.all().subspan(0, has_tree ? num_rows_ : 0)));
  DASHI_RETURN_IF_ERROR(PutVector(to, "sampler/tree_offsets", tree_offsets_));
  return PutNumbers(to, "sampler/order", order_.all());
}

Status NgameSampler::Load(const StateReader& from) {
  std::vector<std::uint64_t> numbers;
  DASHI_RETURN_IF_ERROR(GetVector(from, "sampler/numbers", &numbers));
  std::size_t bank_size = 0;
  std::size_t tree_size = 0;
  std::size_t order_size = 0;
  DASHI_RETURN_IF_ERROR(LoadInto(from, "sampler/bank", bank_.all(), &bank_size));
  DASHI_RETURN_IF_ERROR(LoadInto(from, "sampler/tree_rows", tree_rows_.all(), &tree_size));
  DASHI_RETURN_IF_ERROR(GetVector(from, "sampler/tree_offsets", &tree_offsets_));
  DASHI_RETURN_IF_ERROR(LoadInto(from, "sampler/order", order_.all(), &order_size));
  Random::State random;
  const bool has_tree = !tree_offsets_.empty();
  if (numbers.size() != random.size() + 2 || bank_size != bank_.size() || order_size != num_rows_ ||
      !AreRows(order_.all()) || tree_size != (has_tree ? num_rows_ : 0) ||
      !AreRows(tree_rows_.all()) ||
      (has_tree && (tree_offsets_.back() != num_rows_ || numbers[4] == 0 ||
                    !std::is_sorted(tree_offsets_.begin(), tree_offsets_.end())))) {
    return Status::Corruption("the sampler of a checkpoint does not fit the rows");
  }
  std::copy_n(numbers.begin(), random.size(), random.begin());
  random_ = Random::FromState(random);
  tree_cluster_size_ = static_cast<std::uint32_t>(numbers[4]);
  tree_epoch_ = static_cast<std::uint32_t>(numbers[5]);
  return Status();
}

bool NgameSampler::AreRows(std::span<const std::uint32_t> rows) const {
  return std::all_of(rows.begin(), rows.end(),
                     [this](std::uint32_t row) { return row < num_rows_; });
}

std::span<const std::uint32_t> NgameSampler::Batch(std::uint32_t index) const {
  const auto border = [&](std::uint64_t i) {
    return static_cast<std::size_t>(i * num_rows_ / num_batches_);
  };
  return {order_.data() + border(index), border(index + 1) - border(index)};
}

}  // namespace dashi::trainer
