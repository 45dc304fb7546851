#include "index/position_set.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status.h"

namespace dashi::index {

namespace {

/// Sparser sets are listed: no graph is walked for so few.
constexpr std::size_t kPositionsPerListed = 256;

}  // namespace

PositionSet::PositionSet(std::vector<Position> members, std::size_t num_positions)
    : num_positions_(num_positions), size_(members.size()), members_(std::move(members)) {
  DASHI_CHECK(members_.empty() || members_.back() < num_positions);
  if (size_ * kPositionsPerListed <= num_positions) {
    return;
  }
  words_.resize((num_positions + kWordBits - 1) / kWordBits);
  for (const Position member : members_) {
    words_[member / kWordBits] |= std::uint64_t{1} << (member % kWordBits);
  }
  members_ = {};
}

PositionSet PositionSet::Where(std::size_t num_positions,
                               const std::function<bool(Position)>& passes) {
  std::vector<Position> members;
  members.reserve(num_positions);
  for (std::size_t i = 0; i < num_positions; ++i) {
    if (passes(static_cast<Position>(i))) {
      members.push_back(static_cast<Position>(i));
    }
  }
  return {std::move(members), num_positions};
}

PositionSet PositionSet::AllBut(std::span<const Position> excluded, std::size_t num_positions) {
  DASHI_CHECK(excluded.empty() || excluded.back() < num_positions);
  PositionSet set;
  set.num_positions_ = num_positions;
  set.size_ = num_positions - excluded.size();
  set.words_.assign((num_positions + kWordBits - 1) / kWordBits, ~std::uint64_t{0});
  if (num_positions % kWordBits != 0) {
    set.words_.back() = (std::uint64_t{1} << (num_positions % kWordBits)) - 1;
  }
  for (const Position position : excluded) {
    set.words_[position / kWordBits] &= ~(std::uint64_t{1} << (position % kWordBits));
  }
  return set;
}

void PositionSet::Set(Position position, bool member) {
  DASHI_CHECK(position < num_positions_);
  if (words_.empty()) {
    words_.resize((num_positions_ + kWordBits - 1) / kWordBits);
    for (const Position listed : std::exchange(members_, {})) {
      words_[listed / kWordBits] |= std::uint64_t{1} << (listed % kWordBits);
    }
  }
  std::uint64_t& word = words_[position / kWordBits];
  const std::uint64_t bit = std::uint64_t{1} << (position % kWordBits);
  size_ += (member ? 1 : 0);
  size_ -= ((word & bit) != 0 ? 1 : 0);
  word = member ? word | bit : word & ~bit;
}

bool PositionSet::IsListed(Position position) const {
  return std::binary_search(members_.begin(), members_.end(), position);
}

std::size_t PositionSet::List(Position* next, std::span<Position> out) const {
  if (!words_.empty()) {
    return ListBits(next, out);
  }
  const auto begin = std::lower_bound(members_.begin(), members_.end(), *next);
  const std::size_t size = std::min(out.size(), static_cast<std::size_t>(members_.end() - begin));
  std::copy_n(begin, size, out.begin());
  *next = size == 0 ? *next : out[size - 1] + 1;
  return size;
}

template <typename Body>
void PositionSet::ForEachCommon(const PositionSet& a, const PositionSet& b, const Body& body) {
  DASHI_CHECK(a.num_positions_ == b.num_positions_);
  if (!a.words_.empty() && !b.words_.empty()) {
    for (std::size_t word = 0; word < a.words_.size(); ++word) {
      for (std::uint64_t bits = a.words_[word] & b.words_[word]; bits != 0; bits &= bits - 1) {
        body(static_cast<Position>(word * kWordBits +
                                   static_cast<std::size_t>(std::countr_zero(bits))));
      }
    }
    return;
  }
  const PositionSet& listed = a.words_.empty() ? a : b;
  const PositionSet& other = a.words_.empty() ? b : a;
  for (const Position member : listed.members_) {
    if (other.Contains(member)) {
      body(member);
    }
  }
}

std::size_t PositionSet::CountCommon(const PositionSet& a, const PositionSet& b) {
  std::size_t size = 0;
  if (a.words_.empty() || b.words_.empty()) {
    ForEachCommon(a, b, [&size](Position /*member*/) { ++size; });
    return size;
  }
  DASHI_CHECK(a.num_positions_ == b.num_positions_);
  for (std::size_t word = 0; word < a.words_.size(); ++word) {
    if (const std::uint64_t bits = a.words_[word] & b.words_[word]; bits != 0) {
      size += static_cast<std::size_t>(std::popcount(bits));  // Slow without its instruction.
    }
  }
  return size;
}

PositionSet PositionSet::Common(const PositionSet& a, const PositionSet& b) {
  std::vector<Position> members;
  members.reserve(std::min(a.size_, b.size_));
  ForEachCommon(a, b, [&members](Position member) { members.push_back(member); });
  return {std::move(members), a.num_positions_};
}

std::size_t PositionSet::ListBits(Position* next, std::span<Position> out) const {
  std::size_t size = 0;
  std::size_t word = *next / kWordBits;
  if (word >= words_.size()) {
    return 0;
  }
  std::uint64_t bits = words_[word] & (~std::uint64_t{0} << (*next % kWordBits));
  while (size < out.size()) {
    if (bits == 0) {
      if (++word == words_.size()) {
        break;
      }
      bits = words_[word];
      continue;
    }
    out[size++] =
        static_cast<Position>(word * kWordBits + static_cast<std::size_t>(std::countr_zero(bits)));
    bits &= bits - 1;
  }
  *next = size == 0 ? *next : out[size - 1] + 1;
  return size;
}

}  // namespace dashi::index
