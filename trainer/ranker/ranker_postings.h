#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/bag_tokenizer.h"
#include "trainer/ranker/sparse_ranker.h"

namespace dashi::trainer {

/// A sparse ranker's weights by feature, to find the labels that a text's words speak for among all
/// labels: those that no embedding is near to are found by their names.
///
/// Threads: const methods may be called at once. A thread that calls Find keeps 4 bytes a label of
///          the largest ranker that it has seen.
class RankerPostings {
 public:
  /// How many weights a Find looks at. The rarest features of a text come first; common words,
  /// which tell little, are left out beyond it.
  static constexpr std::size_t kWeightsMax = 20'000;

  /// Cost: two passes over the weights.
  explicit RankerPostings(const SparseRankerWeights& weights);

  /// At most m labels, ascending: those with the highest sums of bias and weights over the text's
  /// features, ties to the lower label. A label without a common feature is none of them.
  ///
  /// Cost: one addition a weight looked at, then a selection among the labels met.
  std::vector<std::uint32_t> Find(const TokenBag& text, std::size_t m) const;
  /// The naive twin: sums over the rows of all labels.
  static std::vector<std::uint32_t> FindNaive(const SparseRankerWeights& weights,
                                              const TokenBag& text, std::size_t m);

  std::uint64_t memory_bytes() const;

 private:
  struct FeatureRange {
    std::uint64_t begin;
    std::uint64_t end;
    float value;  // of the text
  };

  // Those of the text's features that are looked at, rarest first.
  std::vector<FeatureRange> Choose(const TokenBag& text) const;

  std::vector<std::uint32_t> features_;  // that have weights, ascending
  std::vector<std::uint64_t> offsets_;   // [features_.size() + 1]
  std::vector<std::uint32_t> labels_;    // ascending within a feature
  std::vector<std::uint16_t> weights_;   // binary16
  std::vector<float> biases_;            // [num_labels]
};

}  // namespace dashi::trainer
