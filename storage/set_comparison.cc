#include "storage/set_comparison.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include <xxhash.h>

namespace dashi::storage {

namespace {

constexpr std::size_t kNumBuckets = std::size_t{1} << 16U;

std::size_t BucketOf(std::uint64_t key) { return XXH3_64bits(&key, sizeof(key)) % kNumBuckets; }

XXH128_hash_t HashItem(std::uint64_t key, std::string_view payload) {
  // The key decides the seed, so that equal payloads of different keys do not cancel out.
  return XXH3_128bits_withSeed(payload.data(), payload.size(),
                               XXH3_64bits_withSeed(&key, sizeof(key), /*seed=*/1));
}

bool Before(const SetComparison::Difference& a, const SetComparison::Difference& b) {
  return std::tie(a.key, a.payload, a.side) < std::tie(b.key, b.payload, b.side);
}

}  // namespace

SetComparison::SetComparison() : buckets_(kNumBuckets) {}

void SetComparison::Add(Side side, std::uint64_t key, std::string_view payload) {
  Bucket& bucket = buckets_[BucketOf(key)];
  const XXH128_hash_t hash = HashItem(key, payload);
  bucket.sum_low += side == Side::kLeft ? hash.low64 : -hash.low64;
  bucket.sum_high += side == Side::kLeft ? hash.high64 : -hash.high64;
  ++bucket.num_items;
}

bool SetComparison::Equal() const {
  return std::all_of(buckets_.begin(), buckets_.end(),
                     [](const Bucket& bucket) { return bucket.equal(); });
}

void SetComparison::BeginSearch() {
  std::uint64_t num_items = 0;
  for (Bucket& bucket : buckets_) {
    if (bucket.equal()) {
      continue;
    }
    num_items += bucket.num_items;
    // One bucket is always searched, however large.
    bucket.searched = num_items <= kNumItemsMax || num_items == bucket.num_items;
    partial_ = partial_ || !bucket.searched;
  }
}

void SetComparison::Collect(Side side, std::uint64_t key, std::string_view payload) {
  if (buckets_[BucketOf(key)].searched) {
    items_.push_back({key, side, std::string(payload)});
  }
}

std::vector<SetComparison::Difference> SetComparison::Differences() {
  std::sort(items_.begin(), items_.end(), Before);
  std::vector<Difference> differences;
  for (std::size_t begin = 0; begin < items_.size();) {
    // Items alike stand together, left ones first; pairs of left and right cancel out.
    std::size_t end = begin;
    std::size_t num_left = 0;
    while (end < items_.size() && items_[end].key == items_[begin].key &&
           items_[end].payload == items_[begin].payload) {
      num_left += items_[end].side == Side::kLeft ? 1 : 0;
      ++end;
    }
    const std::size_t num_right = end - begin - num_left;
    const std::size_t num_more = std::max(num_left, num_right) - std::min(num_left, num_right);
    for (std::size_t i = 0; i < num_more; ++i) {
      differences.push_back(num_left > num_right ? items_[begin] : items_[end - 1]);
    }
    begin = end;
  }
  items_.clear();
  return differences;
}

}  // namespace dashi::storage
