#include "trainer/word_table.h"

#include <bit>

#include <xxhash.h>

#include "base/status.h"

namespace dashi::trainer {

namespace {

constexpr std::size_t kSlotsMin = 64;

std::uint64_t Hash(std::string_view word) { return XXH3_64bits(word.data(), word.size()); }

}  // namespace

WordTable::WordTable() : slots_(kSlotsMin) {}

std::string_view WordTable::word(std::uint32_t index) const {
  const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(arena_).substr(begin, ends_[index] - begin);
}

std::uint32_t WordTable::Find(std::string_view word) const {
  return slots_[FindSlot(word, Hash(word))].index;
}

std::uint32_t WordTable::FindOrAdd(std::string_view word) {
  const std::uint64_t hash = Hash(word);
  std::size_t slot = FindSlot(word, hash);
  if (slots_[slot].index != kNone) {
    return slots_[slot].index;
  }
  DASHI_CHECK(size() < kNone - 1);
  if (2 * (ends_.size() + 1) > slots_.size()) {
    Grow(2 * slots_.size());
    slot = FindSlot(word, hash);
  }
  const std::uint32_t index = size();
  arena_.append(word);
  ends_.push_back(arena_.size());
  slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), index};
  return index;
}

void WordTable::Reserve(std::size_t num_words, std::size_t num_bytes) {
  arena_.reserve(num_bytes);
  ends_.reserve(num_words);
  const std::size_t num_slots = std::bit_ceil(2 * num_words + 2);
  if (num_slots > slots_.size()) {
    Grow(num_slots);
  }
}

/// The slot that holds the word, or the free slot where it belongs.
std::size_t WordTable::FindSlot(std::string_view wanted, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot].index == kNone ||
        (slots_[slot].tag == tag && word(slots_[slot].index) == wanted)) {
      return slot;
    }
  }
}

void WordTable::Grow(std::size_t num_slots) {
  slots_.assign(num_slots, Slot());
  const std::size_t mask = num_slots - 1;
  for (std::uint32_t index = 0; index < size(); ++index) {
    const std::uint64_t hash = Hash(word(index));
    std::size_t slot = hash & mask;
    while (slots_[slot].index != kNone) {
      slot = (slot + 1) & mask;
    }
    slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), index};
  }
}

}  // namespace dashi::trainer
