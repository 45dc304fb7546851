#include "trainer/ramen/graph_regularisers.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/ramen/same_texts.h"

namespace dashi::trainer {
namespace {

// Tell the streams of random numbers from each other and from the training's.
constexpr std::uint64_t kTermStream = 0x7465726D73ULL << 20U;
constexpr std::uint64_t kBanditStream = 0x62616E646974ULL << 12U;
constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;

// Epochs before it have embeddings of no use, and epoch 0 has none.
std::uint32_t FirstPruneEpoch(const GraphPlan& plan) {
  const double epochs = plan.options.prune_warmup_share * plan.num_epochs;
  return std::max(1U, static_cast<std::uint32_t>(std::ceil(epochs)));
}

}  // namespace

std::unique_ptr<GraphRegularisers> GraphRegularisers::Make(const TrainingTask& task,
                                                           const GraphPlan& plan) {
  const RamenOptions& options = plan.options;
  if (!options.bandit && options.weight <= 0) {
    return nullptr;
  }
  std::vector<std::uint32_t> labels(task.label_tokens.num_rows());
  std::iota(labels.begin(), labels.end(), 0U);
  std::vector<Side> sides;
  sides.reserve(2 * task.graphs.size());
  for (std::uint32_t graph = 0; graph < task.graphs.size(); ++graph) {
    for (const bool is_document : {true, false}) {
      const SparseRows& anchors =
          is_document ? task.graphs[graph].document_anchors : task.graphs[graph].label_anchors;
      Side side{graph, is_document, GraphEdges(anchors, is_document ? plan.documents : labels)};
      const bool is_on = is_document ? options.document_graph : options.label_graph;
      if (is_on && side.edges.num_edges() > 0) {
        sides.push_back(std::move(side));
      }
    }
  }
  if (sides.empty()) {
    return nullptr;
  }
  return std::unique_ptr<GraphRegularisers>(new GraphRegularisers(task, plan, std::move(sides)));
}

GraphRegularisers::GraphRegularisers(const TrainingTask& task, const GraphPlan& plan,
                                     std::vector<Side> sides)
    : task_(task),
      options_(plan.options),
      seed_(plan.seed),
      first_prune_epoch_(FirstPruneEpoch(plan)),
      sides_(std::move(sides)) {
  terms_.reserve(task.graphs.size());
  for (const TrainingGraph& graph : task.graphs) {
    terms_.emplace_back(graph, options_);
  }
  if (options_.bandit) {
    bandit_.emplace(sides_.size(), options_, plan.num_steps, seed_ ^ kBanditStream);
  }
}

std::vector<std::uint32_t> GraphRegularisers::AppendTerms(std::span<const std::uint32_t> items,
                                                          std::span<const std::uint32_t> labels,
                                                          std::uint64_t step, EncoderBatch* batch) {
  SameTexts texts(batch->texts);
  std::vector<std::uint32_t> first(batch->texts.num_rows());  // with the same text
  for (std::uint32_t text = 0; text < first.size(); ++text) {
    first[text] = texts.Add(text);
  }
  const auto num_documents = static_cast<std::uint32_t>(task_.relevance.num_rows());
  std::vector<GraphRow> documents;
  documents.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i] < num_documents) {
      documents.push_back({first[batch->terms[0].rows[i]], items[i]});
    }
  }
  std::vector<GraphRow> label_rows(labels.size());
  for (std::size_t column = 0; column < labels.size(); ++column) {
    label_rows[column] = {first[batch->terms[0].columns[column]], labels[column]};
  }
  std::vector<std::uint32_t> appended;
  appended.reserve(sides_.size());
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    const Side& one = sides_[side];
    Random random((seed_ ^ kTermStream) + kOdd * (step * 2 * terms_.size() + 2 * one.graph) +
                  (one.is_document ? 0 : 1));
    if (terms_[one.graph].Append(one.edges, one.is_document ? documents : label_rows, random,
                                 &texts, batch)) {
      appended.push_back(side);
    }
  }
  return appended;
}

double GraphRegularisers::Weight(std::uint32_t side) const {
  return bandit_ ? bandit_->weights()[side] : options_.weight;
}

void GraphRegularisers::Weigh(std::span<const std::uint32_t> sides, EncoderBatch* batch) const {
  for (std::size_t i = 0; i < sides.size(); ++i) {
    batch->terms[i + 1].weight = static_cast<float>(Weight(sides[i]));
  }
}

void GraphRegularisers::NoteStep(double reward) {
  if (bandit_) {
    bandit_->NoteStep(reward);
  }
}

bool GraphRegularisers::IsPruneDue(std::uint32_t epoch) const {
  return options_.pruning && epoch >= first_prune_epoch_ && pruned_epoch_ != epoch &&
         (epoch - first_prune_epoch_) % options_.prune_epochs == 0;
}

void GraphRegularisers::Prune(std::size_t graph, bool documents,
                              std::span<const std::uint32_t> rows,
                              std::span<const float> embeddings,
                              std::span<const std::uint16_t> anchors) {
  const auto side = std::find_if(sides_.begin(), sides_.end(), [&](const Side& one) {
    return one.graph == graph && one.is_document == documents;
  });
  if (side == sides_.end() || rows.empty()) {
    return;
  }
  const std::size_t dim = embeddings.size() / rows.size();
  std::vector<float> cosines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cosines.clear();
    for (const std::uint32_t anchor : side->edges.anchors(rows[i])) {
      cosines.push_back(index::DotHalf(embeddings.data() + i * dim,
                                       anchors.data() + std::size_t{anchor} * dim, dim));
    }
    side->edges.Prune(rows[i], cosines, options_.cosine_min);
  }
}

std::vector<GraphReport> GraphRegularisers::Report() const {
  std::vector<GraphReport> reports(sides_.size());
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    const Side& one = sides_[side];
    reports[side] = {task_.graphs[one.graph].name, one.is_document ? "document" : "label",
                     bandit_ ? bandit_->learned()[side] : options_.weight, one.edges.num_edges(),
                     one.edges.num_kept()};
  }
  return reports;
}

Status GraphRegularisers::Save(StateWriter& to) const {
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    DASHI_RETURN_IF_ERROR(sides_[side].edges.Save(to, fmt::format("graphs/{}", side)));
  }
  if (bandit_) {
    DASHI_RETURN_IF_ERROR(bandit_->Save(to, "graphs/bandit"));
  }
  std::vector<std::uint32_t> pruned;
  if (pruned_epoch_) {
    pruned.push_back(*pruned_epoch_);
  }
  return PutVector(to, "graphs/pruned_epoch", pruned);
}

Status GraphRegularisers::Load(const StateReader& from) {
  for (std::size_t side = 0; side < sides_.size(); ++side) {
    DASHI_RETURN_IF_ERROR(sides_[side].edges.Load(from, fmt::format("graphs/{}", side)));
  }
  if (bandit_) {
    DASHI_RETURN_IF_ERROR(bandit_->Load(from, "graphs/bandit"));
  }
  std::vector<std::uint32_t> pruned;
  DASHI_RETURN_IF_ERROR(GetVector(from, "graphs/pruned_epoch", &pruned));
  if (pruned.size() > 1) {
    return Status::Corruption("the part graphs/pruned_epoch of a checkpoint does not fit");
  }
  pruned_epoch_ = pruned.empty() ? std::nullopt : std::optional(pruned[0]);
  return Status();
}

}  // namespace dashi::trainer
