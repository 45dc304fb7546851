#include "trainer/ramen/ramen_checks.h"

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/option_checks.h"

namespace dashi::trainer {
namespace {

constexpr double kWeightMax = 100.0;
constexpr double kDeviationsMax = 100.0;

Status CheckEdges(const TrainingGraph& graph, const char* what, const SparseRows& edges,
                  std::size_t num_rows) {
  if (edges.num_rows() != num_rows || !edges.values.empty()) {
    return Status::InvalidArgument(
        fmt::format("graph {} shape mismatch: {} rows and {} values of "
                    "{} anchors, want {} rows without values",
                    graph.name, edges.num_rows(), edges.values.size(), what, num_rows));
  }
  const std::size_t num_anchors = graph.anchor_tokens.num_rows();
  for (const std::uint32_t anchor : edges.columns) {
    if (anchor >= num_anchors) {
      return Status::InvalidArgument(
          fmt::format("anchor of graph {} out of range: got {}, want below {}", graph.name, anchor,
                      num_anchors));
    }
  }
  return Status();
}

}  // namespace

Status CheckRamenOptions(const RamenOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckPositive("anchors_per_row", options.anchors_per_row));
  DASHI_RETURN_IF_ERROR(CheckPositive("row_share", options.row_share));
  DASHI_RETURN_IF_ERROR(CheckShare("row_share", options.row_share, 1.0));
  DASHI_RETURN_IF_ERROR(CheckLoss("graph_loss", options.loss));
  if (options.loss.kind == LossKind::kBinary) {
    return Status::InvalidArgument("graph_loss must be a loss over a batch, not the binary one");
  }
  DASHI_RETURN_IF_ERROR(CheckShare("graph_warmup_share", options.warmup_share, 1.0));
  DASHI_RETURN_IF_ERROR(CheckPositive("prune_epochs", options.prune_epochs));
  if (options.cosine_min && !(*options.cosine_min >= -1.0F && *options.cosine_min <= 1.0F)) {
    return Status::InvalidArgument(
        fmt::format("cosine_min must be from -1 to 1: got {}", *options.cosine_min));
  }
  DASHI_RETURN_IF_ERROR(CheckShare("cosine_deviations", options.cosine_deviations, kDeviationsMax));
  if (options.warmup_terms && options.weighting == GraphWeighting::kEvidence) {
    return Status::InvalidArgument(
        "graph_warmup_terms must be off with weights by evidence: an encoder that was trained on a "
        "graph is no witness");
  }
  DASHI_RETURN_IF_ERROR(CheckShare("graph_weight", options.weight, kWeightMax));
  DASHI_RETURN_IF_ERROR(CheckShare("graph_weight_min", options.weight_min, kWeightMax));
  DASHI_RETURN_IF_ERROR(CheckPositive("bandit_rate", options.bandit_rate));
  DASHI_RETURN_IF_ERROR(CheckPositive("bandit_deviation", options.bandit_deviation));
  DASHI_RETURN_IF_ERROR(CheckPositive("bandit_steps", options.bandit_steps));
  DASHI_RETURN_IF_ERROR(CheckShare("bandit_momentum", options.bandit_momentum, 1.0));
  return CheckShare("bandit_frozen_share", options.bandit_frozen_share, 1.0);
}

Status CheckGraph(const TrainingGraph& graph, std::size_t num_documents, std::size_t num_labels) {
  DASHI_RETURN_IF_ERROR(CheckEdges(graph, "documents'", graph.document_anchors, num_documents));
  return CheckEdges(graph, "labels'", graph.label_anchors, num_labels);
}

}  // namespace dashi::trainer
