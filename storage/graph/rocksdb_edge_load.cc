#include "storage/graph/rocksdb_edge_load.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/graph/edge_run.h"
#include "storage/graph/graph_ends.h"
#include "storage/graph/load_events.h"
#include "storage/graph/rocksdb_edge_stager.h"
#include "storage/graph/rocksdb_events.h"
#include "storage/load_duplicates.h"
#include "storage/ordinal_set.h"
#include "storage/rocksdb_id_lookup.h"
#include "storage/rocksdb_load.h"
#include "storage/row_check.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};
// Loads of fewer bytes are one batch: many small files would burden the family.
constexpr std::uint64_t kSmallBytesMax = std::uint64_t{512} << 10;

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
        run_bytes_max_(RunBytesMax(state->options.memory_bytes_max)) {
    for (const EntityKind kind : kKinds) {
      lookups_.push_back(std::make_unique<IdLookup>(reader_, kind));
      used_.emplace_back(state->NextOrdinal(kind));
    }
  }

  Status AddEdge(std::string_view source, std::string_view target,
                 const EdgeValues& values) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(CheckEdgeWeight(values.weight));
    DASHI_RETURN_IF_ERROR(FindEnds(source, target));
    DASHI_RETURN_IF_ERROR(MakeRoom());
    // An edge is known by the first of its sources.
    DASHI_ASSIGN_OR_RETURN(const bool exists, NoteAndFind(sources_.front(), target_));
    if (exists && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(fmt::format("graph \"{}\" already has the edge from '{}' to "
                                               "'{}'",
                                               graph_.name, source, target))
          .WithSqlState("23505");
    }
    if (exists && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    ++(exists ? counts_.replaced : counts_.inserted);
    AddToRun(values);
    return Status::Ok();
  }

  Status AddClick(std::string_view source, std::string_view target, const Click& click) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(FindEnds(source, target));
    DASHI_RETURN_IF_ERROR(MakeRoom());
    if (!click.event_id.empty()) {
      DASHI_ASSIGN_OR_RETURN(const bool is_new, AddEvent(click));
      if (!is_new) {
        ++counts_.ignored;
        return Status::Ok();
      }
    }
    ++counts_.inserted;
    AddToRun({1, 1, click.at_micros});
    return Status::Ok();
  }

 private:
  // Sets sources_ and target_.
  Status FindEnds(std::string_view source, std::string_view target) {
    if (!has_source_ || source != last_source_) {
      has_source_ = false;
      sources_.clear();
      for (const EntityKind kind : graph_.sources) {
        DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal,
                               LookupOf(kind).TryFind(source));
        if (ordinal) {
          sources_.push_back({kind, *ordinal});
        }
      }
      if (sources_.empty()) {
        return NoSuchEnd(graph_, EdgeSide::kOut, source);
      }
      last_source_ = source;
      has_source_ = true;
    }
    for (const EntityKind kind : graph_.targets) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> ordinal, LookupOf(kind).TryFind(target));
      if (ordinal) {
        target_ = {kind, *ordinal};
        return Status::Ok();
      }
    }
    return NoSuchEnd(graph_, EdgeSide::kIn, target);
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

  void AddToRun(const EdgeValues& values) {
    for (const GraphNode source : sources_) {
      run_.Add(source, target_, values);
      used_[Index(source.kind)].Add(source.ordinal);
    }
    used_[Index(target_.kind)].Add(target_.ordinal);
    EndRow();
    ++num_edges_;
  }

  // Called before an edge is added: when the disk is full, the edge is refused whole.
  Status MakeRoom() {
    if (run_.bytes() < run_bytes_max_) {
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
    return stager_->Add(&run_);
  }

  const std::string* FewRows() override {
    if (stager_ != nullptr || run_.bytes() > kSmallBytesMax) {
      return nullptr;
    }
    few_.clear();
    run_.Drain(graph_, operation_,
               [this](std::string_view key, std::string_view delta) {
                 AppendLengthPrefixed(&few_, key);
                 AppendLengthPrefixed(&few_, delta);
                 return Status::Ok();
               })
        .IgnoreError("the visitor never fails");
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
    for (const auto& [kinds, pairs] : pairs_) {
      bytes += pairs.bytes() / 2 * 3;
    }
    for (const std::unique_ptr<IdLookup>& lookup : lookups_) {
      bytes += lookup->bytes();
    }
    return bytes + 4 * run_bytes_max_;
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
  IdLookup& LookupOf(EntityKind kind) { return *lookups_[Index(kind)]; }
  LoadedPairSet& PairsOf(GraphNode source, GraphNode target) {
    return pairs_[Index(source.kind) * 3 + Index(target.kind)];
  }

  const GraphRecord graph_;
  const EdgeOperation operation_;
  const std::uint64_t run_bytes_max_;
  std::vector<std::unique_ptr<IdLookup>> lookups_;  // by Index
  std::vector<OrdinalSet> used_;                    // by Index: the ends of edges
  EdgeRun run_;
  std::unique_ptr<EdgeStager> stager_;  // null until the first run is full
  std::uint64_t marker_ = 0;
  std::uint64_t num_edges_ = 0;
  std::string few_;
  std::optional<bool> graph_is_empty_;  // in the load's picture, once asked
  std::map<std::size_t, LoadedPairSet> pairs_;
  LoadedEventSet events_;
  bool last_day_is_known_ = false;
  std::optional<std::uint32_t> last_day_;  // of the graph's events from before
  std::optional<GraphNode> cached_source_;
  std::vector<Edge> cached_edges_;
  // The ends of the edge that is being added, and whose sources they are.
  bool has_source_ = false;
  std::string last_source_;
  std::vector<GraphNode> sources_;
  GraphNode target_;
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
