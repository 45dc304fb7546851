#include "bench/accuracy/training_options.h"

#include <cstdlib>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/status.h"

namespace dashi::trainer {
Status SetOption(std::string_view argument, NgameOptions* options) {
  const std::size_t equals = argument.find('=');
  const std::string name(argument.substr(0, equals));
  const std::string value(equals == argument.npos ? "" : argument.substr(equals + 1));
  const double number = std::strtod(value.c_str(), nullptr);
  const auto count = static_cast<std::uint32_t>(number);
  const auto real = static_cast<float>(number);
  const std::unordered_map<std::string, std::function<void()>> setters{
      {"dim", [&] { options->dim = count; }},
      {"hidden", [&] { options->hidden = count; }},
      {"seed", [&] { options->seed = count; }},
      {"threads", [&] { options->num_threads = static_cast<int>(number); }},
      {"device", [&] { options->device = value; }},
      {"precision", [&] { options->precision = value; }},
      {"epochs", [&] { options->epochs = count; }},
      {"batch_size", [&] { options->batch_size = count; }},
      {"label_documents", [&] { options->label_documents = number != 0; }},
      {"learning_rate_embeddings", [&] { options->learning_rate_embeddings = real; }},
      {"learning_rate_dense", [&] { options->learning_rate_dense = real; }},
      {"temperature", [&] { options->encoder_loss.temperature = real; }},
      {"loss", [&] { options->encoder_loss.kind = static_cast<LossKind>(count); }},
      {"classifier_temperature", [&] { options->classifier_loss.temperature = real; }},
      {"classifier_loss", [&] { options->classifier_loss.kind = static_cast<LossKind>(count); }},
      {"batches_ahead", [&] { options->batches_ahead = count; }},
      {"cluster_size_max", [&] { options->cluster_size_max = count; }},
      {"classifier_epochs", [&] { options->classifier_epochs = count; }},
      {"classifier_trains_encoder", [&] { options->classifier_trains_encoder = number != 0; }},
      {"random_labels", [&] { options->random_labels = count; }},
      {"classifier_learning_rate", [&] { options->classifier_learning_rate = real; }},
      {"classifier_learning_rate_embeddings",
       [&] { options->classifier_learning_rate_embeddings = real; }},
      {"classifier_dropout", [&] { options->classifier_dropout = real; }},
      {"objective", [&] { options->objective = static_cast<RankingObjective>(count); }},
      {"retrieval", [&] { options->retrieval = number != 0; }},
      {"document_graph", [&] { options->ramen.document_graph = number != 0; }},
      {"label_graph", [&] { options->ramen.label_graph = number != 0; }},
      {"anchors_per_row", [&] { options->ramen.anchors_per_row = count; }},
      {"row_share", [&] { options->ramen.row_share = number; }},
      {"graph_loss", [&] { options->ramen.loss.kind = static_cast<LossKind>(count); }},
      {"graph_temperature", [&] { options->ramen.loss.temperature = real; }},
      {"graph_margin", [&] { options->ramen.loss.margin = real; }},
      {"graph_negatives", [&] { options->ramen.loss.num_negatives = count; }},
      {"graph_weight", [&] { options->ramen.weight = number; }},
      {"graph_weight_min", [&] { options->ramen.weight_min = number; }},
      {"pruning", [&] { options->ramen.pruning = number != 0; }},
      {"graph_warmup_share", [&] { options->ramen.warmup_share = number; }},
      {"graph_warmup_terms", [&] { options->ramen.warmup_terms = number != 0; }},
      {"cosine_deviations", [&] { options->ramen.cosine_deviations = number; }},
      {"prune_epochs", [&] { options->ramen.prune_epochs = count; }},
      {"cosine_min", [&] { options->ramen.cosine_min = real; }},
      {"graph_weighting", [&] { options->ramen.weighting = static_cast<GraphWeighting>(count); }},
      {"bandit_rate", [&] { options->ramen.bandit_rate = number; }},
      {"bandit_deviation", [&] { options->ramen.bandit_deviation = number; }},
      {"bandit_steps", [&] { options->ramen.bandit_steps = count; }},
      {"bandit_momentum", [&] { options->ramen.bandit_momentum = number; }},
      {"bandit_frozen_share", [&] { options->ramen.bandit_frozen_share = number; }},
      {"ranker", [&] { options->ranker = number != 0; }},
      {"ranker_c", [&] { options->ranker_c = number; }},
      {"ranker_passes", [&] { options->sparse_ranker.svm.passes_max = count; }},
      {"ranker_tolerance", [&] { options->sparse_ranker.svm.tolerance = number; }},
      {"ranker_weight_min", [&] { options->sparse_ranker.weight_min = real; }},
      {"validation_share", [&] { options->validation_share = number; }},
  };
  const auto setter = setters.find(name);
  if (setter == setters.end()) {
    return Status::InvalidArgument("unknown option " + name);
  }
  setter->second();
  return Status();
}

}  // namespace dashi::trainer
