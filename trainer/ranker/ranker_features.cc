#include "trainer/ranker/ranker_features.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

/// A feature of fewer texts than this tells nothing about another text.
constexpr std::uint32_t kFrequencyMin = 2;

/// The buckets of a text's neighbouring words, in order. Call it with each word.
class PairHasher {
 public:
  /// Returns false at the first word, which has no neighbour before it.
  bool Next(std::string_view word, std::uint32_t* bucket) {
    const std::uint64_t hash = XXH3_64bits(word.data(), word.size());
    const bool has_previous = std::exchange(has_previous_, true);
    const std::uint64_t pair[2] = {std::exchange(previous_, hash), hash};
    *bucket =
        static_cast<std::uint32_t>(XXH3_64bits(pair, sizeof(pair))) % RankerFeatures::kNumBuckets;
    return has_previous;
  }

 private:
  bool has_previous_ = false;
  std::uint64_t previous_ = 0;
};

}  // namespace

void RankerFeatures::Learner::AddText(std::string_view text) {
  buckets_.clear();
  PairHasher pairs;
  ForEachWord(text, [&](std::string_view word) {
    std::uint32_t bucket = 0;
    if (pairs.Next(word, &bucket)) {
      buckets_.push_back(bucket);
    }
  });
  std::sort(buckets_.begin(), buckets_.end());
  buckets_.erase(std::unique(buckets_.begin(), buckets_.end()), buckets_.end());
  for (const std::uint32_t bucket : buckets_) {
    ++frequencies_[bucket];
  }
  ++num_texts_;
}

std::vector<float> RankerFeatures::Learner::BucketIdf() const {
  std::vector<float> idf(kNumBuckets, 0.0F);
  for (std::uint32_t bucket = 0; bucket < kNumBuckets; ++bucket) {
    if (frequencies_[bucket] >= kFrequencyMin) {
      idf[bucket] = InverseDocumentFrequency(num_texts_, frequencies_[bucket]);
    }
  }
  return idf;
}

RankerFeatures::RankerFeatures(std::unique_ptr<BagTokenizer> words, std::vector<float> bucket_idf)
    : words_(std::move(words)), bucket_idf_(std::move(bucket_idf)) {
  DASHI_CHECK(bucket_idf_.size() == kNumBuckets);
}

TokenBag RankerFeatures::Extract(std::string_view text) const { return Weigh(FindIds(text)); }

std::vector<std::uint32_t> RankerFeatures::FindIds(std::string_view text) const {
  std::vector<std::uint32_t> ids;
  const std::uint32_t num_words = words_->vocabulary_size();
  PairHasher pairs;
  ForEachWord(text, [&](std::string_view word) {
    const std::uint32_t id = words_->Find(word);
    if (id != BagTokenizer::kUnknown) {
      ids.push_back(id);
    }
    std::uint32_t bucket = 0;
    if (pairs.Next(word, &bucket)) {
      ids.push_back(num_words + bucket);
    }
  });
  return ids;
}

TokenBag RankerFeatures::Weigh(std::vector<std::uint32_t> ids) const {
  TokenBag bag;
  bag.ids = std::move(ids);
  const std::uint32_t num_words = words_->vocabulary_size();
  WeighTokens(
      [&](std::uint32_t id) {
        return id < num_words ? words_->idf(id) : bucket_idf_[id - num_words];
      },
      &bag);
  return bag;
}

std::string SerializeRankerFeatures(const RankerFeatures& features) {
  std::string bytes;
  AppendLengthPrefixed(&bytes, features.words().Serialize());
  for (const float idf : features.bucket_idf()) {
    AppendFloat(&bytes, idf);
  }
  return bytes;
}

Result<std::unique_ptr<RankerFeatures>> ParseRankerFeatures(std::string_view bytes) {
  ByteReader reader(bytes);
  std::string_view words;
  std::vector<float> bucket_idf(RankerFeatures::kNumBuckets);
  reader.ReadLengthPrefixed(&words);
  for (float& idf : bucket_idf) {
    reader.ReadFloat(&idf);
  }
  if (reader.failed() || !reader.empty()) {
    return Status::Corruption("the features of a ranker cannot be decoded");
  }
  DASHI_ASSIGN_OR_RETURN(auto tokenizer, BagTokenizer::Parse(words));
  return std::make_unique<RankerFeatures>(std::move(tokenizer), std::move(bucket_idf));
}

}  // namespace dashi::trainer
