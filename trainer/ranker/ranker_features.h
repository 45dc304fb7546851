#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_tokenizer.h"

namespace dashi::trainer {

/// Texts as the sparse ranker sees them: TF-IDF of words and of pairs of neighbouring words, with
/// unit L2 norm over both. Words are a BagTokenizer's; pairs are hashed to kNumBuckets, where
/// different pairs may meet. Weights are (1 + ln tf) * ln(num_texts / document frequency), the
/// document frequency of a pair being its bucket's. A bucket of fewer than two texts is left out.
///
/// Threads: const methods may be called at once.
class RankerFeatures {
 public:
  static constexpr std::uint32_t kNumBuckets = 1U << 20U;

  /// Counts in how many texts each bucket occurs, one text at a time.
  class Learner {
   public:
    void AddText(std::string_view text);
    /// Shape: [kNumBuckets], 0 for buckets that are left out.
    std::vector<float> BucketIdf() const;

   private:
    std::vector<std::uint32_t> frequencies_ = std::vector<std::uint32_t>(kNumBuckets, 0);
    std::vector<std::uint32_t> buckets_;  // of one text
    std::uint64_t num_texts_ = 0;
  };

  /// Shape: bucket_idf [kNumBuckets].
  RankerFeatures(std::unique_ptr<BagTokenizer> words, std::vector<float> bucket_idf);

  /// Words first, then buckets.
  std::uint32_t num_features() const { return words_->vocabulary_size() + kNumBuckets; }
  const BagTokenizer& words() const { return *words_; }
  const std::vector<float>& bucket_idf() const { return bucket_idf_; }

  /// Cost: about twice BagTokenizer::Tokenize.
  TokenBag Extract(std::string_view text) const;
  /// The features of a text, one for each occurrence. Extract is Weigh of them.
  std::vector<std::uint32_t> FindIds(std::string_view text) const;
  TokenBag Weigh(std::vector<std::uint32_t> ids) const;

 private:
  std::unique_ptr<BagTokenizer> words_;
  std::vector<float> bucket_idf_;
};

/// What the next training of the same texts takes up (docs/FORMATS.md).
std::string SerializeRankerFeatures(const RankerFeatures& features);
/// Errors: kCorruption for bytes that SerializeRankerFeatures did not write.
Result<std::unique_ptr<RankerFeatures>> ParseRankerFeatures(std::string_view bytes);

}  // namespace dashi::trainer
