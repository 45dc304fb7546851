#include "storage/id_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <xxhash.h>

#include "base/clock.h"
#include "base/random.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kNumSlotsFirst = 1U << 10U;
// As many slots as are asked for before the first is looked at.
constexpr std::size_t kIdsAtOnce = 32;

bool IsFull(std::uint64_t num_ids, std::size_t num_slots) { return 4 * num_ids > 3 * num_slots; }

}  // namespace

IdTable::IdTable()
    : seed_(Random(static_cast<std::uint64_t>(Clock::System().NowMicros()) ^
                   reinterpret_cast<std::uintptr_t>(this))
                .Next()) {}

void IdTable::Clear() {
  slots_.clear();
  size_ = 0;
}

IdTable::Slot IdTable::SlotOf(std::string_view id, std::uint32_t ordinal_plus_one) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(id.data(), id.size(), seed_);
  return {hash.low64, static_cast<std::uint32_t>(hash.high64), ordinal_plus_one};
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

void IdTable::Reserve(std::uint64_t num_ids, std::uint64_t bytes_max) {
  if (num_ids > bytes_max) {
    return;
  }
  std::size_t num_slots = kNumSlotsFirst;
  while (IsFull(num_ids, num_slots)) {
    num_slots *= 2;
  }
  if (num_slots * sizeof(Slot) <= bytes_max) {
    slots_.assign(num_slots, Slot());
  }
}

bool IdTable::Add(std::string_view id, Ordinal ordinal, std::uint64_t bytes_max) {
  if (IsFull(size_ + 1, slots_.size())) {
    if (2 * bytes() > bytes_max) {
      return false;
    }
    Grow();
  }
  const Slot slot = SlotOf(id, ToInteger(ordinal) + 1);
  slots_[Locate(slot)] = slot;
  ++size_;
  return true;
}

std::optional<Ordinal> IdTable::FindSlot(const Slot& slot) const {
  const std::uint32_t found = slots_[Locate(slot)].ordinal_plus_one;
  return found == 0 ? std::nullopt : std::optional<Ordinal>(Ordinal{found - 1});
}

std::optional<Ordinal> IdTable::Find(std::string_view id) const {
  return slots_.empty() ? std::nullopt : FindSlot(SlotOf(id, 0));
}

void IdTable::Find(std::span<const std::string_view> ids,
                   std::span<std::optional<Ordinal>> ordinals) const {
  if (slots_.empty()) {
    std::fill(ordinals.begin(), ordinals.end(), std::nullopt);
    return;
  }
  std::array<Slot, kIdsAtOnce> wanted;
  for (std::size_t begin = 0; begin < ids.size(); begin += kIdsAtOnce) {
    const std::size_t count = std::min(kIdsAtOnce, ids.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      wanted[i] = SlotOf(ids[begin + i], 0);
      __builtin_prefetch(&slots_[wanted[i].hash_low & (slots_.size() - 1)]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      ordinals[begin + i] = FindSlot(wanted[i]);
    }
  }
}

}  // namespace dashi::storage
