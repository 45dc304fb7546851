#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::trainer {

/// The shape of an encoder of the BERT family: token, position and type embeddings, then layers of
/// self-attention and a two-layer network, each with a residual and LayerNorm behind it.
struct TransformerConfig {
  /// They differ in the names of their tensors, in positions (kRoberta counts them from behind the
  /// padding id) and in type embeddings (kDistilBert has none). MiniLM is kBert.
  enum class Family : std::uint8_t { kBert, kDistilBert, kRoberta };
  enum class Activation : std::uint8_t { kGelu, kGeluTanh, kRelu };

  Family family = Family::kBert;
  Activation activation = Activation::kGelu;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t dim = 0;
  std::uint32_t hidden = 0;  ///< width of the network between the attentions
  std::uint32_t num_layers = 0;
  std::uint32_t num_heads = 0;
  std::uint32_t num_positions = 0;
  std::uint32_t num_token_types = 0;  ///< 0 for kDistilBert
  std::uint32_t padding_id = 0;
  double layer_norm_epsilon = 1e-12;
  float dropout = 0.1F;            ///< in training, of embeddings and of what residuals add
  float attention_dropout = 0.1F;  ///< in training, of attention weights

  /// How many tokens a text may have.
  std::uint32_t num_tokens_max() const;
  friend bool operator==(const TransformerConfig&, const TransformerConfig&) = default;
};

/// Reads the config.json of `transformers`.
///
/// Errors: kUnimplemented for another architecture or activation, naming it; kCorruption for a
///         missing member or one of the wrong type, kInvalidArgument for sizes that do not fit
///         together or are out of range.
Result<TransformerConfig> ParseTransformerConfig(std::string_view bytes);
std::string FormatTransformerConfig(const TransformerConfig& config);
/// Errors: kInvalidArgument as above.
Status CheckTransformerConfig(const TransformerConfig& config);

/// How token vectors become one vector, as `sentence-transformers` writes it.
struct PoolingConfig {
  enum class Kind : std::uint8_t { kMean, kFirst };  ///< kFirst: the vector of [CLS]

  Kind kind = Kind::kMean;
  bool normalize = true;             ///< to unit length
  std::uint32_t num_tokens_max = 0;  ///< of a text; 0: what the transformer can take

  friend bool operator==(const PoolingConfig&, const PoolingConfig&) = default;
};

/// A parameter of a transformer.
struct TransformerParameter {
  std::string name;  ///< as `transformers` writes it
  std::vector<std::uint64_t> shape;
};

/// All parameters, in the order of their use.
/// Shape: word_embeddings [vocabulary_size, dim], position_embeddings [num_positions, dim],
///        token_type_embeddings [num_token_types, dim] unless that is 0, norm weight and bias
///        [dim]; then for each layer weight and bias of query, key, value and output [dim, dim] and
///        [dim], norm [dim] twice, up [hidden, dim] and [hidden], down [dim, hidden] and [dim],
///        norm [dim] twice.
std::vector<TransformerParameter> TransformerParameters(const TransformerConfig& config);

inline constexpr std::size_t kParametersPerLayer = 16;

}  // namespace dashi::trainer
