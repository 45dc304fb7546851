#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "trainer/bag_tokenizer.h"
#include "trainer/ranker/ranker_features.h"

namespace dashi::trainer {

/// One sparse linear function of RankerFeatures a label: score = <weights, x> + bias.
/// Shape: offsets [num_labels + 1], features and weights [offsets.back()] with the features of a
///        label ascending and weights in binary16, biases [num_labels].
struct SparseRankerWeights {
  std::vector<std::uint64_t> offsets{0};
  std::vector<std::uint32_t> features;
  std::vector<std::uint16_t> weights;
  std::vector<float> biases;
  /// How many labels the words of a text add to its shortlist (RankerPostings); 0: none.
  std::uint32_t word_candidates = 0;

  std::size_t num_labels() const { return biases.size(); }
  std::uint64_t memory_bytes() const;
};

/// Scores labels for a text whose features are known: out[i] is the score of labels[i].
///
/// Cost: one probe of a small hash table per weight of each label; about 25 us for 130 labels.
void ScoreSparse(const SparseRankerWeights& weights, const TokenBag& text,
                 std::span<const std::uint32_t> labels, std::span<float> out);

/// The naive twin: looks up each feature of the text in each label's row.
void ScoreSparseNaive(const SparseRankerWeights& weights, const TokenBag& text,
                      std::span<const std::uint32_t> labels, std::span<float> out);

/// The third stage of a release: orders a shortlist by words and word pairs. Immutable.
///
/// Threads: const methods may be called at once.
class SparseRanker {
 public:
  /// The weights' features must be below features->num_features().
  SparseRanker(std::unique_ptr<RankerFeatures> features, SparseRankerWeights weights);

  const RankerFeatures& features() const { return *features_; }
  const SparseRankerWeights& weights() const { return weights_; }
  std::uint64_t memory_bytes() const;

  /// Shape: labels [n], each below weights().num_labels(); out [n].
  void Score(std::string_view text, std::span<const std::uint32_t> labels,
             std::span<float> out) const;

 private:
  std::unique_ptr<RankerFeatures> features_;
  SparseRankerWeights weights_;
};

}  // namespace dashi::trainer
