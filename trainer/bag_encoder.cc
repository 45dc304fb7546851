#include "trainer/bag_encoder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::trainer {

namespace {

/// Texts that one thread encodes before it asks for more.
constexpr std::size_t kTextsPerChunk = 64;

bool AllFinite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

bool AllFiniteHalf(const std::vector<std::uint16_t>& values) {
  constexpr std::uint16_t kExponent = 0x7C00;
  return std::all_of(values.begin(), values.end(),
                     [](std::uint16_t value) { return (value & kExponent) != kExponent; });
}

Status CheckWeights(const BagWeights& weights, std::uint32_t vocabulary_size) {
  const std::size_t dim = weights.dim;
  const std::size_t hidden = weights.hidden;
  if (dim == 0) {
    return Status::InvalidArgument("bag encoder weights have dim 0");
  }
  if (weights.vocabulary_size != vocabulary_size) {
    return Status::InvalidArgument("bag encoder vocabulary size mismatch: weights have " +
                                   std::to_string(weights.vocabulary_size) + ", tokenizer " +
                                   std::to_string(vocabulary_size));
  }
  if (weights.embeddings.size() != vocabulary_size * dim || weights.w1.size() != hidden * dim ||
      weights.b.size() != hidden || weights.w2.size() != dim * hidden) {
    return Status::InvalidArgument("bag encoder weights do not fit their shape: vocabulary " +
                                   std::to_string(vocabulary_size) + ", dim " +
                                   std::to_string(dim) + ", hidden " + std::to_string(hidden));
  }
  const char* damaged = !AllFiniteHalf(weights.embeddings) ? "embeddings"
                        : !AllFinite(weights.w1)           ? "w1"
                        : !AllFinite(weights.b)            ? "b"
                        : !AllFinite(weights.w2)           ? "w2"
                                                           : nullptr;
  if (damaged != nullptr) {
    return Status::InvalidArgument(
        std::string("bag encoder weights hold a value that is not finite: tensor ") + damaged);
  }
  return Status::Ok();
}

class BagEncoder : public Encoder {
 public:
  BagEncoder(std::unique_ptr<BagTokenizer> tokenizer, BagWeights weights)
      : tokenizer_(std::move(tokenizer)), weights_(std::move(weights)) {}

  std::size_t dim() const override { return weights_.dim; }

  Status Encode(std::string_view text, std::span<float> out) const override {
    DASHI_RETURN_IF_ERROR(CheckOut(out, 1));
    return EncodeInto(text, out.data());
  }

  Status EncodeBatch(std::span<const std::string_view> texts, std::span<float> out,
                     ThreadPool& pool) const override {
    DASHI_RETURN_IF_ERROR(CheckOut(out, texts.size()));
    Mutex mutex;
    Status first_error;
    pool.ParallelFor(texts.size(), kTextsPerChunk, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        Status status = EncodeInto(texts[i], out.data() + i * dim());
        if (!status.ok()) {
          const MutexLock lock(mutex);
          first_error = std::move(status);
          return;
        }
      }
    });
    return first_error;
  }

 private:
  Status CheckOut(std::span<float> out, std::size_t num_texts) const {
    if (out.size() != num_texts * dim()) {
      return Status::InvalidArgument("embedding buffer size mismatch: got " +
                                     std::to_string(out.size()) + ", want " +
                                     std::to_string(num_texts * dim()));
    }
    return Status::Ok();
  }

  Status EncodeInto(std::string_view text, float* out) const {
    const std::size_t dim = weights_.dim;
    const std::size_t hidden = weights_.hidden;
    const TokenBag bag = tokenizer_->Tokenize(text);
    std::fill_n(out, dim, 0.0F);
    if (bag.ids.empty()) {
      return Status::Ok();
    }
    for (std::size_t t = 0; t < bag.ids.size(); ++t) {
      index::AddScaledHalf(bag.weights[t], weights_.embeddings.data() + bag.ids[t] * dim, out, dim);
    }
    if (hidden > 0) {
      thread_local std::vector<float> scratch;
      scratch.resize(std::max(scratch.size(), hidden + dim));
      float* activations = scratch.data();
      float* residual = activations + hidden;
      index::MatrixVector(weights_.w1.data(), out, hidden, dim, activations);
      for (std::size_t i = 0; i < hidden; ++i) {
        activations[i] = std::max(activations[i] + weights_.b[i], 0.0F);
      }
      index::MatrixVector(weights_.w2.data(), activations, dim, hidden, residual);
      index::AddScaled(1.0F, residual, out, dim);
    }
    if (!std::isfinite(index::NormalizeInPlace(out, dim))) {
      return Status::Internal("embedding is not finite");
    }
    return Status::Ok();
  }

  const std::unique_ptr<BagTokenizer> tokenizer_;
  const BagWeights weights_;
};

}  // namespace

Result<std::unique_ptr<Encoder>> MakeBagEncoder(std::unique_ptr<BagTokenizer> tokenizer,
                                                BagWeights weights) {
  DASHI_RETURN_IF_ERROR(CheckWeights(weights, tokenizer->vocabulary_size()));
  return std::unique_ptr<Encoder>(
      std::make_unique<BagEncoder>(std::move(tokenizer), std::move(weights)));
}

}  // namespace dashi::trainer
