#include "trainer/torch/transformer_network.h"

#include <optional>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/scaled_dot_product_attention.h>

namespace dashi::trainer {
namespace {

// Positions of a layer's parameters (TransformerParameters).
constexpr std::size_t kQuery = 0;
constexpr std::size_t kKey = 2;
constexpr std::size_t kValue = 4;
constexpr std::size_t kOutput = 6;
constexpr std::size_t kAttentionNorm = 8;
constexpr std::size_t kUp = 10;
constexpr std::size_t kDown = 12;
constexpr std::size_t kOutputNorm = 14;

constexpr double kNormMin = 1e-12;

at::Tensor Dropout(const at::Tensor& input, float rate, DropoutSource* source) {
  return rate == 0 ? input : source->Drop(input, rate);
}

}  // namespace

at::Tensor UnitLength(const at::Tensor& rows) {
  return rows / at::linalg_vector_norm(rows, 2, {1}, /*keepdim=*/true).clamp_min(kNormMin);
}

TransformerNetwork::TransformerNetwork(const TransformerConfig& config,
                                       const PoolingConfig& pooling,
                                       std::vector<at::Tensor> parameters)
    : config_(config),
      pooling_(pooling),
      parameters_(std::move(parameters)),
      first_layer_(config.num_token_types > 0 ? 5 : 4) {}

TransformerNetwork TransformerNetwork::Rounded() const {
  std::vector<at::Tensor> rounded = parameters_;
  for (std::size_t i = first_layer_; i < rounded.size(); ++i) {
    const std::size_t index = (i - first_layer_) % kParametersPerLayer;
    const bool is_norm = index / 2 == kAttentionNorm / 2 || index / 2 == kOutputNorm / 2;
    rounded[i] = is_norm ? rounded[i] : rounded[i].to(at::kBFloat16);
  }
  return TransformerNetwork(config_, pooling_, std::move(rounded));
}

at::Tensor TransformerNetwork::Parameter(std::size_t layer, std::size_t index) const {
  return parameters_[first_layer_ + layer * kParametersPerLayer + index];
}

at::Tensor TransformerNetwork::Linear(const at::Tensor& input, std::size_t layer, std::size_t index,
                                      const ForwardOptions& options) const {
  const at::ScalarType type = options.bfloat16 ? at::kBFloat16 : at::kFloat;
  return at::linear(input.to(type), Parameter(layer, index).to(type),
                    Parameter(layer, index + 1).to(type));
}

at::Tensor TransformerNetwork::AddAndNormalize(const at::Tensor& input, const at::Tensor& added,
                                               std::size_t layer, std::size_t index,
                                               const ForwardOptions& options) const {
  // A device adds bfloat16 to float32 in one kernel; the processor's masks are float32.
  const at::Tensor widened = added.is_cpu() ? added.to(at::kFloat) : added;
  const at::Tensor sum =
      input + Dropout(widened, options.dropout, options.dropout_source);  // as input
  return at::layer_norm(sum, {config_.dim}, Parameter(layer, index), Parameter(layer, index + 1),
                        config_.layer_norm_epsilon);
}

at::Tensor TransformerNetwork::WordVectors(const TokenMatrix& tokens) const {
  return parameters_[0]
      .index_select(0, tokens.ids.flatten())
      .view({tokens.ids.size(0), tokens.ids.size(1), config_.dim});  // [num_texts, length, dim]
}

at::Tensor TransformerNetwork::Embed(const TokenMatrix& tokens, const at::Tensor& words,
                                     const ForwardOptions& options) const {
  const std::int64_t first =
      config_.family == TransformerConfig::Family::kRoberta ? config_.padding_id + 1 : 0;
  at::Tensor sum = words + parameters_[1].narrow(0, first, tokens.ids.size(1));  // [texts, len, d]
  if (config_.num_token_types > 0) {
    sum = sum + parameters_[2].select(0, 0);
  }
  const at::Tensor normalized =
      at::layer_norm(sum, {config_.dim}, parameters_[first_layer_ - 2],
                     parameters_[first_layer_ - 1], config_.layer_norm_epsilon);
  return Dropout(normalized, options.dropout, options.dropout_source);
}

at::Tensor TransformerNetwork::Attend(const at::Tensor& input, const at::Tensor& mask,
                                      std::size_t layer, const ForwardOptions& options) const {
  const std::int64_t num_texts = input.size(0);
  const std::int64_t length = input.size(1);
  const std::int64_t num_heads = config_.num_heads;
  const at::Tensor rounded = input.to(options.bfloat16 ? at::kBFloat16 : at::kFloat);  // as input
  const auto heads = [&](std::size_t index) {
    return Linear(rounded, layer, index, options)
        .view({num_texts, length, num_heads, config_.dim / num_heads})
        .transpose(1, 2);  // [num_texts, num_heads, length, dim / num_heads]
  };
  const at::Tensor query = heads(kQuery);
  const at::Tensor key = heads(kKey);
  const at::Tensor value = heads(kValue);
  at::Tensor attended;  // [num_texts, num_heads, length, dim / num_heads]
  if (options.attention_dropout > 0) {
    attended = options.dropout_source->Attend(query, key, value, mask, options.attention_dropout);
  } else {
    attended = at::scaled_dot_product_attention(
        query, key, value, mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt);
  }
  return Linear(attended.transpose(1, 2).reshape({num_texts, length, config_.dim}), layer, kOutput,
                options);
}

at::Tensor TransformerNetwork::Pool(const TokenMatrix& tokens, const at::Tensor& vectors) const {
  if (pooling_.kind == PoolingConfig::Kind::kFirst) {
    return vectors.select(1, 0);  // [num_texts, dim]
  }
  if (!tokens.padded) {
    return vectors.mean(1);  // [num_texts, dim]
  }
  const at::Tensor kept =
      (at::arange(vectors.size(1), tokens.lengths.options()) < tokens.lengths.unsqueeze(1))
          .to(at::kFloat)
          .unsqueeze(1);  // [num_texts, 1, length]
  return at::matmul(kept, vectors).squeeze(1) /
         tokens.lengths.unsqueeze(1).to(at::kFloat);  // [num_texts, dim]
}

at::Tensor TransformerNetwork::Forward(const TokenMatrix& tokens, const at::Tensor& words,
                                       const ForwardOptions& options) const {
  at::Tensor mask;  // [num_texts, 1, 1, length], true where a token stands
  if (tokens.padded) {
    mask = (at::arange(tokens.ids.size(1), tokens.lengths.options()) < tokens.lengths.unsqueeze(1))
               .unsqueeze(1)
               .unsqueeze(1);
  }
  at::Tensor state = Embed(tokens, words, options);  // [num_texts, length, dim]
  for (std::size_t layer = 0; layer < config_.num_layers; ++layer) {
    state =
        AddAndNormalize(state, Attend(state, mask, layer, options), layer, kAttentionNorm, options);
    at::Tensor wide = Linear(state, layer, kUp, options);  // [num_texts, length, hidden]
    wide = config_.activation == TransformerConfig::Activation::kRelu   ? at::relu(wide)
           : config_.activation == TransformerConfig::Activation::kGelu ? at::gelu(wide)
                                                                        : at::gelu(wide, "tanh");
    state =
        AddAndNormalize(state, Linear(wide, layer, kDown, options), layer, kOutputNorm, options);
  }
  return Pool(tokens, state);
}

}  // namespace dashi::trainer
