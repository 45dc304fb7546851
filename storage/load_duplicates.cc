#include "storage/load_duplicates.h"

#include <limits>
#include <utility>

namespace dashi::storage {

namespace {

constexpr std::size_t kNumSlotsFirst = 1U << 10U;
// No pair: ordinals stay below 2^32 - 1.
constexpr std::uint64_t kFreePair = std::numeric_limits<std::uint64_t>::max();

bool IsFull(std::uint64_t size, std::size_t num_slots) { return 4 * (size + 1) > 3 * num_slots; }

std::uint64_t PairOf(Ordinal document, Ordinal label) {
  return static_cast<std::uint64_t>(ToInteger(document)) << 32U | ToInteger(label);
}

// Fibonacci hashing with a final shift: pairs of neighbouring ordinals must spread.
std::uint64_t Spread(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15U;
  return value ^ (value >> 29U);
}

}  // namespace

bool LoadedIdTable::Find(std::uint64_t hash,
                         const std::function<bool(std::uint32_t block)>& holds) const {
  if (slots_.empty()) {
    return false;
  }
  const auto short_hash = static_cast<std::uint32_t>(hash);
  for (std::size_t i = short_hash & (slots_.size() - 1); slots_[i].block_plus_one != 0;
       i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].hash == short_hash && holds(slots_[i].block_plus_one - 1)) {
      return true;
    }
  }
  return false;
}

void LoadedIdTable::Place(Slot slot) {
  std::size_t i = slot.hash & (slots_.size() - 1);
  while (slots_[i].block_plus_one != 0) {
    i = (i + 1) & (slots_.size() - 1);
  }
  slots_[i] = slot;
}

void LoadedIdTable::Grow() {
  std::vector<Slot> before = std::exchange(slots_, {});
  slots_.resize(before.empty() ? kNumSlotsFirst : 2 * before.size());
  for (const Slot& slot : before) {
    if (slot.block_plus_one != 0) {
      Place(slot);
    }
  }
}

void LoadedIdTable::Add(std::uint64_t hash, std::uint32_t block) {
  if (IsFull(size_, slots_.size())) {
    Grow();
  }
  Place({static_cast<std::uint32_t>(hash), block + 1});
  ++size_;
}

// Returns the slot of the pair, or the free slot where it belongs.
std::uint64_t LoadedPairSet::SlotOf(std::uint64_t pair) const {
  std::size_t i = Spread(pair) & (slots_.size() - 1);
  while (slots_[i] != kFreePair && slots_[i] != pair) {
    i = (i + 1) & (slots_.size() - 1);
  }
  return i;
}

void LoadedPairSet::Grow() {
  const std::vector<std::uint64_t> before = std::exchange(slots_, {});
  slots_.assign(before.empty() ? kNumSlotsFirst : 2 * before.size(), kFreePair);
  for (const std::uint64_t pair : before) {
    if (pair != kFreePair) {
      slots_[SlotOf(pair)] = pair;
    }
  }
}

void LoadedPairSet::Reserve(std::uint64_t num_pairs, std::uint64_t bytes_max) {
  if (num_pairs > bytes_max) {
    return;
  }
  std::size_t num_slots = kNumSlotsFirst;
  while (IsFull(num_pairs, num_slots)) {
    num_slots *= 2;
  }
  if (num_slots * sizeof(std::uint64_t) <= bytes_max) {
    slots_.assign(num_slots, kFreePair);
  }
}

bool LoadedPairSet::Add(Ordinal document, Ordinal label) {
  if (IsFull(size_, slots_.size())) {
    Grow();
  }
  const std::uint64_t pair = PairOf(document, label);
  std::uint64_t& slot = slots_[SlotOf(pair)];
  if (slot == pair) {
    return false;
  }
  slot = pair;
  ++size_;
  return true;
}

bool LoadedPairSet::Contains(Ordinal document, Ordinal label) const {
  if (slots_.empty()) {
    return false;
  }
  const std::uint64_t pair = PairOf(document, label);
  return slots_[SlotOf(pair)] == pair;
}

void LoadedPairSet::Prefetch(Ordinal document, Ordinal label) const {
  if (!slots_.empty()) {
    __builtin_prefetch(&slots_[Spread(PairOf(document, label)) & (slots_.size() - 1)], /*rw=*/1);
  }
}

void LoadedPairSet::ForEach(
    const std::function<bool(Ordinal document, Ordinal label)>& visit) const {
  for (const std::uint64_t pair : slots_) {
    if (pair != kFreePair && !visit(Ordinal{static_cast<std::uint32_t>(pair >> 32U)},
                                    Ordinal{static_cast<std::uint32_t>(pair)})) {
      return;
    }
  }
}

}  // namespace dashi::storage
