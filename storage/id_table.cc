#include "storage/id_table.h"

#include <cstdint>
#include <utility>

#include <xxhash.h>

#include "base/clock.h"
#include "base/random.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kNumSlotsFirst = 1U << 10U;

}  // namespace

IdTable::IdTable()
    : seed_(Random(static_cast<std::uint64_t>(Clock::System().NowMicros()) ^
                   reinterpret_cast<std::uintptr_t>(this))
                .Next()) {}

void IdTable::Clear() {
  slots_.clear();
  size_ = 0;
}

IdTable::Slot IdTable::SlotOf(std::string_view id, std::uint64_t ordinal_plus_one) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(id.data(), id.size(), seed_);
  return {hash.low64, hash.high64, ordinal_plus_one};
}

std::size_t IdTable::Locate(const Slot& slot) const {
  std::size_t i = slot.hash_low & (slots_.size() - 1);
  while (slots_[i].ordinal_plus_one != 0 &&
         (slots_[i].hash_low != slot.hash_low || slots_[i].hash_high != slot.hash_high)) {
    i = (i + 1) & (slots_.size() - 1);
  }
  return i;
}

void IdTable::Grow() {
  const std::vector<Slot> before = std::exchange(slots_, {});
  slots_.resize(before.empty() ? kNumSlotsFirst : 2 * before.size());
  for (const Slot& slot : before) {
    if (slot.ordinal_plus_one != 0) {
      slots_[Locate(slot)] = slot;
    }
  }
}

bool IdTable::Add(std::string_view id, Ordinal ordinal, std::uint64_t bytes_max) {
  if (4 * (size_ + 1) > 3 * slots_.size()) {
    if (2 * bytes() > bytes_max) {
      return false;
    }
    Grow();
  }
  const Slot slot = SlotOf(id, std::uint64_t{ToInteger(ordinal)} + 1);
  slots_[Locate(slot)] = slot;
  ++size_;
  return true;
}

std::optional<Ordinal> IdTable::Find(std::string_view id) const {
  if (slots_.empty()) {
    return std::nullopt;
  }
  const Slot& slot = slots_[Locate(SlotOf(id, 0))];
  return slot.ordinal_plus_one == 0 ? std::nullopt
                                    : std::optional<Ordinal>(Ordinal{
                                          static_cast<std::uint32_t>(slot.ordinal_plus_one - 1)});
}

}  // namespace dashi::storage
