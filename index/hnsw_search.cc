#include "index/hnsw_search.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Scratch memory kept for later searches; more searches at once allocate theirs anew.
constexpr std::size_t kIdleScratchMax = 16;
/// Nodes expanded between two looks at should_stop.
constexpr std::size_t kExpansionsPerPoll = 64;

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
  /// Returns whether the node is new.
  bool Insert(Position node) { return std::exchange(stamps_[node], current_) != current_; }

 private:
  std::vector<std::uint16_t> stamps_;  // [num_nodes]
  std::uint16_t current_ = 0;
};

struct HnswSearcher::Scratch {
  explicit Scratch(std::size_t num_nodes) : visited(num_nodes) {}

  VisitedSet visited;
  BestCandidates beam{1};
  std::vector<Candidate> frontier;  ///< a heap: the best node not yet expanded is the root
  std::array<Position, 2 * HnswGraph::kNumLinksMax> fresh;
  std::array<float, 2 * HnswGraph::kNumLinksMax> scores;
  std::size_t num_visited = 0;
};

HnswSearcher::HnswSearcher(const HnswGraph& graph, HalfMatrixView vectors)
    : graph_(graph), vectors_(vectors) {
  DASHI_CHECK(graph.num_nodes() == vectors.rows);
}

HnswSearcher::~HnswSearcher() = default;

Result<Shortlist> HnswSearcher::Search(std::span<const float> query, std::size_t ef,
                                       const SearchOptions& options,
                                       std::size_t* num_visited) const {
  if (graph_.num_nodes() == 0) {
    return Shortlist();
  }
  std::unique_ptr<Scratch> scratch = Borrow();
  scratch->visited.Clear();
  scratch->frontier.clear();
  scratch->beam.Reset(std::min(ef, graph_.num_nodes()));
  scratch->num_visited = 0;
  const Candidate start = Descend(query, *scratch);
  const Status status = Expand(query, start, options, *scratch);
  *num_visited += scratch->num_visited;
  Shortlist found = scratch->beam.TakeSorted();
  Return(std::move(scratch));
  if (!status.ok()) {
    return status;
  }
  return found;
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

/// Walks greedily from the entry point to the best node of each level above 0.
Candidate HnswSearcher::Descend(std::span<const float> query, Scratch& scratch) const {
  const Position entry = graph_.entry_point();
  Candidate best{entry, 0};
  ScoreHalfRowsAt(query.data(), vectors_.data, {&entry, 1}, vectors_.dim, &best.score);
  ++scratch.num_visited;
  for (std::uint32_t level = graph_.level(entry); level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::span<const Position> links = graph_.Links(best.position, level);
      ScoreHalfRowsAt(query.data(), vectors_.data, links, vectors_.dim, scratch.scores.data());
      scratch.num_visited += links.size();
      for (std::size_t i = 0; i < links.size(); ++i) {
        const Candidate neighbour{links[i], scratch.scores[i]};
        if (IsBetter(neighbour, best)) {
          best = neighbour;
          moved = true;
        }
      }
    }
  }
  return best;
}

/// Expands the best known node of level 0 until none can improve the beam.
Status HnswSearcher::Expand(std::span<const float> query, Candidate start,
                            const SearchOptions& options, Scratch& scratch) const {
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
    std::size_t num_fresh = 0;
    for (const Position neighbour : graph_.Room(node.position, 0)) {
      if (neighbour == HnswGraph::kNoLink) {
        break;
      }
      if (scratch.visited.Insert(neighbour)) {
        scratch.fresh[num_fresh++] = neighbour;
      }
    }
    ScoreHalfRowsAt(query.data(), vectors_.data, {scratch.fresh.data(), num_fresh}, vectors_.dim,
                    scratch.scores.data());
    scratch.num_visited += num_fresh;
    for (std::size_t i = 0; i < num_fresh; ++i) {
      const Candidate neighbour{scratch.fresh[i], scratch.scores[i]};
      if (!scratch.beam.full() || IsBetter(neighbour, scratch.beam.worst())) {
        scratch.beam.Offer(neighbour.position, neighbour.score);
        scratch.frontier.push_back(neighbour);
        std::push_heap(scratch.frontier.begin(), scratch.frontier.end(), IsWorse);
      }
    }
  }
  return Status::Ok();
}

}  // namespace dashi::index
