#include "index/graph_insert.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "index/hnsw_search.h"
#include "index/link_chooser.h"
#include "index/row_codes.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Rows that are linked at once; each is compared with all others of them.
constexpr std::size_t kBatchRows = 64;
constexpr std::size_t kRowsPerTask = 4;
constexpr std::size_t kTargetsPerTask = 32;
/// Rows are searched for by codes, which takes one pass over all vectors, when they are more than
/// one in this many of them.
constexpr std::size_t kRowsPerCodedRow = 16;
/// Levels beyond those that a graph of any size gives.
constexpr std::uint32_t kDrawnLevelMax = 16;

/// Draws a level that one in M of the nodes of the level below have.
std::uint8_t DrawLevel(const HnswOptions& options, Position row) {
  Random random(options.seed ^ (row + std::uint64_t{1}) * 0x9E3779B97F4A7C15ULL);
  const double level =
      -std::log(1.0 - random.UniformReal()) / std::log(static_cast<double>(options.num_links));
  return static_cast<std::uint8_t>(std::min<double>(level, kDrawnLevelMax));
}

/// A link that was made, seen from where it leads.
struct ReverseLink {
  std::uint32_t level = 0;
  Position target = 0;
  Position source = 0;

  auto operator<=>(const ReverseLink&) const = default;
};

class RowInserter {
 public:
  RowInserter(HalfMatrixView vectors, std::size_t ef, const LinkingControl& control,
              HnswGraph* graph)
      : vectors_(vectors), ef_(ef), control_(control), graph_(*graph) {}

  /// Links a batch with what `searcher` finds in its graph.
  void Insert(std::span<const Position> batch, const HnswSearcher& searcher) {
    control_.pool.ParallelFor(batch.size(), kRowsPerTask, [&](std::size_t begin, std::size_t end) {
      LinkChooser chooser(vectors_, /*num_links_min=*/0);
      std::size_t num_visited = 0;
      for (const Position row : batch.subspan(begin, end - begin)) {
        num_visited += LinkForward(row, batch, searcher, &chooser);
      }
      control_.Count(num_visited + chooser.num_scored());
    });
    LinkBack(batch);
  }

 private:
  /// Writes only the row's own links, which no other thread reads: nothing leads to it yet.
  std::size_t LinkForward(Position row, std::span<const Position> batch,
                          const HnswSearcher& searcher, LinkChooser* chooser) {
    std::vector<float> query(vectors_.dim);
    FromHalf(vectors_.data + std::size_t{row} * vectors_.dim, query.data(), vectors_.dim);
    std::size_t num_visited = 0;
    std::vector<Position> mates;
    mates.reserve(batch.size());
    for (std::uint32_t level = 0; level <= graph_.level(row); ++level) {
      mates.clear();
      std::copy_if(batch.begin(), batch.end(), std::back_inserter(mates),
                   [&](Position mate) { return graph_.level(mate) >= level; });
      const Shortlist found = searcher.SearchLevel(query, level, ef_, &num_visited);
      chooser->Begin(row, found.size() + mates.size());
      for (const Candidate& candidate : found) {
        chooser->AddScored(candidate);
      }
      chooser->Add(mates, HnswGraph::kNoLink);
      chooser->Choose(graph_.Room(row, level));
    }
    return num_visited;
  }

  void LinkBack(std::span<const Position> batch) {
    reverse_.clear();
    for (const Position row : batch) {
      for (std::uint32_t level = 0; level <= graph_.level(row); ++level) {
        for (const Position target : graph_.Links(row, level)) {
          reverse_.push_back({level, target, row});
        }
      }
    }
    std::sort(reverse_.begin(), reverse_.end());
    targets_.clear();
    for (std::size_t i = 0; i < reverse_.size(); ++i) {
      if (i == 0 || reverse_[i].level != reverse_[i - 1].level ||
          reverse_[i].target != reverse_[i - 1].target) {
        targets_.push_back(i);
      }
    }
    control_.pool.ParallelFor(
        targets_.size(), kTargetsPerTask, [&](std::size_t begin, std::size_t end) {
          LinkChooser chooser(vectors_, /*num_links_min=*/0);
          std::vector<Position> sources;
          sources.reserve(batch.size());
          for (std::size_t t = begin; t < end; ++t) {
            const ReverseLink first = reverse_[targets_[t]];
            const std::size_t next = t + 1 < targets_.size() ? targets_[t + 1] : reverse_.size();
            sources.clear();
            for (std::size_t i = targets_[t]; i < next; ++i) {
              sources.push_back(reverse_[i].source);
            }
            chooser.AddReverse(first.target, sources, graph_.Room(first.target, first.level));
          }
          control_.Count(chooser.num_scored());
        });
  }

  const HalfMatrixView vectors_;
  const std::size_t ef_;
  const LinkingControl& control_;
  HnswGraph& graph_;
  std::vector<ReverseLink> reverse_;
  std::vector<std::size_t> targets_;  // where a target begins in reverse_
};

Status CheckInput(const HnswGraph& graph, HalfMatrixView vectors, std::span<const Position> rows,
                  const HnswOptions& options, bool nothing_linked) {
  DASHI_RETURN_IF_ERROR(CheckHnswOptions(options));
  if (graph.num_nodes() != vectors.rows) {
    return Status::InvalidArgument("vectors do not fit the graph: got " +
                                   std::to_string(vectors.rows) + ", want " +
                                   std::to_string(graph.num_nodes()));
  }
  if (!nothing_linked && options.num_links != graph.num_links()) {
    return Status::InvalidArgument("HNSW link count is not the graph's: got " +
                                   std::to_string(options.num_links) + ", want " +
                                   std::to_string(graph.num_links()));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= vectors.rows || (i > 0 && rows[i] <= rows[i - 1])) {
      return Status::InvalidArgument("rows to insert out of range or order: " +
                                     std::to_string(rows[i]));
    }
  }
  return Status::Ok();
}

/// Copies all links into a graph whose nodes have the same levels, or higher ones.
void CopyLinks(const HnswGraph& from, HnswGraph* to) {
  std::copy(from.base_links().begin(), from.base_links().end(), to->base_links().begin());
  for (Position node = 0; node < from.num_nodes(); ++node) {
    for (std::uint32_t level = 1; level <= from.level(node); ++level) {
      const std::span<const Position> links = from.Links(node, level);
      std::copy(links.begin(), links.end(), to->Room(node, level).begin());
    }
  }
}

Result<HnswGraph> InsertChecked(const HnswGraph& graph, HalfMatrixView vectors,
                                std::span<const Position> rows, const HnswOptions& options,
                                bool nothing_linked, const LinkingControl& control) {
  std::vector<std::uint8_t> levels(graph.levels().begin(), graph.levels().end());
  Position entry_point = nothing_linked ? rows.front() : graph.entry_point();
  for (const Position row : rows) {
    levels[row] = std::max(levels[row], DrawLevel(options, row));
    if (levels[row] > levels[entry_point]) {
      entry_point = row;
    }
  }
  HnswGraph linked(options.num_links, std::move(levels), entry_point);
  RowInserter inserter(vectors, options.ef_construction, control, &linked);
  if (!nothing_linked) {
    CopyLinks(graph, &linked);
    if (entry_point != graph.entry_point()) {
      // The new entry point is linked first, by a search from the one before it.
      inserter.Insert({&entry_point, 1}, HnswSearcher(graph, vectors));
    }
  }
  std::vector<Position> remaining;
  remaining.reserve(rows.size());
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(remaining),
               [&](Position row) { return row != entry_point; });
  const bool coded = remaining.size() > vectors.rows / kRowsPerCodedRow;
  const RowCodes codes = coded ? RowCodes(vectors) : RowCodes();
  GraphParts parts;
  parts.graph = linked.view();
  parts.vectors = vectors;
  parts.codes = codes.view().data;
  const HnswSearcher searcher(parts);
  for (std::size_t done = 0; done < remaining.size();) {
    if (!control.Report(done, rows.size())) {
      return Status::Cancelled("insertion of rows into a graph cancelled");
    }
    const std::size_t size = std::min(kBatchRows, remaining.size() - done);
    inserter.Insert(std::span<const Position>(remaining).subspan(done, size), searcher);
    done += size;
  }
  return linked;
}

}  // namespace

Result<HnswGraph> InsertRows(const HnswGraph& graph, HalfMatrixView vectors,
                             std::span<const Position> rows, const HnswOptions& options,
                             const LinkingControl& control) {
  const bool nothing_linked =
      !rows.empty() && std::binary_search(rows.begin(), rows.end(), graph.entry_point());
  DASHI_RETURN_IF_ERROR(CheckInput(graph, vectors, rows, options, nothing_linked));
  if (rows.empty()) {
    return graph;
  }
  return CatchAsStatus("insertion of rows into a graph", [&] {
    return InsertChecked(graph, vectors, rows, options, nothing_linked, control);
  });
}

}  // namespace dashi::index
