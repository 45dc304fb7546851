#include "trainer/torch/chunked_encoder.h"

#include <algorithm>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/random.h"
#include "base/status.h"
#include "trainer/torch/dropout_source.h"
#include "trainer/torch/row_table.h"
#include "trainer/torch/tensor_errors.h"

namespace dashi::trainer {
namespace {

// A chunk may hold this share of the activations, and so many chunks run at once at most.
constexpr std::size_t kChunksAtOnceMax = 8;
// On the processor more texts at once are no faster, and threads want chunks of their own.
constexpr double kProcessorChunkTokens = 2048;
// On a GPU fewer texts leave it idle, and more are padded to the length of the longest.
constexpr double kDeviceChunkTokens = 16'384;
// What bfloat16 leaves of the activations' bytes, measured on a GPU.
constexpr double kBfloat16Share = 0.55;

// Bytes that a token and a pair of tokens of one text leave for the gradient, about: what the
// operators of a layer keep, in float32.
struct ActivationCost {
  double token = 0;
  double pair = 0;
};

ActivationCost CostOf(const TransformerConfig& config, const ChunkOptions& options) {
  const bool on_processor = options.device.is_cpu();
  const double bytes = 4 * (options.bfloat16 && !on_processor ? kBfloat16Share : 1.0);
  const double layers = config.num_layers;
  return {bytes * layers * (12.0 * config.dim + 3.0 * config.hidden),
          bytes * layers * 3.0 * config.num_heads};
}

// Adds each token's gradient to its word's row.  Shape: ids [texts, length], gradient [texts,
// length, dim], sum [words, dim].
void AddWordGradient(const at::Tensor& ids, const at::Tensor& gradient, at::Tensor* sum) {
  if (ids.is_cpu()) {
    sum->index_add_(0, ids.flatten(), gradient.reshape({-1, gradient.size(2)}));
    return;
  }
  // A device's index_add_ adds in another order each time; this one sorts.
  sum->add_(at::embedding_dense_backward(gradient, ids, sum->size(0), /*padding_idx=*/-1,
                                         /*scale_grad_by_freq=*/false));
}

}  // namespace

ChunkedEncoder::ChunkedEncoder(const TransformerNetwork& network, const TransformerConfig& config,
                               const SparseRows& texts, const ChunkOptions& options,
                               ThreadPool& pool)
    : network_(network), config_(config), texts_(texts), options_(options), pool_(pool) {
  const ActivationCost cost = CostOf(config, options);
  const auto bytes_max = static_cast<double>(options.activation_bytes_max);
  // A device works on one chunk at a time.
  const double chunk_max = options.device.is_cpu()
                               ? std::min(bytes_max / static_cast<double>(kChunksAtOnceMax),
                                          kProcessorChunkTokens * cost.token)
                               : std::min(bytes_max, kDeviceChunkTokens * cost.token);
  chunks_ = ChunkByLength(texts, cost.token, cost.pair, chunk_max);
  double bytes = 0;
  for (const TokenChunk& chunk : chunks_) {
    const double length = chunk.length;
    bytes += static_cast<double>(chunk.texts.size()) *
             (length * cost.token + length * length * cost.pair);
  }
  keeps_ = bytes <= bytes_max;
}

void ChunkedEncoder::Upload() {
  for (const TokenChunk& chunk : chunks_) {
    tokens_.push_back(MakeTokenMatrix(texts_, chunk, config_.padding_id, options_.device));
    positions_.push_back(IndexTensor(chunk.texts, options_.device));
  }
}

ChunkedEncoder::Pass ChunkedEncoder::Run(std::size_t chunk, bool with_gradient) const {
  at::set_num_threads(1);
  ForwardOptions forward;
  forward.bfloat16 = options_.bfloat16;
  forward.dropout = options_.dropout;
  forward.attention_dropout = options_.attention_dropout;
  DropoutSource source(Random(options_.dropout_seed + chunk).Next(), options_.device);
  forward.dropout_source = &source;
  Pass pass;
  {
    const at::NoGradGuard no_gradient;
    pass.words = network_.WordVectors(tokens_[chunk]);
  }
  const at::AutoGradMode gradient_mode(with_gradient);
  pass.words.requires_grad_(with_gradient);
  pass.unit = UnitLength(network_.Forward(tokens_[chunk], pass.words, forward));
  return pass;
}

Result<at::Tensor> ChunkedEncoder::Forward() {
  std::vector<Status> statuses(chunks_.size());
  passes_.resize(chunks_.size());
  DASHI_RETURN_IF_ERROR(CatchAsStatus("transformer encoder", [&] { Upload(); }));
  const at::Tensor unit =
      at::empty({static_cast<std::int64_t>(texts_.num_rows()), config_.dim},
                at::TensorOptions(at::kFloat).device(options_.device));  // [num_texts, dim]
  pool_.ParallelFor(chunks_.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      statuses[chunk] = CatchTensorErrors("transformer encoder", [&] {
        Pass pass = Run(chunk, keeps_);
        const at::NoGradGuard no_gradient;
        at::Tensor rows = unit;
        rows.index_copy_(0, positions_[chunk], pass.unit.detach());
        if (keeps_) {
          passes_[chunk] = std::move(pass);
        }
      });
    }
  });
  for (Status& status : statuses) {
    DASHI_RETURN_IF_ERROR(std::move(status));
  }
  return unit;
}

std::vector<at::Tensor> ChunkedEncoder::Gradients(const Pass& pass,
                                                  const at::Tensor& gradient) const {
  const at::AutoGradMode gradient_mode(true);
  std::vector<at::Tensor> inputs = network_.parameters();
  inputs[0] = pass.words;
  return torch::autograd::grad({pass.unit}, inputs, {gradient});
}

Status ChunkedEncoder::Backward(const at::Tensor& gradient, std::vector<at::Tensor>* sums) {
  const std::size_t at_once =
      std::min(kChunksAtOnceMax, static_cast<std::size_t>(pool_.num_threads()));
  for (std::size_t first = 0; first < chunks_.size(); first += at_once) {
    const std::size_t size = std::min(at_once, chunks_.size() - first);
    std::vector<Status> statuses(size);
    std::vector<Pass> passes(size);
    std::vector<std::vector<at::Tensor>> gradients(size);
    pool_.ParallelFor(size, 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        statuses[i] = CatchTensorErrors("transformer gradient", [&] {
          at::set_num_threads(1);
          const std::size_t chunk = first + i;
          passes[i] = keeps_ ? std::move(passes_[chunk]) : Run(chunk, /*with_gradient=*/true);
          gradients[i] = Gradients(passes[i], gradient.index_select(0, positions_[chunk]));
        });
      }
    });
    for (Status& status : statuses) {
      DASHI_RETURN_IF_ERROR(std::move(status));
    }
    // Sums in the order of chunks, each parameter by one thread.
    pool_.ParallelFor(sums->size(), 1, [&](std::size_t begin, std::size_t end) {
      at::set_num_threads(1);
      const at::NoGradGuard no_gradient;
      for (std::size_t parameter = begin; parameter < end; ++parameter) {
        at::Tensor& sum = (*sums)[parameter];
        for (std::size_t i = 0; i < size; ++i) {
          if (parameter == 0) {
            AddWordGradient(tokens_[first + i].ids, gradients[i][0], &sum);
          } else {
            sum.add_(gradients[i][parameter]);
          }
        }
      }
    });
  }
  passes_.clear();
  return Status();
}

}  // namespace dashi::trainer
