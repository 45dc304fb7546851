#include "index/segment/segment_relink.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "index/code_kernels.h"
#include "index/duplicate_rows.h"
#include "index/graph_build.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"
#include "index/graph_relink.h"
#include "index/graph_transfer.h"

namespace dashi::index {

namespace {

/// One in so many of the rows that a graph links may be gone.
constexpr std::size_t kLinkedPerDeadRow = 5;
/// Where fewer are linked, all are scanned unless beams are very narrow.
constexpr std::size_t kLinkedMin = 1000;
/// So many of the rows that a graph leaves out may be there again, or one for so many that it
/// links: some 50 us of a search of 128 values.
constexpr std::size_t kRowsBackMin = 1024;
constexpr std::size_t kLinkedPerRowBack = 256;

/// The old position of each id, or kNewRow.  Shape: both ascending; result [ids.size()].
std::vector<Position> MatchIds(std::span<const std::uint32_t> old_ids,
                               std::span<const std::uint32_t> ids) {
  std::vector<Position> positions(ids.size(), kNewRow);
  std::size_t old = 0;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    while (old < old_ids.size() && old_ids[old] < ids[row]) {
      ++old;
    }
    if (old < old_ids.size() && old_ids[old] == ids[row]) {
      positions[row] = static_cast<Position>(old);
    }
  }
  return positions;
}

/// The same of ids with the same text hash alone.
std::vector<Position> MatchTexts(const MappedSegment& segment, std::span<const std::uint32_t> ids,
                                 std::span<const std::uint64_t> text_hashes) {
  std::vector<Position> positions = MatchIds(segment.ids<std::uint32_t>(), ids);
  const std::span<const std::uint64_t> old_hashes = segment.text_hashes();
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (positions[row] != kNewRow && old_hashes[positions[row]] != text_hashes[row]) {
      positions[row] = kNewRow;
    }
  }
  return positions;
}

}  // namespace

bool IsWorthRelinking(const MappedSegment& segment, std::span<const std::uint32_t> ids,
                      const HnswOptions& options) {
  if (segment.header().num_links != options.num_links ||
      segment.header().generation >= kRelinksMax) {
    return false;
  }
  const std::vector<Position> positions = MatchIds(segment.ids<std::uint32_t>(), ids);
  const auto num_new =
      static_cast<std::size_t>(std::count(positions.begin(), positions.end(), kNewRow));
  return 2 * num_new <= ids.size();
}

Result<StoredGraph> RelinkSegment(const MappedSegment& segment, HalfMatrixView vectors,
                                  std::span<const std::uint32_t> ids, const HnswOptions& options,
                                  const BuildProgress& progress) {
  DASHI_CHECK(ids.size() == vectors.rows);
  DASHI_RETURN_IF_ERROR(segment.blocks().VerifySection(SegmentSection::kBaseLinks, nullptr));
  const HnswGraph old_graph(segment.parts().graph);
  StoredGraph stored;
  stored.ef_search = options.ef_search;
  stored.entry_percent = options.entry_percent.value_or(segment.header().entry_percent);
  stored.duplicates = DuplicateRows::Find(vectors);
  DASHI_ASSIGN_OR_RETURN(
      stored.graph, RelinkGraph(old_graph, MatchIds(segment.ids<std::uint32_t>(), ids), vectors,
                                stored.duplicates.FirstRows(vectors.rows), options, progress));
  return stored;
}

Result<StoredGraph> ExtendSegment(const MappedSegment& segment, HalfMatrixView vectors,
                                  std::span<const std::uint32_t> ids,
                                  std::span<const std::uint64_t> text_hashes,
                                  const HnswOptions& options, const BuildProgress& progress) {
  DASHI_CHECK(ids.size() == vectors.rows && text_hashes.size() == vectors.rows &&
              segment.text_hashes().size() == segment.header().num_rows);
  DASHI_RETURN_IF_ERROR(segment.blocks().VerifySection(SegmentSection::kBaseLinks, nullptr));
  StoredGraph stored;
  stored.ef_search = options.ef_search;
  stored.entry_percent = options.entry_percent.value_or(segment.header().entry_percent);
  stored.duplicates = DuplicateRows::Find(vectors);
  const std::vector<Position> linked_rows = stored.duplicates.FirstRows(vectors.rows);
  DASHI_ASSIGN_OR_RETURN(TransferredGraph carried,
                         TransferGraph(HnswGraph(segment.parts().graph),
                                       MatchTexts(segment, ids, text_hashes), linked_rows));
  ThreadPool pool(std::max(1, options.num_threads));
  const LinkingControl control{pool, progress};
  DASHI_ASSIGN_OR_RETURN(stored.graph,
                         InsertRows(carried.graph, vectors, carried.unlinked, options, control));
  DASHI_RETURN_IF_ERROR(
      ConnectRows(vectors, linked_rows, options.ef_construction, control, &stored.graph).status());
  return stored;
}

bool IsWorthRewriting(const MappedSegment& segment, const PositionSet* live) {
  const std::span<const Position> unlinked = segment.unlinked();
  const std::size_t num_rows = segment.header().num_rows;
  const std::size_t num_linked = num_rows - unlinked.size();
  const auto num_back = static_cast<std::size_t>(std::count_if(
      unlinked.begin(), unlinked.end(),
      [live](Position position) { return live == nullptr || live->Contains(position); }));
  const std::size_t num_live = live == nullptr ? num_rows : live->size();
  const std::size_t num_dead = num_linked - (num_live - num_back);
  const bool many_dead = num_linked >= kLinkedMin && num_dead * kLinkedPerDeadRow >= num_linked;
  const bool many_back =
      num_live >= kLinkedMin && num_back > std::max(kRowsBackMin, num_linked / kLinkedPerRowBack);
  return many_dead || many_back;
}

std::uint64_t SegmentRewriteBytes(const SegmentHeader& header) {
  constexpr std::uint64_t kGraphs = 4;
  constexpr std::uint64_t kListsBytes = 64;  // duplicates, positions, link counts
  const std::uint64_t links = std::uint64_t{2} * header.num_links * sizeof(Position);
  return header.num_rows * (kGraphs * links + CodeRowBytes(header.dim) + kListsBytes);
}

Status RewriteSegment(const MappedSegment& segment, const std::string& path,
                      const PositionSet& live, HnswOptions options, const BuildProgress& progress,
                      FileGate& gate) {
  DASHI_RETURN_IF_ERROR(segment.blocks().VerifyAll(nullptr));
  const SegmentHeader& header = segment.header();
  const HalfMatrixView vectors = segment.parts().vectors;
  DASHI_CHECK(live.num_positions() == vectors.rows);
  options.num_links = header.num_links;
  options.ef_search = header.ef_search;
  StoredGraph stored;
  stored.ef_search = options.ef_search;
  stored.entry_percent = header.entry_percent;
  std::vector<Position> rows;  // that are there
  std::vector<Position> old_positions(vectors.rows, kNewRow);
  rows.reserve(live.size());
  stored.unlinked.reserve(vectors.rows - live.size());
  for (std::size_t row = 0; row < vectors.rows; ++row) {
    const auto position = static_cast<Position>(row);
    if (live.Contains(position)) {
      rows.push_back(position);
      old_positions[row] = position;
    } else {
      stored.unlinked.push_back(position);
    }
  }
  stored.duplicates = DuplicateRows::Find(vectors, rows);
  std::vector<Position> linked_rows = stored.duplicates.FirstRows(vectors.rows);
  std::erase_if(linked_rows, [&live](Position row) { return !live.Contains(row); });
  const bool by_old_links = header.generation < kRelinksMax;
  DASHI_ASSIGN_OR_RETURN(stored.graph,
                         by_old_links ? RelinkGraph(HnswGraph(segment.parts().graph), old_positions,
                                                    vectors, linked_rows, options, progress)
                                      : BuildGraph(vectors, linked_rows, options, progress,
                                                   /*num_scored=*/nullptr, &stored.entry_percent));
  return WriteSegment(path, PartsOf(stored, vectors),
                      {segment.ids<std::uint32_t>(), segment.text_hashes(), header.owner,
                       by_old_links ? header.generation + 1 : 0},
                      gate);
}

}  // namespace dashi::index
