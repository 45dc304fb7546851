#include "index/hnsw_search.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/status.h"
#include "index/code_kernels.h"
#include "index/segment/verified_blocks.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Scratch memory kept for later searches; more searches at once allocate theirs anew.
constexpr std::size_t kIdleScratchMax = 16;
/// Nodes expanded between two looks at should_stop, and at how far a walk has come.
constexpr std::size_t kExpansionsPerPoll = 64;
constexpr std::size_t kExpansionsPerProgress = 16;
/// Candidates beyond those wanted that are scored again, and as a share of those: their codes are
/// off by less than what lies between.
constexpr std::size_t kRescoredMore = 16;
constexpr std::size_t kRescoredMoreShare = 2;

/// How many more nodes that do not pass a walk may follow than their share in all, before its beam
/// becomes wider, and as a multiple of that share: chance alone leaves some together.
constexpr std::size_t kUnevenMax = 32;
constexpr double kUnevenShare = 1.5;
constexpr double kPassingToCome = 2;

/// Places that a beam gets for each of the best nodes that does not pass beyond an even share.
constexpr double kPlacesPerMissing = 2;

/// How many places a beam lacks because more of the best nodes do not pass than would if those that
/// pass were spread evenly.
std::size_t PlacesMissing(const WalkProgress& progress, const PassingNodes& nodes) {
  const std::size_t failing = progress.num_expanded - progress.num_passing_expanded;
  if (failing <= kUnevenMax) {
    return 0;
  }
  const auto passing = static_cast<double>(nodes.num_passing);
  const double even = (static_cast<double>(progress.num_passing_expanded) + kPassingToCome) *
                      (static_cast<double>(nodes.num_linked) - passing) / std::max(passing, 1.0);
  const double missing = static_cast<double>(failing - kUnevenMax) - kUnevenShare * even;
  return missing > 0 ? static_cast<std::size_t>(missing * kPlacesPerMissing) : 0;
}

/// Orders a heap whose root is the best candidate.
bool IsWorse(const Candidate& a, const Candidate& b) { return IsBetter(b, a); }

}  // namespace

bool PassingNodes::ContainsDuplicateOf(Position node) const {
  const std::span<const DuplicateRow> rows = duplicates.Of(node);
  return std::any_of(rows.begin(), rows.end(),
                     [this](const DuplicateRow& row) { return passing.Contains(row.duplicate); });
}

/// The nodes met in one search. Clear touches memory once in 65,535 times.
class HnswSearcher::VisitedSet {
 public:
  explicit VisitedSet(std::size_t num_nodes) : stamps_(num_nodes, 0) {}

  void Clear() {
    if (++current_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), std::uint16_t{0});
      current_ = 1;
    }
  }
  void Prefetch(Position node) const { __builtin_prefetch(&stamps_[node], /*rw=*/1); }
  /// Returns whether the node is new.
  bool Insert(Position node) { return std::exchange(stamps_[node], current_) != current_; }

 private:
  std::vector<std::uint16_t> stamps_;  // [num_nodes]
  std::uint16_t current_ = 0;
};

struct HnswSearcher::Scratch {
  explicit Scratch(std::size_t num_nodes) : visited(num_nodes) {}

  std::span<const float> query;
  CodedQuery coded;                        ///< the query, where there are codes
  const VerifiedBlocks* blocks = nullptr;  ///< null: all are known to be sound
  VisitedSet visited;
  BestCandidates beam{1};
  Shortlist entries;                ///< where a walk of a level begins
  std::vector<Candidate> frontier;  ///< a heap: the best node not yet expanded is the root
  std::array<Position, 2 * HnswGraph::kNumLinksMax> fresh;
  std::size_t num_fresh = 0;
  std::array<float, 2 * HnswGraph::kNumLinksMax> scores;
  std::size_t num_visited = 0;
};

HnswSearcher::HnswSearcher(const GraphParts& parts)
    : graph_(parts.graph),
      vectors_(parts.vectors),
      codes_{parts.codes, parts.vectors.dim},
      entry_percent_(parts.entry_percent),
      blocks_(parts.blocks) {
  DASHI_CHECK(graph_.num_nodes() == vectors_.rows);
}

HnswSearcher::HnswSearcher(const HnswGraph& graph, HalfMatrixView vectors)
    : HnswSearcher([&] {
        GraphParts parts;
        parts.graph = graph.view();
        parts.vectors = vectors;
        return parts;
      }()) {}

HnswSearcher::~HnswSearcher() = default;

Result<Shortlist> HnswSearcher::Search(std::span<const float> query, std::size_t ef,
                                       std::size_t num_wanted, const SearchOptions& options,
                                       std::size_t* num_visited) const {
  if (graph_.num_nodes() == 0) {
    return Shortlist();
  }
  std::unique_ptr<Scratch> scratch = BorrowFor(query, ef);
  Shortlist found;
  const auto walk = [&]() -> Status {
    DASHI_RETURN_IF_ERROR(Enter(options, *scratch));
    DASHI_RETURN_IF_ERROR(Expand(/*level=*/0, options, *scratch));
    return TakeBeam(num_wanted, *scratch, &found);
  };
  const Status status = walk();
  *num_visited += scratch->num_visited;
  Return(std::move(scratch));
  if (!status.ok()) {
    return status;
  }
  return found;
}

Shortlist HnswSearcher::SearchLevel(std::span<const float> query, std::uint32_t level,
                                    std::size_t ef, std::size_t* num_visited) const {
  DASHI_CHECK(blocks_ == nullptr);
  Shortlist found;
  if (graph_.num_nodes() == 0 || graph_.levels[graph_.entry_point] < level) {
    return found;
  }
  std::unique_ptr<Scratch> scratch = BorrowFor(query, ef);
  DASHI_CHECK(Descend(level, *scratch));
  Expand(level, {}, *scratch).IgnoreError("nothing cancels it, and all is in memory");
  TakeBeam(ef, *scratch, &found).IgnoreError("all is in memory");
  *num_visited += scratch->num_visited;
  Return(std::move(scratch));
  return found;
}

/// Finds the entries to level 0.
Status HnswSearcher::Enter(const SearchOptions& options, Scratch& scratch) const {
  const bool by_beam = entry_percent_ > 0 && graph_.levels[graph_.entry_point] > 0;
  if (!Descend(by_beam ? 1 : 0, scratch)) {
    return blocks_->damage();
  }
  if (by_beam) {
    const std::size_t ef = scratch.beam.capacity();
    scratch.beam.Reset(std::max<std::size_t>(1, ef * entry_percent_ / 100));
    DASHI_RETURN_IF_ERROR(Expand(/*level=*/1, options, scratch));
    scratch.entries = scratch.beam.TakeSorted();
    scratch.visited.Clear();
    scratch.frontier.clear();
    scratch.beam.Reset(ef);
  }
  return Status::Ok();
}

Status HnswSearcher::TakeBeam(std::size_t num_wanted, Scratch& scratch, Shortlist* found) const {
  *found = scratch.beam.TakeSorted();
  return codes_.data == nullptr ? Status::Ok() : Rescore(num_wanted, scratch, found);
}

Result<std::optional<Shortlist>> HnswSearcher::SearchPassing(
    std::span<const float> query, std::size_t ef, std::size_t num_wanted, const PassingNodes& nodes,
    const std::function<bool(const WalkProgress&)>& goes_on, const SearchOptions& options,
    WalkProgress* progress) const {
  std::optional<Shortlist> found(std::in_place);
  if (graph_.num_nodes() == 0) {
    return found;
  }
  std::unique_ptr<Scratch> scratch = BorrowFor(query, ef);
  const auto walk = [&]() -> Status {
    DASHI_RETURN_IF_ERROR(Enter(options, *scratch));
    DASHI_ASSIGN_OR_RETURN(const bool done,
                           ExpandPassing(nodes, goes_on, options, *scratch, progress));
    if (!done) {
      found.reset();
      return Status::Ok();
    }
    // Behind so many others scores lie close together: codes do not tell which are the best.
    return TakeBeam(num_wanted + progress->num_widened, *scratch, &*found);
  };
  const Status status = walk();
  progress->num_visited = scratch->num_visited;
  Return(std::move(scratch));
  if (!status.ok()) {
    return status;
  }
  return found;
}

/// Scratch memory that is ready for a search.
std::unique_ptr<HnswSearcher::Scratch> HnswSearcher::BorrowFor(std::span<const float> query,
                                                               std::size_t ef) const {
  std::unique_ptr<Scratch> scratch = Borrow();
  scratch->visited.Clear();
  scratch->frontier.clear();
  scratch->beam.Reset(std::min(ef, graph_.num_nodes()));
  scratch->num_visited = 0;
  scratch->query = query;
  scratch->blocks = blocks_ != nullptr && !blocks_->complete() ? blocks_ : nullptr;
  if (codes_.data != nullptr) {
    codes_.Prepare(query, &scratch->coded);
  }
  return scratch;
}

std::unique_ptr<HnswSearcher::Scratch> HnswSearcher::Borrow() const {
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>(graph_.num_nodes());
}

void HnswSearcher::Return(std::unique_ptr<Scratch> scratch) const {
  const MutexLock lock(mutex_);
  if (idle_.size() < kIdleScratchMax) {
    idle_.push_back(std::move(scratch));
  }
}

/// Writes the scores of as many nodes as a list of links may have. Returns false when they stand in
/// damaged blocks.
bool HnswSearcher::ScoreByVectors(std::span<const Position> positions, Scratch& scratch) const {
  if (scratch.blocks != nullptr) {
    for (const Position position : positions) {
      const std::uint16_t* row = vectors_.data + position * vectors_.dim;
      if (!scratch.blocks->Touch(row, vectors_.dim * sizeof(*row))) {
        return false;
      }
    }
  }
  ScoreHalfRowsAt(scratch.query.data(), vectors_.data, positions, vectors_.dim,
                  scratch.scores.data());
  return true;
}

/// The same by codes where there are any.
bool HnswSearcher::ScoreAt(std::span<const Position> positions, Scratch& scratch) const {
  scratch.num_visited += positions.size();
  if (codes_.data == nullptr) {
    return ScoreByVectors(positions, scratch);
  }
  if (scratch.blocks != nullptr) {
    const std::size_t row_bytes = CodeRowBytes(codes_.dim);
    for (const Position position : positions) {
      if (!scratch.blocks->Touch(codes_.data + position * row_bytes,
                                 row_bytes + kCodePaddingBytes)) {
        return false;
      }
    }
  }
  codes_.ScoreAt(scratch.coded, positions, scratch.scores.data());
  return true;
}

/// Scores what may be wanted of a beam that was scored by codes, and drops the rest.
Status HnswSearcher::Rescore(std::size_t num_wanted, Scratch& scratch, Shortlist* found) const {
  found->resize(
      std::min(found->size(), num_wanted + kRescoredMore + num_wanted / kRescoredMoreShare));
  for (std::size_t begin = 0; begin < found->size();) {
    const std::size_t count = std::min(scratch.fresh.size(), found->size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      scratch.fresh[i] = (*found)[begin + i].position;
    }
    if (!ScoreByVectors({scratch.fresh.data(), count}, scratch)) {
      return blocks_->damage();
    }
    for (std::size_t i = 0; i < count; ++i) {
      (*found)[begin + i].score = scratch.scores[i];
    }
    begin += count;
  }
  std::sort(found->begin(), found->end(), IsBetter);
  return Status::Ok();
}

/// Walks greedily from the entry point to the best node of each level above the wanted one, which
/// becomes the one entry to that.
bool HnswSearcher::Descend(std::uint32_t level_wanted, Scratch& scratch) const {
  const Position entry = graph_.entry_point;
  if (!ScoreAt({&entry, 1}, scratch)) {
    return false;
  }
  Candidate best{entry, scratch.scores[0]};
  for (std::uint32_t level = graph_.levels[entry]; level > level_wanted; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::span<const Position> links = graph_.Links(best.position, level);
      if (!ScoreAt(links, scratch)) {
        return false;
      }
      for (std::size_t i = 0; i < links.size(); ++i) {
        const Candidate neighbour{links[i], scratch.scores[i]};
        if (IsBetter(neighbour, best)) {
          best = neighbour;
          moved = true;
        }
      }
    }
  }
  scratch.entries.assign(1, best);
  return true;
}

/// Scores the links of a node at a level that were not met before.
bool HnswSearcher::ScoreFreshLinks(Position node, std::uint32_t level, Scratch& scratch) const {
  if (scratch.blocks != nullptr && level == 0) {
    const std::span<const Position> room = graph_.Room(node, 0);
    if (!scratch.blocks->Touch(room.data(), room.size_bytes())) {
      return false;
    }
  }
  const std::span<const Position> links = graph_.Links(node, level);
  for (const Position neighbour : links) {
    scratch.visited.Prefetch(neighbour);
  }
  scratch.num_fresh = 0;
  for (const Position neighbour : links) {
    if (scratch.visited.Insert(neighbour)) {
      scratch.fresh[scratch.num_fresh++] = neighbour;
    }
  }
  return ScoreAt({scratch.fresh.data(), scratch.num_fresh}, scratch);
}

/// Expands the best known node of a level, the entries to begin with, until none can improve the
/// beam.
Status HnswSearcher::Expand(std::uint32_t level, const SearchOptions& options,
                            Scratch& scratch) const {
  for (const Candidate& entry : scratch.entries) {  // Best first, so the frontier is a heap.
    scratch.visited.Insert(entry.position);
    scratch.beam.Offer(entry.position, entry.score);
    scratch.frontier.push_back(entry);
  }
  for (std::size_t expansion = 0; !scratch.frontier.empty(); ++expansion) {
    if (options.should_stop && expansion % kExpansionsPerPoll == 0 && options.should_stop()) {
      return Status::Cancelled("search cancelled");
    }
    std::pop_heap(scratch.frontier.begin(), scratch.frontier.end(), IsWorse);
    const Candidate node = scratch.frontier.back();
    scratch.frontier.pop_back();
    if (scratch.beam.full() && IsBetter(scratch.beam.worst(), node)) {
      break;
    }
    if (!ScoreFreshLinks(node.position, level, scratch)) {
      return blocks_->damage();
    }
    for (std::size_t i = 0; i < scratch.num_fresh; ++i) {
      const Candidate neighbour{scratch.fresh[i], scratch.scores[i]};
      if (!scratch.beam.full() || IsBetter(neighbour, scratch.beam.worst())) {
        scratch.beam.Offer(neighbour.position, neighbour.score);
        scratch.frontier.push_back(neighbour);
        std::push_heap(scratch.frontier.begin(), scratch.frontier.end(), IsWorse);
      }
    }
    if (level == 0 && !scratch.frontier.empty()) {  // Most likely the next to be expanded.
      graph_.PrefetchLinks(scratch.frontier.front().position);
    }
  }
  return Status::Ok();
}

/// As Expand at level 0, with a beam of nodes that pass. Returns false when `goes_on` said no.
Result<bool> HnswSearcher::ExpandPassing(const PassingNodes& nodes,
                                         const std::function<bool(const WalkProgress&)>& goes_on,
                                         const SearchOptions& options, Scratch& scratch,
                                         WalkProgress* progress) const {
  const std::size_t ef = scratch.beam.capacity();
  const auto meet = [&](const Candidate& node) {
    if (scratch.beam.full() && !IsBetter(node, scratch.beam.worst())) {
      return;
    }
    if (nodes.Contains(node.position)) {
      scratch.beam.Offer(node.position, node.score);
    }
    scratch.frontier.push_back(node);
    std::push_heap(scratch.frontier.begin(), scratch.frontier.end(), IsWorse);
  };
  for (const Candidate& entry : scratch.entries) {
    scratch.visited.Insert(entry.position);
    meet(entry);
  }
  while (!scratch.frontier.empty()) {
    const std::size_t expansion = progress->num_expanded;
    if (options.should_stop && expansion % kExpansionsPerPoll == 0 && options.should_stop()) {
      return Status::Cancelled("search cancelled");
    }
    progress->num_visited = scratch.num_visited;
    if (expansion % kExpansionsPerProgress == 0 && !goes_on(*progress)) {
      return false;
    }
    std::pop_heap(scratch.frontier.begin(), scratch.frontier.end(), IsWorse);
    const Candidate node = scratch.frontier.back();
    scratch.frontier.pop_back();
    if (scratch.beam.full() && IsBetter(scratch.beam.worst(), node)) {
      break;
    }
    ++progress->num_expanded;
    progress->num_passing_expanded += nodes.Contains(node.position) ? 1 : 0;
    progress->num_widened = std::max(progress->num_widened, PlacesMissing(*progress, nodes));
    scratch.beam.Grow(std::min(ef + progress->num_widened, graph_.num_nodes()));
    if (!ScoreFreshLinks(node.position, /*level=*/0, scratch)) {
      return blocks_->damage();
    }
    for (std::size_t i = 0; i < scratch.num_fresh; ++i) {
      meet({scratch.fresh[i], scratch.scores[i]});
    }
    if (!scratch.frontier.empty()) {
      graph_.PrefetchLinks(scratch.frontier.front().position);
    }
  }
  return true;
}

}  // namespace dashi::index
