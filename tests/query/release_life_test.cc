// Random histories of a model's releases against a naive twin.

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "query/publish.h"
#include "storage/catalog_records.h"
#include "tests/query/release_fixture.h"

namespace dashi::query {
namespace {

using Numbers = std::vector<std::uint32_t>;

// What is kept, told in another way: by a list of all that was published, and by who asked for it.
class Twin {
 public:
  void Train() { live_.push_back(++last_); }
  void Retain(std::size_t number) { retain_ = number; }
  void Pin(std::uint32_t number, bool pinned) {
    std::erase(pinned_, number);
    if (pinned) {
      pinned_.push_back(number);
    }
  }
  void Publish(std::uint32_t number) {
    if (published_.empty() || published_.back() != number) {
      std::erase(published_, number);
      published_.push_back(number);
      left_.clear();
      Cut();
    }
    Collect();
  }
  bool Revert() {
    if (std::min(published_.size(), retain_ + 1) < 2) {
      return false;
    }
    Cut();
    left_.push_back(published_.back());
    published_.pop_back();
    Collect();
    return true;
  }
  const Numbers& live() const { return live_; }
  const Numbers& published() const { return published_; }
  std::size_t retain() const { return retain_; }

 private:
  static bool Has(const Numbers& numbers, std::uint32_t number) {
    return std::count(numbers.begin(), numbers.end(), number) > 0;
  }
  void Cut() {
    while (published_.size() > retain_ + 1) {
      published_.erase(published_.begin());
    }
  }
  void Collect() {
    std::erase_if(live_, [&](std::uint32_t number) {
      // The list is cut by the next PUBLISH or REVERT, what it keeps by each collection.
      const auto first =
          published_.end() - static_cast<std::ptrdiff_t>(std::min(published_.size(), retain_ + 1));
      return number < published_.back() && !Has(pinned_, number) && !Has(left_, number) &&
             !Has(Numbers(first, published_.end()), number);
    });
    std::erase_if(published_, [&](std::uint32_t number) { return !Has(live_, number); });
  }

  std::uint32_t last_ = 0;
  std::size_t retain_ = storage::kRetainReleasesDefault;
  Numbers live_;
  Numbers pinned_;
  Numbers published_;
  Numbers left_;
};

class ReleaseLifeTest : public ReleaseFixture {};

TEST_F(ReleaseLifeTest, ARandomOneEqualsItsTwin) {
  constexpr std::uint64_t kSeed = 17;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  Twin twin;
  for (int step = 0; step < 150; ++step) {
    SCOPED_TRACE(step);
    const Numbers live = twin.live();
    const auto any = [&] { return live[random.Uniform(live.size())]; };
    const std::uint64_t choice = random.Uniform(10);
    if (live.empty() || (choice < 3 && live.size() < 8)) {
      twin.Train();
      ASSERT_EQ(testing::AddRelease(*store_, "m", {.dim = 4}), twin.live().back());
    } else if (choice < 6) {
      const std::uint32_t number = any();
      twin.Publish(number);
      PublishAndCollect(number);
    } else if (choice < 8) {
      const bool done = !twin.published().empty() && twin.Revert();
      ASSERT_EQ(Revert(*store_, "m").ok(), done);
      if (done) {
        Collect();
      }
    } else if (choice < 9) {
      const std::uint32_t number = any();
      const bool pinned = random.Uniform(2) == 0;
      twin.Pin(number, pinned);
      Pin(number, pinned);
    } else {
      const std::uint64_t number = random.Uniform(4);
      twin.Retain(number);
      Retain(static_cast<std::uint32_t>(number));
    }
    ASSERT_EQ(Listed(), twin.live());
    if (!twin.published().empty()) {
      const auto view = store_->NewSnapshot().value();
      ASSERT_EQ(releases_->Resolve(*view, "m", {}).value()->record.number, twin.published().back());
    }
    ASSERT_LE(Model().reverted.size(), 4U);
  }
}

}  // namespace
}  // namespace dashi::query
