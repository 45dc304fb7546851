#include "index/entry_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/status.h"
#include "index/hnsw_search.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Answers of a query that are compared.
constexpr std::size_t kAnswers = 10;
/// What is found by a beam this many times as wide counts as all there is.
constexpr std::size_t kTruthBeams = 8;
/// How much a beam above may miss of what a wider one on level 0 misses.
constexpr double kMissedShareMax = 0.9;
/// Less than this is by chance.
constexpr double kMissedLeast = 0.0005;
constexpr std::size_t kQueriesPerTask = 4;

/// A way to search.
struct Way {
  std::uint32_t entry_percent = 0;
  std::size_t beams = 1;  // times ef
};

constexpr Way kTruth = {100, kTruthBeams};
/// One entry, with wider and wider beams; then entries by a beam.
constexpr std::size_t kNumFromOne = 3;
constexpr std::array<Way, 5> kWays = {Way{0, 1}, Way{0, 2}, Way{0, 4}, Way{50, 1}, Way{100, 1}};

struct Outcome {
  double visited = 0;
  double found = 0;
};
using Outcomes = std::array<Outcome, kWays.size()>;

class EntryTrial {
 public:
  EntryTrial(const HnswGraph& graph, HalfMatrixView vectors, std::size_t ef)
      : vectors_(vectors),
        ef_(ef),
        from_one_(Parts(graph, vectors, 0)),
        from_half_(Parts(graph, vectors, 50)),
        from_all_(Parts(graph, vectors, 100)) {}

  Result<Outcomes> Ask(Position row) const {
    std::vector<float> query(vectors_.dim);
    FromHalf(vectors_.data + std::size_t{row} * vectors_.dim, query.data(), vectors_.dim);
    double unused = 0;
    DASHI_ASSIGN_OR_RETURN(const Shortlist truth, Search(query, kTruth, &unused));
    Outcomes outcomes;
    for (std::size_t way = 0; way < kWays.size(); ++way) {
      DASHI_ASSIGN_OR_RETURN(const Shortlist found,
                             Search(query, kWays[way], &outcomes[way].visited));
      for (const Candidate& candidate : found) {
        outcomes[way].found +=
            std::any_of(truth.begin(), truth.end(),
                        [&](const Candidate& t) { return t.position == candidate.position; })
                ? 1
                : 0;
      }
    }
    return outcomes;
  }

 private:
  static GraphParts Parts(const HnswGraph& graph, HalfMatrixView vectors,
                          std::uint32_t entry_percent) {
    GraphParts parts;
    parts.graph = graph.view();
    parts.vectors = vectors;
    parts.entry_percent = entry_percent;
    return parts;
  }

  Result<Shortlist> Search(std::span<const float> query, const Way& way, double* visited) const {
    const HnswSearcher& searcher = way.entry_percent == 0    ? from_one_
                                   : way.entry_percent == 50 ? from_half_
                                                             : from_all_;
    std::size_t num_visited = 0;
    DASHI_ASSIGN_OR_RETURN(Shortlist found, searcher.Search(query, way.beams * ef_, kAnswers,
                                                            /*options=*/{}, &num_visited));
    found.resize(std::min(found.size(), kAnswers));
    *visited += static_cast<double>(num_visited);
    return found;
  }

  const HalfMatrixView vectors_;
  const std::size_t ef_;
  const HnswSearcher from_one_;
  const HnswSearcher from_half_;
  const HnswSearcher from_all_;
};

/// The share that is missed from one entry for as many visits, between the ways that were tried.
double MissedFromOne(const Outcomes& sums, double visited, double wanted) {
  std::size_t next = 1;
  while (next + 1 < kNumFromOne && sums[next].visited < visited) {
    ++next;
  }
  const Outcome& a = sums[next - 1];
  const Outcome& b = sums[next];
  const double missed_a = std::max(kMissedLeast, 1 - a.found / wanted);
  const double missed_b = std::max(kMissedLeast, 1 - b.found / wanted);
  const double t = (visited - a.visited) / std::max(1.0, b.visited - a.visited);
  return missed_a * std::pow(missed_b / missed_a, std::clamp(t, 0.0, 1.0));
}

}  // namespace

Result<std::uint32_t> ChooseEntryPercent(const HnswGraph& graph, HalfMatrixView vectors,
                                         std::span<const Position> rows, std::size_t ef,
                                         const LinkingControl& control) {
  const EntryTrial trial(graph, vectors, ef);
  std::vector<Outcomes> outcomes(rows.size());
  std::vector<Status> statuses(rows.size());
  control.pool.ParallelFor(rows.size(), kQueriesPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Result<Outcomes> asked = trial.Ask(rows[i]);
      statuses[i] = asked.status();
      if (asked.ok()) {
        outcomes[i] = asked.value();
      }
    }
  });
  Outcomes sums;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    DASHI_RETURN_IF_ERROR(statuses[i]);
    for (std::size_t way = 0; way < kWays.size(); ++way) {
      sums[way].visited += outcomes[i][way].visited;
      sums[way].found += outcomes[i][way].found;
    }
  }
  const double wanted = static_cast<double>(rows.size() * kAnswers);
  std::uint32_t chosen = 0;
  double least = kMissedShareMax;
  for (std::size_t way = kNumFromOne; way < kWays.size(); ++way) {
    const double missed = std::max(kMissedLeast, 1 - sums[way].found / wanted);
    const double share = missed / MissedFromOne(sums, sums[way].visited, wanted);
    if (share < least) {
      least = share;
      chosen = kWays[way].entry_percent;
    }
  }
  return chosen;
}

}  // namespace dashi::index
