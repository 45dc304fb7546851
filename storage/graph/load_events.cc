#include "storage/graph/load_events.h"

#include <cstddef>
#include <utility>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kNumSlotsFirst = 1024;
constexpr std::size_t kHashBytes = 16;

}  // namespace

LoadedEventSet::Slot* LoadedEventSet::Find(const Slot& event) {
  std::size_t i = event.low & (slots_.size() - 1);
  while ((slots_[i].high != 0 || slots_[i].low != 0) &&
         (slots_[i].high != event.high || slots_[i].low != event.low)) {
    i = (i + 1) & (slots_.size() - 1);
  }
  return &slots_[i];
}

void LoadedEventSet::Grow() {
  const std::vector<Slot> before = std::exchange(slots_, {});
  slots_.resize(before.empty() ? kNumSlotsFirst : 2 * before.size());
  for (const Slot& slot : before) {
    if (slot.high != 0 || slot.low != 0) {
      *Find(slot) = slot;
    }
  }
}

bool LoadedEventSet::Add(std::string_view key) {
  DASHI_CHECK(key.size() > kHashBytes);
  ByteReader reader(key.substr(key.size() - kHashBytes));
  Slot event;
  DASHI_CHECK(reader.ReadBigEndian64(&event.high) && reader.ReadBigEndian64(&event.low));
  event.low += event.high == 0 && event.low == 0 ? 1 : 0;
  if (4 * (size_ + 1) > 3 * slots_.size()) {
    Grow();
  }
  Slot* slot = Find(event);
  if (slot->high == event.high && slot->low == event.low) {
    return false;
  }
  *slot = event;
  ++size_;
  return true;
}

}  // namespace dashi::storage
