#include "storage/graph/rocksdb_edge_load.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/graph/edge_run.h"
#include "storage/graph/graph_ends.h"
#include "storage/graph/load_events.h"
#include "storage/graph/rocksdb_edge_ends.h"
#include "storage/graph/rocksdb_edge_stager.h"
#include "storage/graph/rocksdb_events.h"
#include "storage/load_duplicates.h"
#include "storage/ordinal_set.h"
#include "storage/rocksdb_load.h"
#include "storage/row_check.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};
// Loads of fewer bytes are one batch: many small files would burden the family.
constexpr std::uint64_t kSmallBytesMax = std::uint64_t{512} << 10;
// The first run is this part of a large one, so that its sorting begins soon; each is twice the one
// before.
constexpr std::uint64_t kFirstRunShare = 8;
// Edges whose ends, and whose likes from before, are asked for together.
constexpr std::size_t kEdgesAtOnce = 64;

std::uint64_t RunBytesMax(std::uint64_t memory_bytes_max) {
  return std::clamp<std::uint64_t>(memory_bytes_max / 32, kSmallBytesMax, std::uint64_t{32} << 20);
}

class RocksdbEdgeLoad : public RocksdbLoad {
 public:
  RocksdbEdgeLoad(RocksdbStoreState* state, const GraphRecord& graph, EdgeOperation operation,
                  DuplicatePolicy policy)
      : RocksdbLoad(state, ChangedTable::kEdges, policy),
        graph_(graph),
        operation_(operation),
        run_bytes_max_(RunBytesMax(state->options.memory_bytes_max)),
        run_bytes_(std::max(kSmallBytesMax, run_bytes_max_ / kFirstRunShare)),
        ends_(reader_, graph_) {
    for (const EntityKind kind : kKinds) {
      used_.emplace_back(state->NextOrdinal(kind));
    }
  }

  Status ExpectRows(std::uint64_t num_rows) override {
    LoadedPairSet& pairs = PairsOf({graph_.sources.front()}, {graph_.targets.front()});
    if (operation_ == EdgeOperation::kPut && pairs.size() == 0) {
      pairs.Reserve(num_rows, run_bytes_max_);
    }
    return ends_.Expect(num_rows);
  }

  Status AddEdge(std::string_view source, std::string_view target,
                 const EdgeValues& values) override {
    const NamedEdge edge{source, target, values};
    std::size_t num_added = 0;
    return AddEdges(std::span(&edge, 1), &num_added);
  }

  Status AddEdges(std::span<const NamedEdge> edges, std::size_t* num_added) override {
    *num_added = 0;
    DASHI_RETURN_IF_ERROR(CheckOpen());
    while (*num_added < edges.size()) {
      const std::span<const NamedEdge> next =
          edges.subspan(*num_added, std::min(kEdgesAtOnce, edges.size() - *num_added));
      DASHI_RETURN_IF_ERROR(ends_.Find(next));
      for (std::size_t i = 0; i < next.size(); ++i) {
        if (!ends_.SourcesOf(i).empty() && ends_.TargetOf(i)) {
          const GraphNode source = ends_.SourcesOf(i).front();
          PairsOf(source, *ends_.TargetOf(i)).Prefetch(source.ordinal, ends_.TargetOf(i)->ordinal);
        }
      }
      for (std::size_t i = 0; i < next.size(); ++i) {
        DASHI_RETURN_IF_ERROR(AddFound(next[i], i));
        ++*num_added;
      }
    }
    return Status::Ok();
  }

  Status AddClick(std::string_view source, std::string_view target, const Click& click) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    const NamedEdge edge{source, target, {1, 1, click.at_micros}};
    DASHI_RETURN_IF_ERROR(ends_.Find(std::span(&edge, 1)));
    DASHI_RETURN_IF_ERROR(CheckEnds(edge, 0));
    DASHI_RETURN_IF_ERROR(MakeRoom());
    if (!click.event_id.empty()) {
      DASHI_ASSIGN_OR_RETURN(const bool is_new, AddEvent(click));
      if (!is_new) {
        ++counts_.ignored;
        return Status::Ok();
      }
    }
    ++counts_.inserted;
    AddToRun(0, edge.values);
    return Status::Ok();
  }

 private:
  // Adds an edge whose ends were found, at a place among those of ends_.
  Status AddFound(const NamedEdge& edge, std::size_t place) {
    DASHI_RETURN_IF_ERROR(CheckEdgeWeight(edge.values.weight));
    DASHI_RETURN_IF_ERROR(CheckEnds(edge, place));
    DASHI_RETURN_IF_ERROR(MakeRoom());
    // An edge is known by the first of its sources.
    DASHI_ASSIGN_OR_RETURN(const bool exists,
                           NoteAndFind(ends_.SourcesOf(place).front(), *ends_.TargetOf(place)));
    if (exists && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(fmt::format("graph \"{}\" already has the edge from '{}' to "
                                               "'{}'",
                                               graph_.name, edge.source, edge.target))
          .WithSqlState("23505");
    }
    if (exists && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    ++(exists ? counts_.replaced : counts_.inserted);
    AddToRun(place, edge.values);
    return Status::Ok();
  }

  Status CheckEnds(const NamedEdge& edge, std::size_t place) const {
    if (ends_.SourcesOf(place).empty()) {
      return NoSuchEnd(graph_, EdgeSide::kOut, edge.source);
    }
    return ends_.TargetOf(place) ? Status::Ok() : NoSuchEnd(graph_, EdgeSide::kIn, edge.target);
  }

  // Returns whether the load has seen the edge or the graph has it; from now on the load has.
  Result<bool> NoteAndFind(GraphNode source, GraphNode target) {
    if (!PairsOf(source, target).Add(source.ordinal, target.ordinal)) {
      return true;
    }
    if (!graph_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(const bool has_edges, reader_.HasStoredEdges(graph_));
      graph_is_empty_ = !has_edges;
    }
    if (*graph_is_empty_) {
      return false;
    }
    if (cached_source_ != source) {
      cached_source_.reset();
      DASHI_ASSIGN_OR_RETURN(cached_edges_, reader_.EdgesOf(graph_, EdgeSide::kOut, source));
      cached_source_ = source;
    }
    return std::any_of(cached_edges_.begin(), cached_edges_.end(),
                       [target](const Edge& edge) { return edge.neighbour == target; });
  }

  // Returns whether the event was not counted yet, and has it remembered with its edge.
  Result<bool> AddEvent(const Click& click) {
    if (!last_day_is_known_) {
      DASHI_ASSIGN_OR_RETURN(last_day_, LastEventDay(*state_->engine, graph_.number));
      last_day_is_known_ = true;
    }
    const std::uint32_t day = DayOf(click.at_micros);
    std::string key = GraphEventKey(graph_.number, day, click.event_id);
    if (last_day_) {
      DASHI_RETURN_IF_ERROR(CheckEventDay(graph_, day, *last_day_));
      std::string value;
      DASHI_ASSIGN_OR_RETURN(const bool known, reader_.GetStored(Family::kEdges, key, &value));
      if (known) {
        return false;
      }
    }
    if (!events_.Add(key)) {
      return false;
    }
    run_.AddKey(std::move(key));
    return true;
  }

  void AddToRun(std::size_t place, const EdgeValues& values) {
    const GraphNode target = *ends_.TargetOf(place);
    for (const GraphNode source : ends_.SourcesOf(place)) {
      run_.Add(source, target, values);
      used_[Index(source.kind)].Add(source.ordinal);
    }
    used_[Index(target.kind)].Add(target.ordinal);
    EndRow();
    ++num_edges_;
  }

  // Called before an edge is added: when the disk is full, the edge is refused whole.
  Status MakeRoom() {
    if (run_.bytes() < run_bytes_) {
      return Status::Ok();
    }
    return SendRun();
  }

  Status SendRun() {
    DASHI_RETURN_IF_ERROR(ReserveMemory());
    if (stager_ == nullptr) {
      DASHI_ASSIGN_OR_RETURN(marker_, state_->TakeId("load"));
      DASHI_ASSIGN_OR_RETURN(
          stager_, EdgeStager::Start(state_, graph_, operation_, state_->NextLoadName(), marker_));
    }
    DASHI_RETURN_IF_ERROR(
        state_->disk.CheckRoom(stager_->pending_bytes() + run_.bytes(), "the load"));
    run_bytes_ = std::min(2 * run_bytes_, run_bytes_max_);
    return stager_->Add(&run_);
  }

  const std::string* FewRows() override {
    if (stager_ != nullptr || run_.bytes() > kSmallBytesMax) {
      return nullptr;
    }
    few_.clear();
    for (const EdgeSide side : {EdgeSide::kOut, EdgeSide::kIn}) {
      run_.VisitSide(graph_, side, operation_,
                     [this](std::string_view key, std::string_view delta) {
                       AppendLengthPrefixed(&few_, key);
                       AppendLengthPrefixed(&few_, delta);
                       return Status::Ok();
                     })
          .IgnoreError("the visitor never fails");
    }
    return &few_;
  }

  Status FinishFiles(LoadRecord* record) override {
    if (!run_.empty()) {
      DASHI_RETURN_IF_ERROR(SendRun());
    }
    DASHI_RETURN_IF_ERROR(stager_->Finish());
    record->row_files = stager_->files();
    record->graph = graph_.number;
    record->marker = marker_;
    record->num_edges = num_edges_;
    record->adds = operation_ == EdgeOperation::kAdd;
    return Status::Ok();
  }
  void KeepFiles() override {
    if (stager_ != nullptr) {
      stager_->KeepFiles();
    }
  }

  std::uint64_t RememberedBytes() const override {
    std::uint64_t bytes = events_.bytes() / 2 * 3;
    for (const LoadedPairSet& pairs : pairs_) {
      bytes += pairs.bytes() / 2 * 3;
    }
    return bytes + ends_.bytes() + 4 * run_bytes_max_;
  }

  Status CheckConflicts() const override {
    std::string value;
    GraphRecord now;
    DASHI_ASSIGN_OR_RETURN(const bool found,
                           state_->engine->Get(Family::kMeta, GraphKey(graph_.name), &value));
    if (!found || !DecodeGraph(value, &now) || now.number != graph_.number) {
      return LoadConflict(fmt::format("graph \"{}\" was dropped", graph_.name));
    }
    const bool reads_edges =
        operation_ == EdgeOperation::kPut && policy_ != DuplicatePolicy::kReplace;
    return ForEachChange([&](const ChangeRun& run) -> Status {
      if (run.table == ChangedTable::kEdges) {
        const std::uint64_t behind = std::uint64_t{graph_.number} - ToInteger(run.first);
        if (behind < run.count && (reads_edges || !events_.empty())) {
          return LoadConflict(fmt::format("edges of graph \"{}\"", graph_.name));
        }
        return Status::Ok();
      }
      if (run.operation != ChangeOperation::kDelete || run.table == ChangedTable::kRelevance) {
        return Status::Ok();
      }
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const auto ordinal = static_cast<std::uint32_t>(ToInteger(run.first) + i);
        if (used_[Index(static_cast<EntityKind>(run.table))].Contains(Ordinal{ordinal})) {
          return LoadConflict("an end of the load's edges was deleted");
        }
      }
      return Status::Ok();
    });
  }

  static std::size_t Index(EntityKind kind) { return static_cast<std::size_t>(kind) - 1; }
  LoadedPairSet& PairsOf(GraphNode source, GraphNode target) {
    return pairs_[Index(source.kind) * kKinds.size() + Index(target.kind)];
  }

  const GraphRecord graph_;
  const EdgeOperation operation_;
  const std::uint64_t run_bytes_max_;
  std::uint64_t run_bytes_;       // of the run that is being gathered, when it is full
  EdgeEnds ends_;                 // of the edges that are being added
  std::vector<OrdinalSet> used_;  // by Index: the ends of edges
  EdgeRun run_;
  std::unique_ptr<EdgeStager> stager_;  // null until the first run is full
  std::uint64_t marker_ = 0;
  std::uint64_t num_edges_ = 0;
  std::string few_;
  std::optional<bool> graph_is_empty_;  // in the load's picture, once asked
  std::array<LoadedPairSet, kKinds.size() * kKinds.size()> pairs_;  // by kind of source and target
  LoadedEventSet events_;
  bool last_day_is_known_ = false;
  std::optional<std::uint32_t> last_day_;  // of the graph's events from before
  std::optional<GraphNode> cached_source_;
  std::vector<Edge> cached_edges_;
};

}  // namespace

std::unique_ptr<BulkLoad> NewRocksdbEdgeLoad(RocksdbStoreState* state, const GraphRecord& graph,
                                             DuplicatePolicy policy) {
  return std::make_unique<RocksdbEdgeLoad>(state, graph, EdgeOperation::kPut, policy);
}

std::unique_ptr<BulkLoad> NewRocksdbClickLoad(RocksdbStoreState* state, const GraphRecord& graph) {
  return std::make_unique<RocksdbEdgeLoad>(state, graph, EdgeOperation::kAdd,
                                           DuplicatePolicy::kReplace);
}

}  // namespace dashi::storage
