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
/// Nodes expanded between two looks at should_stop.
constexpr std::size_t kExpansionsPerPoll = 64;
/// Candidates beyond those wanted that are scored again, and as a share of those: their codes are
/// off by less than what lies between.
constexpr std::size_t kRescoredMore = 16;
constexpr std::size_t kRescoredMoreShare = 2;

/// Orders a heap whose root is the best candidate.
bool IsWorse(const Candidate& a, const Candidate& b) { return IsBetter(b, a); }

}  // namespace

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
      blocks_(parts.blocks) {
  DASHI_CHECK(graph_.num_nodes() == vectors_.rows);
}

HnswSearcher::HnswSearcher(const HnswGraph& graph, HalfMatrixView vectors)
    : HnswSearcher(GraphParts{graph.view(), vectors, /*codes=*/nullptr, /*duplicates=*/{},
                              /*ef_search=*/0, /*blocks=*/nullptr}) {}

HnswSearcher::~HnswSearcher() = default;

Result<Shortlist> HnswSearcher::Search(std::span<const float> query, std::size_t ef,
                                       std::size_t num_wanted, const SearchOptions& options,
                                       std::size_t* num_visited) const {
  if (graph_.num_nodes() == 0) {
    return Shortlist();
  }
  std::unique_ptr<Scratch> scratch = BorrowFor(query, ef);
  Shortlist found;
  const Status status = Walk(/*level=*/0, options, num_wanted, *scratch, &found);
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
  Walk(level, {}, ef, *scratch, &found).IgnoreError("nothing cancels it, and all is in memory");
  *num_visited += scratch->num_visited;
  Return(std::move(scratch));
  return found;
}

Status HnswSearcher::Walk(std::uint32_t level, const SearchOptions& options, std::size_t num_wanted,
                          Scratch& scratch, Shortlist* found) const {
  Candidate start;
  if (!Descend(level, scratch, &start)) {
    return blocks_->damage();
  }
  DASHI_RETURN_IF_ERROR(Expand(start, level, options, scratch));
  *found = scratch.beam.TakeSorted();
  return codes_.data == nullptr ? Status::Ok() : Rescore(num_wanted, scratch, found);
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

/// Walks greedily from the entry point to the best node of each level above the wanted one.
bool HnswSearcher::Descend(std::uint32_t level_wanted, Scratch& scratch, Candidate* best) const {
  const Position entry = graph_.entry_point;
  if (!ScoreAt({&entry, 1}, scratch)) {
    return false;
  }
  *best = {entry, scratch.scores[0]};
  for (std::uint32_t level = graph_.levels[entry]; level > level_wanted; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::span<const Position> links = graph_.Links(best->position, level);
      if (!ScoreAt(links, scratch)) {
        return false;
      }
      for (std::size_t i = 0; i < links.size(); ++i) {
        const Candidate neighbour{links[i], scratch.scores[i]};
        if (IsBetter(neighbour, *best)) {
          *best = neighbour;
          moved = true;
        }
      }
    }
  }
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

/// Expands the best known node of a level until none can improve the beam.
Status HnswSearcher::Expand(Candidate start, std::uint32_t level, const SearchOptions& options,
                            Scratch& scratch) const {
  scratch.visited.Insert(start.position);
  scratch.beam.Offer(start.position, start.score);
  scratch.frontier.push_back(start);
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

}  // namespace dashi::index
