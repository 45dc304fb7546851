// What a transformer's config implies. The tensor module compiles this file too, without JSON.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {
namespace {

using Family = TransformerConfig::Family;

void AddWeightAndBias(const std::string& name, std::uint64_t rows, std::uint64_t columns,
                      std::vector<TransformerParameter>* parameters) {
  parameters->push_back({name + ".weight", {rows, columns}});
  parameters->push_back({name + ".bias", {rows}});
}

void AddNorm(const std::string& name, std::uint64_t dim,
             std::vector<TransformerParameter>* parameters) {
  parameters->push_back({name + ".weight", {dim}});
  parameters->push_back({name + ".bias", {dim}});
}

/// What a family calls the parts of a layer.
struct LayerNames {
  const char* layer;
  const char* query;
  const char* key;
  const char* value;
  const char* output;
  const char* attention_norm;
  const char* up;
  const char* down;
  const char* output_norm;
};

constexpr LayerNames kBertLayer = {
    "encoder.layer.{}",     "attention.self.query",   "attention.self.key",
    "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
    "intermediate.dense",   "output.dense",           "output.LayerNorm"};
constexpr LayerNames kDistilBertLayer = {
    "transformer.layer.{}", "attention.q_lin", "attention.k_lin", "attention.v_lin",
    "attention.out_lin",    "sa_layer_norm",   "ffn.lin1",        "ffn.lin2",
    "output_layer_norm"};

}  // namespace

std::uint32_t TransformerConfig::num_tokens_max() const {
  return family == Family::kRoberta ? num_positions - padding_id - 1 : num_positions;
}

Status CheckTransformerConfig(const TransformerConfig& config) {
  struct Bound {
    const char* name;
    std::uint32_t value;
    std::uint32_t value_max;
  };
  const Bound bounds[] = {{"vocabulary_size", config.vocabulary_size, 1U << 24U},
                          {"dim", config.dim, 1U << 16U},
                          {"hidden", config.hidden, 1U << 18U},
                          {"num_layers", config.num_layers, 1U << 10U},
                          {"num_heads", config.num_heads, 1U << 12U},
                          {"num_positions", config.num_positions, 1U << 20U}};
  for (const Bound& bound : bounds) {
    if (bound.value == 0 || bound.value > bound.value_max) {
      return Status::InvalidArgument(
          fmt::format("transformer {} out of range: got {}, want 1 to "
                      "{}",
                      bound.name, bound.value, bound.value_max));
    }
  }
  if (config.dim % config.num_heads != 0) {
    return Status::InvalidArgument(
        fmt::format("transformer dim is no multiple of its heads: {} "
                    "and {}",
                    config.dim, config.num_heads));
  }
  if (config.family == Family::kRoberta && config.num_positions < config.padding_id + 2) {
    return Status::InvalidArgument(
        fmt::format("transformer has no position for a token: {} positions, padding id {}",
                    config.num_positions, config.padding_id));
  }
  if ((config.num_token_types == 0) != (config.family == Family::kDistilBert)) {
    return Status::InvalidArgument(fmt::format(
        "transformer token types do not fit its family: got {}", config.num_token_types));
  }
  const bool rates_fit = config.dropout >= 0 && config.dropout < 1 &&
                         config.attention_dropout >= 0 && config.attention_dropout < 1;
  if (!rates_fit || !(config.layer_norm_epsilon >= 0) ||
      !std::isfinite(config.layer_norm_epsilon)) {
    return Status::InvalidArgument(
        fmt::format("transformer dropout or epsilon out of range: {}, {}, {}", config.dropout,
                    config.attention_dropout, config.layer_norm_epsilon));
  }
  return Status();
}

std::vector<TransformerParameter> TransformerParameters(const TransformerConfig& config) {
  const std::uint64_t dim = config.dim;
  std::vector<TransformerParameter> parameters;
  const std::string embeddings = "embeddings.";
  parameters.push_back({embeddings + "word_embeddings.weight", {config.vocabulary_size, dim}});
  parameters.push_back({embeddings + "position_embeddings.weight", {config.num_positions, dim}});
  if (config.num_token_types > 0) {
    parameters.push_back(
        {embeddings + "token_type_embeddings.weight", {config.num_token_types, dim}});
  }
  AddNorm(embeddings + "LayerNorm", dim, &parameters);
  const LayerNames& names = config.family == Family::kDistilBert ? kDistilBertLayer : kBertLayer;
  for (std::uint32_t layer = 0; layer < config.num_layers; ++layer) {
    const std::string prefix = fmt::format(fmt::runtime(names.layer), layer) + ".";
    for (const char* part : {names.query, names.key, names.value, names.output}) {
      AddWeightAndBias(prefix + part, dim, dim, &parameters);
    }
    AddNorm(prefix + names.attention_norm, dim, &parameters);
    AddWeightAndBias(prefix + names.up, config.hidden, dim, &parameters);
    AddWeightAndBias(prefix + names.down, dim, config.hidden, &parameters);
    AddNorm(prefix + names.output_norm, dim, &parameters);
  }
  return parameters;
}

}  // namespace dashi::trainer
