#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dashi::trainer {

/// Values by 64-bit keys in one open-addressing table. The key of all ones is not allowed.
///
/// Threads: const methods may be called at once.
template <typename Value>
class FlatMap {
 public:
  FlatMap() : slots_(kFirstSlots) {}

  std::size_t size() const { return size_; }
  /// The key's value, or null. Valid until the next insertion.
  const Value* Find(std::uint64_t key) const {
    const Slot& slot = slots_[SlotOf(key)];
    return slot.key == kEmpty ? nullptr : &slot.value;
  }
  Value* Find(std::uint64_t key) {
    Slot& slot = slots_[SlotOf(key)];
    return slot.key == kEmpty ? nullptr : &slot.value;
  }
  /// Returns the key's value, which is `value` when the key is new.
  Value& FindOrInsert(std::uint64_t key, const Value& value) {
    std::size_t slot = SlotOf(key);
    if (slots_[slot].key == kEmpty) {
      if (2 * (size_ + 1) > slots_.size()) {
        Grow();
        slot = SlotOf(key);
      }
      slots_[slot] = {key, value};
      ++size_;
    }
    return slots_[slot].value;
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  static constexpr std::size_t kFirstSlots = 64;

  struct Slot {
    std::uint64_t key = kEmpty;
    Value value{};
  };

  std::size_t SlotOf(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    // Fibonacci hashing: the upper bits of the product depend on all of the key.
    std::size_t slot = ((key * 0x9E3779B97F4A7C15ULL) >> 32U) & mask;
    while (slots_[slot].key != key && slots_[slot].key != kEmpty) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }
  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    std::swap(old, slots_);
    for (Slot& slot : old) {
      if (slot.key != kEmpty) {
        slots_[SlotOf(slot.key)] = std::move(slot);
      }
    }
  }

  std::vector<Slot> slots_;  ///< a power of two, at most half full
  std::size_t size_ = 0;
};

}  // namespace dashi::trainer
