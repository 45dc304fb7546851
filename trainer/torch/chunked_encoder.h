#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/torch/token_chunks.h"
#include "trainer/torch/transformer_network.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// How a batch is encoded for training.
struct ChunkOptions {
  at::Device device = at::kCPU;
  bool bfloat16 = false;
  float dropout = 0;
  float attention_dropout = 0;
  std::uint64_t dropout_seed = 0;
  std::uint64_t activation_bytes_max = 0;
};

/// One batch of texts through a network and back, in chunks that run on the pool, each with one
/// thread of LibTorch. When the activations of all chunks fit, they are kept for the gradient; else
/// each chunk is run again for it, with the same dropout.
///
/// Chunks and the order of sums depend on the batch and the options alone.
/// Threads: one thread at a time.
class ChunkedEncoder {
 public:
  ChunkedEncoder(const TransformerNetwork& network, const TransformerConfig& config,
                 const SparseRows& texts, const ChunkOptions& options, ThreadPool& pool);

  /// Unit rows.  Shape: result [num_texts, dim].
  Result<at::Tensor> Forward();
  /// Adds the gradients of the parameters to `sums`.
  /// Shape: gradient [num_texts, dim]; sums as the network's parameters.
  Status Backward(const at::Tensor& gradient, std::vector<at::Tensor>* sums);

  std::size_t num_chunks() const { return chunks_.size(); }
  bool keeps_activations() const { return keeps_; }

 private:
  struct Pass {
    at::Tensor words;  // [texts of the chunk, length, dim], a leaf
    at::Tensor unit;   // [texts of the chunk, dim]
  };

  Pass Run(std::size_t chunk, bool with_gradient) const;
  std::vector<at::Tensor> Gradients(const Pass& pass, const at::Tensor& gradient) const;
  /// Tokens and positions of all chunks, on the device before it has work: an upload waits for what
  /// is queued, and so would the host.
  void Upload();

  const TransformerNetwork& network_;
  const TransformerConfig& config_;
  const SparseRows& texts_;
  const ChunkOptions options_;
  ThreadPool& pool_;
  std::vector<TokenChunk> chunks_;
  std::vector<TokenMatrix> tokens_;    // of each chunk
  std::vector<at::Tensor> positions_;  // of each chunk's texts in the batch
  bool keeps_ = false;
  std::vector<Pass> passes_;  // of all chunks, when they are kept
};

}  // namespace dashi::trainer
