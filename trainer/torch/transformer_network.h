#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trainer/torch/dropout_source.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {

/// Token ids of texts, padded to the longest.
struct TokenMatrix {
  at::Tensor ids;       ///< [num_texts, length] int64
  at::Tensor lengths;   ///< [num_texts] int64
  bool padded = false;  ///< some text is shorter than `length`
};

/// Arithmetic and dropout of one forward pass.
struct ForwardOptions {
  bool bfloat16 = false;  ///< matrix products; norms and residuals stay float32
  float dropout = 0;
  float attention_dropout = 0;
  DropoutSource* dropout_source = nullptr;  ///< set when there is dropout
};

/// The forward pass of a transformer over given parameters; its gradient is LibTorch's.
///
/// Threads: const methods may be called at once.
class TransformerNetwork {
 public:
  /// `parameters` in the order of TransformerParameters, float32.
  TransformerNetwork(const TransformerConfig& config, const PoolingConfig& pooling,
                     std::vector<at::Tensor> parameters);

  /// The vectors of the tokens' words: the first parameter's rows.  Shape: result [texts, length,
  /// dim].
  at::Tensor WordVectors(const TokenMatrix& tokens) const;
  /// From word vectors to one vector a text, of any length.
  /// Shape: words [num_texts, length, dim], result [num_texts, dim] float32.
  at::Tensor Forward(const TokenMatrix& tokens, const at::Tensor& words,
                     const ForwardOptions& options) const;

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// The same network with matrix products' parameters rounded to bfloat16, for Encode.
  TransformerNetwork Rounded() const;

 private:
  at::Tensor Parameter(std::size_t layer, std::size_t index) const;
  at::Tensor Linear(const at::Tensor& input, std::size_t layer, std::size_t index,
                    const ForwardOptions& options) const;
  at::Tensor AddAndNormalize(const at::Tensor& input, const at::Tensor& added, std::size_t layer,
                             std::size_t index, const ForwardOptions& options) const;
  at::Tensor Embed(const TokenMatrix& tokens, const at::Tensor& words,
                   const ForwardOptions& options) const;
  at::Tensor Attend(const at::Tensor& input, const at::Tensor& mask, std::size_t layer,
                    const ForwardOptions& options) const;
  at::Tensor Pool(const TokenMatrix& tokens, const at::Tensor& vectors) const;

  TransformerConfig config_;
  PoolingConfig pooling_;
  std::vector<at::Tensor> parameters_;
  std::size_t first_layer_;  ///< the position of the first layer's parameters
};

/// Rows of unit length; rows of zeros stay.  Shape: rows [n, dim].
at::Tensor UnitLength(const at::Tensor& rows);

}  // namespace dashi::trainer
