#include "storage/id_table.h"

#include <limits>
#include <utility>

#include <xxhash.h>

namespace dashi::storage {

namespace {

constexpr std::size_t kNumSlotsFirst = 1U << 10U;

std::uint32_t HashOf(std::string_view id) {
  return static_cast<std::uint32_t>(XXH3_64bits(id.data(), id.size()));
}

}  // namespace

std::string_view IdTable::IdOf(std::size_t entry) const {
  const std::size_t begin = entry == 0 ? 0 : entries_[entry - 1].end;
  return std::string_view(ids_).substr(begin, entries_[entry].end - begin);
}

std::uint64_t IdTable::bytes() const {
  return ids_.size() + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(Slot);
}

void IdTable::Clear() {
  ids_.clear();
  entries_.clear();
  slots_.clear();
}

void IdTable::Place(Slot slot) {
  std::size_t i = slot.hash & (slots_.size() - 1);
  while (slots_[i].entry_plus_one != 0) {
    i = (i + 1) & (slots_.size() - 1);
  }
  slots_[i] = slot;
}

void IdTable::Grow() {
  std::vector<Slot> before = std::exchange(slots_, {});
  slots_.resize(before.empty() ? kNumSlotsFirst : 2 * before.size());
  for (const Slot& slot : before) {
    if (slot.entry_plus_one != 0) {
      Place(slot);
    }
  }
}

bool IdTable::Add(std::string_view id, Ordinal ordinal, std::uint64_t bytes_max) {
  const std::uint64_t ids_bytes = ids_.size() + id.size();
  if (bytes() + id.size() + sizeof(Entry) > bytes_max ||
      ids_bytes > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  if (4 * (entries_.size() + 1) > 3 * slots_.size()) {
    Grow();
  }
  ids_ += id;
  entries_.push_back({static_cast<std::uint32_t>(ids_bytes), ordinal});
  Place({HashOf(id), static_cast<std::uint32_t>(entries_.size())});
  return true;
}

std::optional<Ordinal> IdTable::Find(std::string_view id) const {
  if (slots_.empty()) {
    return std::nullopt;
  }
  const std::uint32_t hash = HashOf(id);
  for (std::size_t i = hash & (slots_.size() - 1); slots_[i].entry_plus_one != 0;
       i = (i + 1) & (slots_.size() - 1)) {
    const std::size_t entry = slots_[i].entry_plus_one - 1;
    if (slots_[i].hash == hash && IdOf(entry) == id) {
      return entries_[entry].ordinal;
    }
  }
  return std::nullopt;
}

}  // namespace dashi::storage
