#include "trainer/ranker/sparse_ranker.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::trainer {
namespace {

float Widen(std::uint16_t half) {
  float value = 0;
  index::FromHalf(&half, &value, 1);
  return value;
}

/// A text's features in an open-addressing table that is mostly empty, so that the many features
/// that the text lacks cost one probe each.
class FeatureTable {
 public:
  explicit FeatureTable(const TokenBag& text)
      : mask_(std::bit_ceil(std::max<std::size_t>(text.ids.size(), 1) * kSlotsPerFeature) - 1),
        slots_(mask_ + 1) {
    for (std::size_t i = 0; i < text.ids.size(); ++i) {
      std::size_t slot = Home(text.ids[i]);
      while (slots_[slot].feature != kNone) {
        slot = (slot + 1) & mask_;
      }
      slots_[slot] = {text.ids[i], text.weights[i]};
    }
  }

  /// The feature's value, 0 when the text lacks it.
  float Find(std::uint32_t feature) const {
    for (std::size_t slot = Home(feature); slots_[slot].feature != kNone;
         slot = (slot + 1) & mask_) {
      if (slots_[slot].feature == feature) {
        return slots_[slot].value;
      }
    }
    return 0;
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::size_t kSlotsPerFeature = 8;

  struct Slot {
    std::uint32_t feature = kNone;
    float value = 0;
  };

  std::size_t Home(std::uint32_t feature) const {
    constexpr std::uint32_t kMultiplier = 0x9E3779B1;  // Knuth's multiplicative hash
    return ((feature * kMultiplier) >> 12U) & mask_;
  }

  std::size_t mask_;
  std::vector<Slot> slots_;
};

}  // namespace

std::uint64_t SparseRankerWeights::memory_bytes() const {
  return offsets.size() * sizeof(std::uint64_t) + features.size() * sizeof(std::uint32_t) +
         weights.size() * sizeof(std::uint16_t) + biases.size() * sizeof(float);
}

void ScoreSparse(const SparseRankerWeights& weights, const TokenBag& text,
                 std::span<const std::uint32_t> labels, std::span<float> out) {
  const FeatureTable table(text);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    float sum = weights.biases[labels[i]];
    const std::uint64_t end = weights.offsets[labels[i] + std::size_t{1}];
    for (std::uint64_t j = weights.offsets[labels[i]]; j < end; ++j) {
      if (const float value = table.Find(weights.features[j]); value != 0) {
        sum += value * Widen(weights.weights[j]);
      }
    }
    out[i] = sum;
  }
}

void ScoreSparseNaive(const SparseRankerWeights& weights, const TokenBag& text,
                      std::span<const std::uint32_t> labels, std::span<float> out) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto begin =
        weights.features.begin() + static_cast<std::ptrdiff_t>(weights.offsets[labels[i]]);
    const auto end = weights.features.begin() +
                     static_cast<std::ptrdiff_t>(weights.offsets[labels[i] + std::size_t{1}]);
    float sum = weights.biases[labels[i]];
    for (std::size_t j = 0; j < text.ids.size(); ++j) {
      const auto found = std::lower_bound(begin, end, text.ids[j]);
      if (found != end && *found == text.ids[j]) {
        sum += text.weights[j] *
               Widen(weights.weights[static_cast<std::size_t>(found - weights.features.begin())]);
      }
    }
    out[i] = sum;
  }
}

SparseRanker::SparseRanker(std::unique_ptr<RankerFeatures> features, SparseRankerWeights weights)
    : features_(std::move(features)), weights_(std::move(weights)) {
  DASHI_CHECK(weights_.offsets.size() == weights_.biases.size() + 1);
}

std::uint64_t SparseRanker::memory_bytes() const {
  return weights_.memory_bytes() + RankerFeatures::kNumBuckets * sizeof(float);
}

void SparseRanker::Score(std::string_view text, std::span<const std::uint32_t> labels,
                         std::span<float> out) const {
  ScoreSparse(weights_, features_->Extract(text), labels, out);
}

}  // namespace dashi::trainer
