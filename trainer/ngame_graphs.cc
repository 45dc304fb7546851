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
// Rows of each side by which random pairs are judged.
constexpr std::size_t kSampleRows = 1024;

}  // namespace

Status NgameTraining::MakeGraphs(bool resumes) {
  GraphPlan plan;
  plan.options = options_.ramen;
  plan.seed = options_.seed;
  plan.num_epochs = options_.epochs;
  plan.steps_per_epoch = sampler_->batches_per_epoch();
  plan.documents = documents_.training;
  graphs_ = GraphRegularisers::Make(task_, plan);
  return resumes && graphs_ != nullptr ? graphs_->Load(*control_.checkpoints->Latest()) : Status();
}

Status NgameTraining::JudgeGraphs(std::span<const std::uint32_t> items) {
  if (graphs_ == nullptr) {
    return Status();
  }
  const Stopwatch since_begin;
  Status judged = graphs_->IsEvidenceDue(position_.epoch) ? WeighGraphs() : Status();
  if (judged.ok() && graphs_->IsPruneDue(position_.epoch)) {
    judged = PruneGraphs(items);
  }
  if (judged.code() == StatusCode::kCancelled) {
    DASHI_RETURN_IF_ERROR(SaveIfDue());  // What is not done for all will be done anew.
  }
  times_.prune_seconds = since_begin.Seconds();
  return judged;
}

Status NgameTraining::WeighGraphs() {
  std::vector<GraphEvidence> evidence(graphs_->num_sides());
  for (std::uint32_t side = 0; side < evidence.size(); ++side) {
    const EvidenceRows chosen = graphs_->DrawEvidence(side);
    const SparseRows& anchors = graphs_->graph(side).anchor_tokens;
    const bool of_documents = graphs_->is_document(side);
    const SparseRows& rows = of_documents ? task_.document_tokens : task_.label_tokens;
    const SparseRows& targets = of_documents ? task_.label_tokens : task_.document_tokens;
    EvidenceVectors vectors;
    const auto embed = [&](const SparseRows& texts, const std::vector<std::uint32_t>& which,
                           std::vector<float>* out) {
      out->resize(which.size() * dim_);
      return Encode(texts, which, out->data());
    };
    DASHI_RETURN_IF_ERROR(embed(rows, chosen.rows, &vectors.rows));
    DASHI_RETURN_IF_ERROR(embed(targets, chosen.targets, &vectors.targets));
    DASHI_RETURN_IF_ERROR(embed(anchors, chosen.anchors, &vectors.anchors));
    DASHI_RETURN_IF_ERROR(embed(anchors, chosen.others, &vectors.others));
    evidence[side] = MeasureEvidence(vectors, dim_);
  }
  graphs_->NoteEvidence(evidence);
  return Status();
}

Status NgameTraining::PruneGraphs(std::span<const std::uint32_t> items) {
  for (std::size_t graph = 0; graph < task_.graphs.size(); ++graph) {
    if (graphs_->CountsGraph(graph)) {
      DASHI_RETURN_IF_ERROR(PruneGraph(graph, items));
    }
  }
  graphs_->FinishPruning(position_.epoch);
  return Status();
}

Status NgameTraining::PruneGraph(std::size_t graph, std::span<const std::uint32_t> items) {
  const SparseRows& tokens = task_.graphs[graph].anchor_tokens;
  DASHI_ASSIGN_OR_RETURN(
      auto anchors,  // [num_anchors, dim] binary16
      ScratchArray<std::uint16_t>::Make(control_.scratch, tokens.num_rows() * dim_));
  std::vector<std::uint32_t> rows;
  std::vector<float> embeddings;
  for (std::size_t begin = 0; begin < tokens.num_rows(); begin += rows.size()) {
    rows.resize(std::min(tokens.num_rows() - begin, kPruneChunk));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
    embeddings.resize(rows.size() * dim_);  // [rows.size(), dim]
    DASHI_RETURN_IF_ERROR(Encode(tokens, rows, embeddings.data()));
    index::ToHalf(embeddings.data(), anchors.data() + begin * dim_, embeddings.size());
  }
  // Documents and, behind them, labels, as their last steps left them.
  const auto num_documents = static_cast<std::size_t>(
      std::lower_bound(items.begin(), items.end(), num_documents_) - items.begin());
  for (const bool documents : {true, false}) {
    const bool recalls = documents || options_.label_documents;
    const std::size_t first = documents || !recalls ? 0 : num_documents;
    const std::size_t last = documents ? num_documents : recalls ? items.size() : num_labels_;
    // Every stride-th row from `begin` on, fewer than a chunk.
    const auto read = [&](std::size_t begin, std::size_t stride) -> Status {
      rows.clear();
      for (std::size_t at = begin; at < last && rows.size() < kPruneChunk; at += stride) {
        rows.push_back(static_cast<std::uint32_t>(at));
      }
      if (!recalls) {
        embeddings.resize(rows.size() * dim_);  // [rows.size(), dim]
        return Encode(task_.label_tokens, rows, embeddings.data());
      }
      embeddings = sampler_->Recall(rows);
      for (std::uint32_t& row : rows) {
        row = items[row] - (documents ? 0 : num_documents_);
      }
      return Status();
    };
    DASHI_RETURN_IF_ERROR(read(first, (last - first) / kSampleRows + 1));
    const float cosine_min =
        graphs_->CosineMin({graph, documents, rows, embeddings, anchors.all()});
    for (std::size_t begin = first; begin < last; begin += rows.size()) {
      DASHI_RETURN_IF_ERROR(read(begin, 1));
      graphs_->Prune({graph, documents, rows, embeddings, anchors.all()}, cosine_min);
    }
  }
  return Status();
}

}  // namespace dashi::trainer
