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

constexpr std::uint64_t kEvidenceStream = 0x65766964656E6365ULL;
constexpr std::uint64_t kPairStream = 0x7061697273ULL << 16U;
// Anchors that each row of a sample is paired with.
constexpr std::size_t kPairsPerRow = 4;

// Epochs before it have embeddings of no use, and epoch 0 has none.
std::uint32_t WarmupEpochs(const GraphPlan& plan) {
  const double epochs = plan.options.warmup_share * plan.num_epochs;
  return std::max(1U, static_cast<std::uint32_t>(std::ceil(epochs)));
}

}  // namespace

std::unique_ptr<GraphRegularisers> GraphRegularisers::Make(const TrainingTask& task,
                                                           const GraphPlan& plan) {
  const RamenOptions& options = plan.options;
  if (options.weighting != GraphWeighting::kBandit && options.weight <= 0) {
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
      documents_(plan.documents),
      warmup_epochs_(WarmupEpochs(plan)),
      first_step_(options_.warmup_terms || options_.weighting == GraphWeighting::kEvidence
                      ? 0
                      : std::uint64_t{warmup_epochs_} * plan.steps_per_epoch),
      sides_(std::move(sides)) {
  terms_.reserve(task.graphs.size());
  for (const TrainingGraph& graph : task.graphs) {
    terms_.emplace_back(graph, options_);
  }
  if (options_.weighting == GraphWeighting::kBandit) {
    const std::uint64_t num_steps = std::uint64_t{plan.num_epochs} * plan.steps_per_epoch;
    bandit_.emplace(sides_.size(), options_, num_steps - std::min(num_steps, first_step_),
                    seed_ ^ kBanditStream);
  }
}

std::vector<std::uint32_t> GraphRegularisers::AppendTerms(std::span<const std::uint32_t> items,
                                                          std::span<const std::uint32_t> labels,
                                                          std::uint64_t step, EncoderBatch* batch) {
  std::vector<std::uint32_t> appended;
  if (step < first_step_ || !Counts()) {
    return appended;
  }
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
  appended.reserve(sides_.size());
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    const Side& one = sides_[side];
    if (!Counts(side)) {
      continue;
    }
    Random random((seed_ ^ kTermStream) + kOdd * (step * 2 * terms_.size() + 2 * one.graph) +
                  (one.is_document ? 0 : 1));
    if (terms_[one.graph].Append(one.edges, one.is_document ? documents : label_rows, random,
                                 &texts, batch)) {
      appended.push_back(side);
    }
  }
  return appended;
}

bool GraphRegularisers::Counts(std::uint32_t side) const {
  return options_.weighting != GraphWeighting::kEvidence || Weight(side) > 0;
}

bool GraphRegularisers::Counts() const {
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    if (Counts(side)) {
      return true;
    }
  }
  return false;
}

bool GraphRegularisers::CountsGraph(std::size_t graph) const {
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    if (sides_[side].graph == graph && Counts(side)) {
      return true;
    }
  }
  return false;
}

double GraphRegularisers::Weight(std::uint32_t side) const {
  switch (options_.weighting) {
    case GraphWeighting::kFixed:
      break;
    case GraphWeighting::kBandit:
      return bandit_->weights()[side];
    case GraphWeighting::kEvidence: {
      const double share = evidence_.empty() ? 0 : EvidenceShare(evidence_[side]);
      return evidence_rounds_ == 1 && share < 1 ? 0 : options_.weight * share;
    }
  }
  return options_.weight;
}

void GraphRegularisers::Weigh(std::span<const std::uint32_t> sides, EncoderBatch* batch) const {
  for (std::size_t i = 0; i < sides.size(); ++i) {
    batch->terms[i + 1].weight = static_cast<float>(Weight(sides[i]));
  }
}

void GraphRegularisers::NoteStep(std::uint64_t step, double reward) {
  if (bandit_ && step >= first_step_) {
    bandit_->NoteStep(reward);
  }
}

bool GraphRegularisers::IsEvidenceDue(std::uint32_t epoch) const {
  if (options_.weighting != GraphWeighting::kEvidence) {
    return false;
  }
  const auto doubts = [](const GraphEvidence& one) { return EvidenceShare(one) < 1; };
  return evidence_rounds_ == 0 || (evidence_rounds_ == 1 && epoch >= warmup_epochs_ &&
                                   std::any_of(evidence_.begin(), evidence_.end(), doubts));
}

void GraphRegularisers::NoteEvidence(const std::vector<GraphEvidence>& evidence) {
  evidence_.resize(sides_.size());
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    // What has terms already knows its edges: it would take memory for evidence.
    if (EvidenceShare(evidence_[side]) < 1) {
      evidence_[side] = evidence[side];
    }
  }
  ++evidence_rounds_;
}

EvidenceRows GraphRegularisers::DrawEvidence(std::uint32_t side) const {
  Random random((seed_ ^ kEvidenceStream) + kOdd * side);
  return DrawEvidenceRows(task_, graph(side), is_document(side), documents_, random);
}

bool GraphRegularisers::IsPruneDue(std::uint32_t epoch) const {
  return options_.pruning && Counts() && epoch >= warmup_epochs_ && pruned_epoch_ != epoch &&
         (epoch - warmup_epochs_) % options_.prune_epochs == 0;
}

std::optional<std::uint32_t> GraphRegularisers::FindSide(const PruneRows& rows) const {
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    if (sides_[side].graph == rows.graph && sides_[side].is_document == rows.documents &&
        Counts(side) && !rows.rows.empty()) {
      return side;
    }
  }
  return std::nullopt;
}

float GraphRegularisers::CosineMin(const PruneRows& sample) const {
  if (options_.cosine_min) {
    return *options_.cosine_min;
  }
  const auto side = FindSide(sample);
  std::vector<std::uint32_t> anchors;
  if (side) {
    for (const std::uint32_t row : sample.rows) {
      const auto all = sides_[*side].edges.anchors(row);
      anchors.insert(anchors.end(), all.begin(), all.end());
    }
  }
  if (anchors.empty()) {
    return 0;
  }
  const std::size_t dim = sample.embeddings.size() / sample.rows.size();
  Random random((seed_ ^ kPairStream) + kOdd * *side);
  double sum = 0;
  double squares = 0;
  const std::size_t num_pairs = sample.rows.size() * kPairsPerRow;
  for (std::size_t i = 0; i < num_pairs; ++i) {
    const std::size_t anchor = anchors[random.Uniform(anchors.size())];
    const double cosine = index::DotHalf(sample.embeddings.data() + i / kPairsPerRow * dim,
                                         sample.anchors.data() + anchor * dim, dim);
    sum += cosine;
    squares += cosine * cosine;
  }
  const double mean = sum / static_cast<double>(num_pairs);
  const double variance = squares / static_cast<double>(num_pairs) - mean * mean;
  return static_cast<float>(mean + options_.cosine_deviations * std::sqrt(std::max(0.0, variance)));
}

void GraphRegularisers::Prune(const PruneRows& rows, float cosine_min) {
  const auto side = FindSide(rows);
  if (!side) {
    return;
  }
  GraphEdges& edges = sides_[*side].edges;
  const std::size_t dim = rows.embeddings.size() / rows.rows.size();
  std::vector<float> cosines;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    cosines.clear();
    for (const std::uint32_t anchor : edges.anchors(rows.rows[i])) {
      cosines.push_back(index::DotHalf(rows.embeddings.data() + i * dim,
                                       rows.anchors.data() + std::size_t{anchor} * dim, dim));
    }
    edges.Prune(rows.rows[i], cosines, cosine_min);
  }
}

std::vector<GraphReport> GraphRegularisers::Report() const {
  std::vector<GraphReport> reports(sides_.size());
  for (std::uint32_t side = 0; side < sides_.size(); ++side) {
    const Side& one = sides_[side];
    reports[side].graph = task_.graphs[one.graph].name;
    reports[side].side = one.is_document ? "document" : "label";
    reports[side].weight = bandit_ ? bandit_->learned()[side] : Weight(side);
    reports[side].num_edges = one.edges.num_edges();
    reports[side].num_edges_kept = one.edges.num_kept();
    if (!evidence_.empty()) {
      reports[side].evidence = evidence_[side];
    }
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
  std::vector<double> evidence;
  evidence.reserve(3 * evidence_.size());
  for (const GraphEvidence& one : evidence_) {
    evidence.insert(evidence.end(), {one.agreement, one.chance, one.error});
  }
  DASHI_RETURN_IF_ERROR(PutVector(to, "graphs/evidence", evidence));
  const std::vector<std::uint32_t> rounds{evidence_rounds_};
  DASHI_RETURN_IF_ERROR(PutVector(to, "graphs/evidence_rounds", rounds));
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
  std::vector<double> evidence;
  DASHI_RETURN_IF_ERROR(GetVector(from, "graphs/evidence", &evidence));
  if (!evidence.empty() && evidence.size() != 3 * sides_.size()) {
    return Status::Corruption("the part graphs/evidence of a checkpoint does not fit");
  }
  evidence_.clear();
  evidence_.reserve(evidence.size() / 3);
  for (std::size_t i = 0; i < evidence.size(); i += 3) {
    evidence_.push_back({evidence[i], evidence[i + 1], evidence[i + 2]});
  }
  std::vector<std::uint32_t> rounds;
  DASHI_RETURN_IF_ERROR(GetVector(from, "graphs/evidence_rounds", &rounds));
  if (rounds.size() != 1) {
    return Status::Corruption("the part graphs/evidence_rounds of a checkpoint does not fit");
  }
  evidence_rounds_ = rounds[0];
  std::vector<std::uint32_t> pruned;
  DASHI_RETURN_IF_ERROR(GetVector(from, "graphs/pruned_epoch", &pruned));
  if (pruned.size() > 1) {
    return Status::Corruption("the part graphs/pruned_epoch of a checkpoint does not fit");
  }
  pruned_epoch_ = pruned.empty() ? std::nullopt : std::optional(pruned[0]);
  return Status();
}

}  // namespace dashi::trainer
