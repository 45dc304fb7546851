#include "index/graph_build.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "index/entry_choice.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"

namespace dashi::index {

namespace {

/// InsertRows into a graph without links, some of the rows last: they were asked before.
Result<HnswGraph> InsertAndAsk(const HnswGraph& unlinked, HalfMatrixView vectors,
                               std::span<const Position> rows, const HnswOptions& options,
                               const LinkingControl& control, std::uint32_t* entry_percent) {
  const std::size_t stride = rows.size() / kEntryQueries;
  std::vector<Position> first;
  std::vector<Position> last;
  first.reserve(rows.size());
  last.reserve(kEntryQueries);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool asked = i % stride == stride - 1 && last.size() < kEntryQueries;
    (asked ? last : first).push_back(rows[i]);
  }
  std::size_t before = 0;
  const BuildProgress of_all = [&](std::size_t done, std::size_t /*total*/) {
    return control.Report(before + done, rows.size());
  };
  const LinkingControl part{control.pool, of_all, control.num_scored};
  DASHI_ASSIGN_OR_RETURN(const HnswGraph most, InsertRows(unlinked, vectors, first, options, part));
  before = first.size();
  DASHI_ASSIGN_OR_RETURN(*entry_percent,
                         ChooseEntryPercent(most, vectors, last, options.ef_search, part));
  return InsertRows(most, vectors, last, options, part);
}

}  // namespace

Result<HnswGraph> BuildGraph(HalfMatrixView vectors, std::span<const Position> linked_rows,
                             const HnswOptions& options, const BuildProgress& progress,
                             std::atomic<std::uint64_t>* num_scored, std::uint32_t* entry_percent) {
  DASHI_RETURN_IF_ERROR(CheckHnswOptions(options));
  return CatchAsStatus("building of a graph", [&]() -> Result<HnswGraph> {
    const Position first = linked_rows.empty() ? 0 : linked_rows.front();
    const HnswGraph unlinked(options.num_links, std::vector<std::uint8_t>(vectors.rows), first);
    if (linked_rows.empty()) {
      return unlinked;
    }
    ThreadPool pool(std::max(1, options.num_threads));
    const LinkingControl inserting{pool, progress, num_scored};
    const bool asks =
        entry_percent != nullptr && !options.entry_percent && linked_rows.size() >= kEntryRowsMin;
    if (entry_percent != nullptr) {
      *entry_percent = options.entry_percent.value_or(0);
    }
    DASHI_ASSIGN_OR_RETURN(
        HnswGraph graph,
        asks ? InsertAndAsk(unlinked, vectors, linked_rows, options, inserting, entry_percent)
             : InsertRows(unlinked, vectors, linked_rows, options, inserting));
    // What is left to connect is next to nothing.
    const std::size_t total = linked_rows.size();
    const BuildProgress connecting = [&](std::size_t /*done*/, std::size_t /*of*/) {
      return !progress || progress(total, total);
    };
    DASHI_RETURN_IF_ERROR(ConnectRows(vectors, linked_rows, options.ef_construction,
                                      {pool, connecting, num_scored}, &graph)
                              .status());
    if (!connecting(0, 0)) {
      return Status::Cancelled("building of a graph cancelled");
    }
    return graph;
  });
}

}  // namespace dashi::index
