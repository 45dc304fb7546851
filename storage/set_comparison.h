#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::storage {

/// Compares two sets of items that come in different orders and may not fit memory.
///
/// Each item goes into a bucket by its key, where the 128-bit hashes of the left items are added
/// and those of the right ones subtracted: buckets that end at zero hold equal sets. Only when some
/// do not, the items are visited a second time, and those of differing buckets are kept and
/// compared.
///
/// Threads: one thread at a time.
/// Cost:    1.5 MiB, and about 30 ns an item; a second visit keeps at most kNumItemsMax items.
class SetComparison {
 public:
  enum class Side : std::uint8_t { kLeft, kRight };

  /// An item that one side alone has.
  struct Difference {
    std::uint64_t key = 0;
    Side side = Side::kLeft;
    std::string payload;
  };

  SetComparison();

  /// First visit.
  void Add(Side side, std::uint64_t key, std::string_view payload);
  bool Equal() const;

  /// Second visit: Begin, Collect with every item again, then the differences by ascending key.
  void BeginSearch();
  void Collect(Side side, std::uint64_t key, std::string_view payload);
  std::vector<Difference> Differences();
  /// Whether some buckets were left out, so that there are more differences than were found.
  bool partial() const { return partial_; }

 private:
  static constexpr std::uint64_t kNumItemsMax = 200'000;

  struct Bucket {
    std::uint64_t sum_low = 0;
    std::uint64_t sum_high = 0;
    std::uint32_t num_items = 0;
    bool searched = false;
    bool equal() const { return sum_low == 0 && sum_high == 0; }
  };

  std::vector<Bucket> buckets_;
  std::vector<Difference> items_;
  bool partial_ = false;
};

}  // namespace dashi::storage
