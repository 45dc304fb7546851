#include "index/link_chooser.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Chosen links that a candidate is compared with at once.
constexpr std::size_t kComparedAtOnce = 4;

/// A score that is not a number counts as minus infinity, so that candidates have an order.
float Ordered(float score) {
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  return score > kLeast ? score : kLeast;
}

/// Orders candidates as IsBetter does.
struct IsBetterEntry {
  template <typename Entry>
  bool operator()(const Entry& a, const Entry& b) const {
    return a.score > b.score || (a.score == b.score && a.position < b.position);
  }
};

}  // namespace

LinkChooser::LinkChooser(HalfMatrixView vectors, std::size_t num_links_min)
    : vectors_(vectors),
      num_links_min_(num_links_min),
      query_(vectors.dim),
      candidate_vector_(vectors.dim) {
  chosen_.reserve(2 * HnswGraph::kNumLinksMax);
}

const std::uint16_t* LinkChooser::Row(Position position) const {
  return vectors_.data + std::size_t{position} * vectors_.dim;
}

void LinkChooser::Begin(Position node, std::size_t num_candidates_max) {
  FromHalf(Row(node), query_.data(), vectors_.dim);
  candidates_.clear();
  vias_.clear();
  const std::size_t table_size = std::bit_ceil(2 * (num_candidates_max + 1));
  if (table_.size() < table_size) {
    table_.resize(table_size, 0);  // What stands there already has old stamps.
    candidates_.reserve(num_candidates_max);
  }
  if (++stamp_ == 0) {
    std::fill(table_.begin(), table_.end(), std::uint64_t{0});
    stamp_ = 1;
  }
  InsertNew(node);
}

/// Returns whether the position is new in the table.
bool LinkChooser::InsertNew(Position position) {
  const std::uint64_t wanted = std::uint64_t{stamp_} << 32U | position;
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = (position * 0x9E3779B1U >> 8U) & mask;
  while (table_[slot] >> 32U == stamp_) {
    if (table_[slot] == wanted) {
      return false;
    }
    slot = (slot + 1) & mask;
  }
  table_[slot] = wanted;
  return true;
}

void LinkChooser::Add(std::span<const Position> positions, Position via) {
  fresh_.clear();
  for (const Position position : positions) {
    if (InsertNew(position)) {
      fresh_.push_back(position);
    }
  }
  const bool has_via = via != HnswGraph::kNoLink;
  const auto via_index = has_via ? static_cast<std::uint32_t>(vias_.size()) : kNoVia;
  if (has_via) {
    vias_.push_back({via, HnswGraph::kNoLink});
  }
  scores_.resize(fresh_.size());
  ScoreHalfRowsAt(query_.data(), vectors_.data, fresh_, vectors_.dim, scores_.data());
  num_scored_ += fresh_.size();
  for (std::size_t i = 0; i < fresh_.size(); ++i) {
    candidates_.push_back({fresh_[i], Ordered(scores_[i]), via_index});
  }
  DASHI_DCHECK(candidates_.size() < table_.size());
}

void LinkChooser::AddScored(const Candidate& candidate) {
  if (InsertNew(candidate.position)) {
    candidates_.push_back({candidate.position, Ordered(candidate.score), kNoVia});
  }
}

std::span<const Position> LinkChooser::Nearest(std::size_t count) {
  count = std::min(count, candidates_.size());
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates_.end(), IsBetterEntry());
  fresh_.clear();
  chosen_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    chosen_.push_back(candidates_[i].position);
  }
  return chosen_;
}

/// A chosen link that is nearer to the candidate than the node is, or kNoLink.
Position LinkChooser::FindCover(const Entry& entry) {
  if (chosen_.empty()) {
    return HnswGraph::kNoLink;
  }
  const std::uint16_t* row = Row(entry.position);
  if (entry.via != kNoVia && vias_[entry.via].stand_in != HnswGraph::kNoLink) {
    const Position first = vias_[entry.via].stand_in;
    ++num_scored_;
    if (Ordered(DotHalves(row, Row(first), vectors_.dim)) > entry.score) {
      return first;
    }
  }
  FromHalf(row, candidate_vector_.data(), vectors_.dim);
  for (std::size_t begin = 0; begin < chosen_.size(); begin += kComparedAtOnce) {
    const std::size_t count = std::min(kComparedAtOnce, chosen_.size() - begin);
    std::array<float, kComparedAtOnce> scores;
    ScoreHalfRowsAt(candidate_vector_.data(), vectors_.data, {chosen_.data() + begin, count},
                    vectors_.dim, scores.data());
    num_scored_ += count;
    for (std::size_t i = 0; i < count; ++i) {
      if (scores[i] > entry.score) {
        return chosen_[begin + i];
      }
    }
  }
  return HnswGraph::kNoLink;
}

/// Notes what those that are linked from this candidate shall be compared with.
void LinkChooser::Record(const Entry& entry, Position stand_in) {
  if (entry.via == kNoVia) {
    for (Via& via : vias_) {
      if (via.position == entry.position) {
        via.stand_in = stand_in;
      }
    }
  }
}

void LinkChooser::Choose(std::span<Position> room) {
  std::sort(candidates_.begin(), candidates_.end(), IsBetterEntry());
  chosen_.clear();
  for (const Entry& entry : candidates_) {
    if (chosen_.size() == room.size()) {
      break;
    }
    const Position cover = FindCover(entry);
    if (cover == HnswGraph::kNoLink) {
      chosen_.push_back(entry.position);
    }
    Record(entry, cover == HnswGraph::kNoLink ? entry.position : cover);
  }
  for (auto entry = candidates_.begin();
       entry != candidates_.end() && chosen_.size() < num_links_min_; ++entry) {
    if (std::find(chosen_.begin(), chosen_.end(), entry->position) == chosen_.end()) {
      chosen_.push_back(entry->position);
    }
  }
  std::copy(chosen_.begin(), chosen_.end(), room.begin());
  std::fill(room.begin() + static_cast<std::ptrdiff_t>(chosen_.size()), room.end(),
            HnswGraph::kNoLink);
}

void LinkChooser::AddReverse(Position node, std::span<const Position> sources,
                             std::span<Position> room) {
  const auto links_end = std::find(room.begin(), room.end(), HnswGraph::kNoLink);
  const std::span<const Position> links(room.begin(), links_end);
  fresh_.clear();
  for (const Position source : sources) {
    if (std::find(links.begin(), links.end(), source) == links.end()) {
      fresh_.push_back(source);
    }
  }
  if (links.size() + fresh_.size() <= room.size()) {
    std::copy(fresh_.begin(), fresh_.end(), links_end);
    return;
  }
  Begin(node, links.size() + sources.size());
  Add(links, HnswGraph::kNoLink);
  Add(sources, HnswGraph::kNoLink);
  Choose(room);
}

}  // namespace dashi::index
