#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/bag_weights.h"

namespace dashi::trainer {

/// Text -> unit-norm embedding. What queries use; no tensor library.
///
/// Threads: const methods may be called at once.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual std::size_t dim() const = 0;
  /// Encodes one text.  Shape: out [dim]. A text without a known token gives the zero vector.
  virtual Status Encode(std::string_view text, std::span<float> out) const = 0;
  /// Encodes many.  Shape: out [texts.size(), dim].
  virtual Status EncodeBatch(std::span<const std::string_view> texts, std::span<float> out,
                             ThreadPool& pool) const = 0;
};

/// The bag encoder over its trained weights, in plain C++ with SIMD kernels.
///
/// Errors: kInvalidArgument when the weights' shapes do not fit together or hold NaN.
/// Cost:   (tokens * dim + 2 * dim * hidden) multiply-adds; under 100 us for 20 words at dim 256.
Result<std::unique_ptr<Encoder>> MakeBagEncoder(std::unique_ptr<BagTokenizer> tokenizer,
                                                BagWeights weights);

}  // namespace dashi::trainer
