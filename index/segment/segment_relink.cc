#include "index/segment/segment_relink.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "index/graph_connect.h"
#include "index/graph_insert.h"
#include "index/graph_relink.h"
#include "index/graph_transfer.h"

namespace dashi::index {

namespace {

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

}  // namespace dashi::index
