#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/ngame_training.h"
#include "trainer/scratch/scratch_array.h"

namespace dashi::trainer {
namespace {

// Texts whose embeddings are held at once in float32.
constexpr std::size_t kPruneChunk = 8192;

}  // namespace

Status NgameTraining::MakeGraphs(bool resumes) {
  GraphPlan plan;
  plan.options = options_.ramen;
  plan.seed = options_.seed;
  plan.num_epochs = options_.epochs;
  plan.num_steps = std::uint64_t{options_.epochs} * sampler_->batches_per_epoch();
  plan.documents = documents_.training;
  graphs_ = GraphRegularisers::Make(task_, plan);
  return resumes && graphs_ != nullptr ? graphs_->Load(*control_.checkpoints->Latest()) : Status();
}

Status NgameTraining::PruneGraphs(std::span<const std::uint32_t> items) {
  if (graphs_ == nullptr || !graphs_->IsPruneDue(position_.epoch)) {
    return Status();
  }
  const Stopwatch since_begin;
  for (std::size_t graph = 0; graph < task_.graphs.size(); ++graph) {
    const Status pruned = PruneGraph(graph, items);
    if (pruned.code() == StatusCode::kCancelled) {
      DASHI_RETURN_IF_ERROR(SaveIfDue());  // All graphs will be pruned, anew, before the epoch.
    }
    DASHI_RETURN_IF_ERROR(pruned);
  }
  graphs_->FinishPruning(position_.epoch);
  times_.prune_seconds = since_begin.Seconds();
  return Status();
}

Status NgameTraining::PruneGraph(std::size_t graph, std::span<const std::uint32_t> items) {
  const SparseRows& tokens = task_.graphs[graph].anchor_tokens;
  DASHI_ASSIGN_OR_RETURN(
      auto anchors,  // [num_anchors, dim] binary16
      ScratchArray<std::uint16_t>::Make(control_.scratch, tokens.num_rows() * dim_));
  std::vector<float> embeddings;
  std::vector<std::uint32_t> rows;
  const auto next_rows = [&](std::size_t begin, std::size_t end) {
    rows.resize(std::min(end - begin, kPruneChunk));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
  };
  for (std::size_t begin = 0; begin < tokens.num_rows(); begin += rows.size()) {
    next_rows(begin, tokens.num_rows());
    embeddings.resize(rows.size() * dim_);  // [rows.size(), dim]
    DASHI_RETURN_IF_ERROR(Encode(tokens, rows, embeddings.data()));
    index::ToHalf(embeddings.data(), anchors.data() + begin * dim_, embeddings.size());
  }
  // Documents and, behind them, labels, as their last steps left them.
  const auto num_documents = static_cast<std::size_t>(
      std::lower_bound(items.begin(), items.end(), num_documents_) - items.begin());
  for (std::size_t begin = 0; begin < items.size(); begin += rows.size()) {
    const bool documents = begin < num_documents;
    next_rows(begin, documents ? num_documents : items.size());
    embeddings = sampler_->Recall(rows);
    for (std::uint32_t& row : rows) {
      row = items[row] - (documents ? 0 : num_documents_);
    }
    graphs_->Prune(graph, documents, rows, embeddings, anchors.all());
  }
  if (options_.label_documents) {
    return Status();
  }
  for (std::size_t begin = 0; begin < num_labels_; begin += rows.size()) {
    next_rows(begin, num_labels_);
    embeddings.resize(rows.size() * dim_);  // [rows.size(), dim]
    DASHI_RETURN_IF_ERROR(Encode(task_.label_tokens, rows, embeddings.data()));
    graphs_->Prune(graph, /*documents=*/false, rows, embeddings, anchors.all());
  }
  return Status();
}

}  // namespace dashi::trainer
