#include "storage/ordinal_set.h"

namespace dashi::storage {

namespace {

std::uint64_t BitOf(Ordinal ordinal) { return std::uint64_t{1} << (ToInteger(ordinal) % 64); }

}  // namespace

void OrdinalSet::Add(Ordinal ordinal) {
  if (ToInteger(ordinal) < limit_ && !Contains(ordinal)) {
    words_[ToInteger(ordinal) / 64] |= BitOf(ordinal);
    ++size_;
  }
}

bool OrdinalSet::Contains(Ordinal ordinal) const {
  return ToInteger(ordinal) < limit_ && (words_[ToInteger(ordinal) / 64] & BitOf(ordinal)) != 0;
}

}  // namespace dashi::storage
