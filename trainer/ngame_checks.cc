#include "trainer/ngame_checks.h"

#include <cmath>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/option_checks.h"
#include "trainer/ramen/ramen_checks.h"

namespace dashi::trainer {
namespace {

Status CheckTokens(const char* what, const SparseRows& tokens, std::uint32_t vocabulary_size) {
  for (std::size_t i = 0; i < tokens.columns.size(); ++i) {
    if (tokens.columns[i] >= vocabulary_size ||
        (!tokens.values.empty() && !std::isfinite(tokens.values[i]))) {
      return Status::InvalidArgument(fmt::format("bad {} token: id {} of {}, weight {}", what,
                                                 tokens.columns[i], vocabulary_size,
                                                 tokens.values.empty() ? 1.0F : tokens.values[i]));
    }
  }
  return Status();
}

}  // namespace

Status CheckTask(const TrainingTask& task) {
  const std::size_t num_labels = task.label_tokens.num_rows();
  if (task.document_tokens.num_rows() != task.relevance.num_rows() ||
      task.own_label.size() != task.relevance.num_rows()) {
    return Status::InvalidArgument(fmt::format(
        "training task shape mismatch: {} document texts, {} relevance rows, {} own "
        "labels",
        task.document_tokens.num_rows(), task.relevance.num_rows(), task.own_label.size()));
  }
  for (const std::uint32_t label : task.relevance.columns) {
    if (label >= num_labels) {
      return Status::InvalidArgument(
          fmt::format("relevance label out of range: got {}, want below {}", label, num_labels));
    }
  }
  if (!task.label_weights.empty() && task.label_weights.size() != num_labels) {
    return Status::InvalidArgument(
        fmt::format("training task shape mismatch: {} labels, {} weights", num_labels,
                    task.label_weights.size()));
  }
  for (const float weight : task.label_weights) {
    if (!(weight > 0) || !std::isfinite(weight)) {
      return Status::InvalidArgument(
          fmt::format("the weight of a label must be above 0: got {}", weight));
    }
  }
  for (const std::uint32_t label : task.own_label) {
    if (label != TrainingTask::kNoLabel && label >= num_labels) {
      return Status::InvalidArgument(
          fmt::format("own label out of range: got {}, want below {}", label, num_labels));
    }
  }
  DASHI_RETURN_IF_ERROR(CheckTokens("document", task.document_tokens, task.vocabulary_size));
  DASHI_RETURN_IF_ERROR(CheckTokens("label", task.label_tokens, task.vocabulary_size));
  for (const TrainingGraph& graph : task.graphs) {
    DASHI_RETURN_IF_ERROR(CheckGraph(graph, task.relevance.num_rows(), num_labels));
    DASHI_RETURN_IF_ERROR(CheckTokens("anchor", graph.anchor_tokens, task.vocabulary_size));
  }
  if (task.num_features == 0) {
    return Status();
  }
  if (task.document_features.num_rows() != task.relevance.num_rows() ||
      task.label_features.num_rows() != num_labels) {
    return Status::InvalidArgument(fmt::format(
        "training task shape mismatch: features of {} documents and {} labels, want {} and {}",
        task.document_features.num_rows(), task.label_features.num_rows(),
        task.relevance.num_rows(), num_labels));
  }
  DASHI_RETURN_IF_ERROR(CheckTokens("document feature", task.document_features, task.num_features));
  return CheckTokens("label feature", task.label_features, task.num_features);
}

Status CheckOptions(const NgameOptions& options) {
  DASHI_RETURN_IF_ERROR(CheckPositive("dim", options.dim));
  DASHI_RETURN_IF_ERROR(CheckPositive("epochs", options.epochs));
  DASHI_RETURN_IF_ERROR(CheckPositive("batch_size", options.batch_size));
  DASHI_RETURN_IF_ERROR(CheckPositive("cluster_size_max", options.cluster_size_max));
  DASHI_RETURN_IF_ERROR(CheckPositive("recluster_epochs", options.recluster_epochs));
  DASHI_RETURN_IF_ERROR(
      CheckPositive("learning_rate_embeddings", options.learning_rate_embeddings));
  DASHI_RETURN_IF_ERROR(
      CheckPositive("classifier_learning_rate", options.classifier_learning_rate));
  DASHI_RETURN_IF_ERROR(CheckShare("learning_rate_dense", options.learning_rate_dense, 1e6));
  DASHI_RETURN_IF_ERROR(CheckShare("random_share", options.random_share, 1.0));
  DASHI_RETURN_IF_ERROR(CheckShare("growth_share", options.growth_share, 1.0));
  DASHI_RETURN_IF_ERROR(CheckShare("classifier_dropout", options.classifier_dropout, 0.95));
  DASHI_RETURN_IF_ERROR(CheckShare("validation_share", options.validation_share, 0.5));
  DASHI_RETURN_IF_ERROR(CheckLoss("encoder_loss", options.encoder_loss));
  if (options.encoder_loss.kind == LossKind::kBinary) {
    return Status::InvalidArgument("encoder_loss must be a loss over a batch, not the binary one");
  }
  DASHI_RETURN_IF_ERROR(CheckLoss("classifier_loss", options.classifier_loss));
  return CheckRamenOptions(options.ramen);
}

}  // namespace dashi::trainer
