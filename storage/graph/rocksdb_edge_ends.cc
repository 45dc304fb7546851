#include "storage/graph/rocksdb_edge_ends.h"

#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};

}  // namespace

EdgeEnds::EdgeEnds(const RocksdbReader& reader, const GraphRecord& graph) : graph_(graph) {
  for (const EntityKind kind : kKinds) {
    lookups_.push_back(std::make_unique<IdLookup>(reader, kind));
  }
}

std::uint64_t EdgeEnds::bytes() const {
  std::uint64_t bytes = 0;
  for (const std::unique_ptr<IdLookup>& lookup : lookups_) {
    bytes += lookup->bytes();
  }
  return bytes;
}

Status EdgeEnds::Expect(std::uint64_t num_edges) {
  for (const std::unique_ptr<IdLookup>& lookup : lookups_) {
    lookup->Expect(num_edges);
  }
  for (const EntityKind kind : graph_.sources) {
    DASHI_RETURN_IF_ERROR(LookupOf(kind).ScanAhead());
  }
  // A target is looked up in the tables behind the first only where that does not have it.
  return LookupOf(graph_.targets.front()).ScanAhead();
}

Status EdgeEnds::Look(EntityKind kind) {
  std::vector<std::optional<Ordinal>>& found = found_[static_cast<std::size_t>(kind) - 1];
  found.resize(ids_.size());
  return LookupOf(kind).TryFind(ids_, found);
}

Status EdgeEnds::FindSources(std::span<const BulkLoad::NamedEdge> edges) {
  ids_.clear();
  source_of_.clear();
  for (const BulkLoad::NamedEdge& edge : edges) {
    if (ids_.empty() || ids_.back() != edge.source) {
      ids_.push_back(edge.source);
    }
    source_of_.push_back(ids_.size() - 1);
  }
  for (const EntityKind kind : graph_.sources) {
    DASHI_RETURN_IF_ERROR(Look(kind));
  }
  sources_.clear();
  sources_begin_.assign(1, 0);
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    for (const EntityKind kind : graph_.sources) {
      const std::optional<Ordinal> ordinal = found_[static_cast<std::size_t>(kind) - 1][i];
      if (ordinal) {
        sources_.push_back({kind, *ordinal});
      }
    }
    sources_begin_.push_back(sources_.size());
  }
  return Status::Ok();
}

Status EdgeEnds::FindTargets(std::span<const BulkLoad::NamedEdge> edges) {
  targets_.assign(edges.size(), std::nullopt);
  for (const EntityKind kind : graph_.targets) {
    ids_.clear();
    edges_of_ids_.clear();
    for (std::size_t i = 0; i < edges.size(); ++i) {
      if (!targets_[i]) {
        ids_.push_back(edges[i].target);
        edges_of_ids_.push_back(i);
      }
    }
    DASHI_RETURN_IF_ERROR(Look(kind));
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const std::optional<Ordinal> ordinal = found_[static_cast<std::size_t>(kind) - 1][i];
      if (ordinal) {
        targets_[edges_of_ids_[i]] = GraphNode{kind, *ordinal};
      }
    }
  }
  return Status::Ok();
}

Status EdgeEnds::Find(std::span<const BulkLoad::NamedEdge> edges) {
  DASHI_RETURN_IF_ERROR(FindSources(edges));
  return FindTargets(edges);
}

}  // namespace dashi::storage
