#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace dashi::query {

/// What a topk spends its time on: encoding the query, searching the index and what came after it,
/// and ordering the shortlist anew by ranker and votes.
enum class SearchPart : std::uint8_t { kEncode, kSearch, kRank };
inline constexpr std::size_t kNumSearchParts = 3;
inline constexpr std::array<SearchPart, kNumSearchParts> kSearchParts = {
    SearchPart::kEncode, SearchPart::kSearch, SearchPart::kRank};

/// "encode", "search", "rank".
std::string_view SearchPartName(SearchPart part);

/// Counts how long the parts of searches took. What is kept does not grow with their number.
///
/// Threads: all methods may be called at once; a bucket that is read while it grows may have one
///          search more than its time.
class SearchTimes {
 public:
  /// The upper ends of the buckets, in microseconds.
  static constexpr std::array<std::int64_t, 15> kBuckets = {
      10,    25,     50,     100,     250,     500,       1'000,     2'500,
      5'000, 10'000, 25'000, 100'000, 250'000, 1'000'000, 10'000'000};

  explicit SearchTimes(const Clock& clock = Clock::System()) : clock_(clock) {}

  std::int64_t NowMicros() const { return clock_.MonotonicMicros(); }
  void Note(SearchPart part, std::int64_t micros);

  struct Bucket {
    std::optional<std::int64_t> up_to_micros;  ///< nullopt: of the rest
    std::uint64_t num_searches = 0;            ///< of this bucket alone
    std::int64_t micros = 0;                   ///< of them together
  };
  /// The buckets of a part, shortest first.  Shape: [kBuckets.size() + 1].
  std::vector<Bucket> Of(SearchPart part) const;

 private:
  struct Counter {
    std::atomic<std::uint64_t> num_searches = 0;
    std::atomic<std::int64_t> micros = 0;
  };

  const Clock& clock_;
  std::array<std::array<Counter, kBuckets.size() + 1>, kNumSearchParts> counters_;
};

/// Times the parts of one search. Without SearchTimes it looks at no clock.
///
/// Threads: one thread at a time.
class SearchTimer {
 public:
  explicit SearchTimer(SearchTimes* times) : times_(times) {}

  void Begin();
  /// Adds the time since the last Begin or End to what a part took.
  void End(SearchPart part);
  /// A share of what was done for many searches at once: an `num`-th of what another took for it.
  void AddShare(SearchPart part, const SearchTimer& all, std::size_t num);
  /// Has the parts that were done counted.
  void Note() const;

 private:
  SearchTimes* times_;  // Null: nothing is timed.
  std::int64_t begun_micros_ = 0;
  std::array<std::optional<std::int64_t>, kNumSearchParts> micros_;
};

}  // namespace dashi::query
