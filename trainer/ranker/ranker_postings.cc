#include "trainer/ranker/ranker_postings.h"

#include <algorithm>
#include <span>

#include "index/vector_kernels.h"

namespace dashi::trainer {
namespace {

struct Found {
  float score;
  std::uint32_t label;
};

std::vector<std::uint32_t> Best(std::vector<Found>* found, std::size_t m) {
  if (found->size() > m) {
    std::nth_element(found->begin(), found->begin() + static_cast<std::ptrdiff_t>(m), found->end(),
                     [](const Found& a, const Found& b) {
                       return a.score != b.score ? a.score > b.score : a.label < b.label;
                     });
    found->resize(m);
  }
  std::vector<std::uint32_t> labels;
  labels.reserve(found->size());
  for (const Found& one : *found) {
    labels.push_back(one.label);
  }
  std::sort(labels.begin(), labels.end());
  return labels;
}

// Sums by label, all `kNotMet` between two calls.
constexpr float kNotMet = -1e30F;
thread_local std::vector<float> sums;

}  // namespace

RankerPostings::RankerPostings(const SparseRankerWeights& weights)
    : features_(weights.features),
      labels_(weights.features.size()),
      weights_(weights.features.size()),
      biases_(weights.biases) {
  std::sort(features_.begin(), features_.end());
  features_.erase(std::unique(features_.begin(), features_.end()), features_.end());
  features_.shrink_to_fit();
  // Where each feature goes; next[f] counts up while the weights are put there.
  std::vector<std::uint64_t> next(features_.empty() ? 0 : features_.back() + std::size_t{1});
  for (const std::uint32_t feature : weights.features) {
    ++next[feature];
  }
  offsets_.reserve(features_.size() + 1);
  offsets_.push_back(0);
  for (const std::uint32_t feature : features_) {
    offsets_.push_back(offsets_.back() + next[feature]);
    next[feature] = offsets_[offsets_.size() - 2];
  }
  for (std::uint32_t label = 0; label < weights.num_labels(); ++label) {
    const std::uint64_t end = weights.offsets[label + std::size_t{1}];
    for (std::uint64_t i = weights.offsets[label]; i < end; ++i) {
      const std::uint64_t place = next[weights.features[i]]++;
      labels_[place] = label;
      weights_[place] = weights.weights[i];
    }
  }
}

std::vector<RankerPostings::FeatureRange> RankerPostings::Choose(const TokenBag& text) const {
  std::vector<FeatureRange> ranges;
  ranges.reserve(text.ids.size());
  auto place = features_.begin();
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    place = std::lower_bound(place, features_.end(), text.ids[i]);
    if (place != features_.end() && *place == text.ids[i]) {
      const auto row = static_cast<std::size_t>(place - features_.begin());
      ranges.push_back({offsets_[row], offsets_[row + 1], text.weights[i]});
    }
  }
  std::sort(ranges.begin(), ranges.end(), [](const FeatureRange& a, const FeatureRange& b) {
    const std::uint64_t size_a = a.end - a.begin;
    const std::uint64_t size_b = b.end - b.begin;
    return size_a != size_b ? size_a < size_b : a.begin < b.begin;
  });
  std::uint64_t num_weights = 0;
  const auto too_many = std::find_if(ranges.begin(), ranges.end(), [&](const FeatureRange& range) {
    num_weights += range.end - range.begin;
    return num_weights > kWeightsMax;
  });
  ranges.erase(too_many, ranges.end());
  return ranges;
}

std::vector<std::uint32_t> RankerPostings::Find(const TokenBag& text, std::size_t m) const {
  if (sums.size() < biases_.size()) {
    sums.resize(biases_.size(), kNotMet);
  }
  std::vector<std::uint32_t> met;
  std::vector<float> widened;
  for (const FeatureRange& range : Choose(text)) {
    const std::size_t size = range.end - range.begin;
    widened.resize(size);
    index::FromHalf(weights_.data() + range.begin, widened.data(), size);
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint32_t label = labels_[range.begin + i];
      float& sum = sums[label];
      if (sum == kNotMet) {
        sum = biases_[label];
        met.push_back(label);
      }
      sum += range.value * widened[i];
    }
  }
  std::vector<Found> found;
  found.reserve(met.size());
  for (const std::uint32_t label : met) {
    found.push_back({sums[label], label});
    sums[label] = kNotMet;
  }
  return Best(&found, m);
}

std::vector<std::uint32_t> RankerPostings::FindNaive(const SparseRankerWeights& weights,
                                                     const TokenBag& text, std::size_t m) {
  std::vector<Found> found;
  for (std::uint32_t label = 0; label < weights.num_labels(); ++label) {
    const auto first = static_cast<std::ptrdiff_t>(weights.offsets[label]);
    const auto last = static_cast<std::ptrdiff_t>(weights.offsets[label + std::size_t{1}]);
    const bool is_met =
        std::any_of(weights.features.begin() + first, weights.features.begin() + last,
                    [&text](std::uint32_t feature) {
                      return std::binary_search(text.ids.begin(), text.ids.end(), feature);
                    });
    if (is_met) {
      float score = 0;
      ScoreSparseNaive(weights, text, std::span(&label, 1), std::span(&score, 1));
      found.push_back({score, label});
    }
  }
  return Best(&found, m);
}

std::uint64_t RankerPostings::memory_bytes() const {
  return features_.size() * sizeof(std::uint32_t) + offsets_.size() * sizeof(std::uint64_t) +
         labels_.size() * sizeof(std::uint32_t) + weights_.size() * sizeof(std::uint16_t) +
         biases_.size() * sizeof(float);
}

}  // namespace dashi::trainer
