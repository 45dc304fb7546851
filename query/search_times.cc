#include "query/search_times.h"

#include <algorithm>

namespace dashi::query {

namespace {

std::size_t IndexOf(SearchPart part) { return static_cast<std::size_t>(part); }

}  // namespace

std::string_view SearchPartName(SearchPart part) {
  switch (part) {
    case SearchPart::kEncode:
      return "encode";
    case SearchPart::kSearch:
      return "search";
    case SearchPart::kRank:
      return "rank";
  }
  return "rank";
}

void SearchTimes::Note(SearchPart part, std::int64_t micros) {
  const auto* bucket = std::lower_bound(kBuckets.begin(), kBuckets.end(), micros);
  Counter& counter = counters_[IndexOf(part)][static_cast<std::size_t>(bucket - kBuckets.begin())];
  counter.num_searches.fetch_add(1, std::memory_order_relaxed);
  counter.micros.fetch_add(micros, std::memory_order_relaxed);
}

std::vector<SearchTimes::Bucket> SearchTimes::Of(SearchPart part) const {
  const auto& counters = counters_[IndexOf(part)];
  std::vector<Bucket> buckets(counters.size());
  for (std::size_t i = 0; i < counters.size(); ++i) {
    if (i < kBuckets.size()) {
      buckets[i].up_to_micros = kBuckets[i];
    }
    buckets[i].num_searches = counters[i].num_searches.load(std::memory_order_relaxed);
    buckets[i].micros = counters[i].micros.load(std::memory_order_relaxed);
  }
  return buckets;
}

void SearchTimer::Begin() {
  if (times_ != nullptr) {
    begun_micros_ = times_->NowMicros();
  }
}

void SearchTimer::End(SearchPart part) {
  if (times_ != nullptr) {
    const std::int64_t now = times_->NowMicros();
    std::optional<std::int64_t>& micros = micros_[IndexOf(part)];
    micros = micros.value_or(0) + now - begun_micros_;
    begun_micros_ = now;
  }
}

void SearchTimer::AddShare(SearchPart part, const SearchTimer& all, std::size_t num) {
  if (const std::optional<std::int64_t>& took = all.micros_[IndexOf(part)]; took && num > 0) {
    std::optional<std::int64_t>& micros = micros_[IndexOf(part)];
    micros = micros.value_or(0) + *took / static_cast<std::int64_t>(num);
  }
}

void SearchTimer::Note() const {
  for (const SearchPart part : kSearchParts) {
    if (const std::optional<std::int64_t>& micros = micros_[IndexOf(part)]; times_ && micros) {
      times_->Note(part, *micros);
    }
  }
}

}  // namespace dashi::query
