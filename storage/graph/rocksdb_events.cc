#include "storage/graph/rocksdb_events.h"

#include <memory>
#include <string>

#include <rocksdb/db.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kForgottenAtOnce = 8192;
constexpr std::string_view kDoing = "forgetting old events";

/// Events of a graph that are too old: keys from `begin` on, below `end`.
struct OldEvents {
  std::string begin;
  std::string end;
};

std::unique_ptr<rocksdb::Iterator> Events(const RocksdbEngine& engine) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return std::unique_ptr<rocksdb::Iterator>(
      engine.db()->NewIterator(options, engine.family(Family::kEdges)));
}

Result<std::optional<OldEvents>> FindOldEvents(const RocksdbEngine& engine) {
  const std::unique_ptr<rocksdb::Iterator> graphs(
      engine.db()->NewIterator(rocksdb::ReadOptions(), engine.family(Family::kMeta)));
  const std::string prefix = GraphPrefix();
  for (graphs->Seek(prefix); graphs->Valid() && graphs->key().starts_with(prefix); graphs->Next()) {
    GraphRecord graph;
    if (!DecodeGraph(ToView(graphs->value()), &graph)) {
      continue;  // Whoever reads the graph reports it.
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> last,
                           LastEventDay(engine, graph.number));
    if (!last || *last <= graph.event_days) {
      continue;
    }
    OldEvents old;
    old.begin = GraphEventPrefix(graph.number);
    old.end = old.begin;
    AppendBigEndian32(&old.end, *last - graph.event_days);
    const std::unique_ptr<rocksdb::Iterator> events = Events(engine);
    events->Seek(old.begin);
    DASHI_RETURN_IF_ERROR(FromRocksdb(events->status(), "reading edges"));
    if (events->Valid() && ToView(events->key()) < old.end) {
      return std::optional<OldEvents>(std::move(old));
    }
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(graphs->status(), "reading meta"));
  return std::optional<OldEvents>();
}

}  // namespace

Result<std::optional<std::uint32_t>> LastEventDay(const RocksdbEngine& engine,
                                                  std::uint32_t graph) {
  const std::unique_ptr<rocksdb::Iterator> events = Events(engine);
  events->SeekForPrev(PrefixEnd(GraphEventPrefix(graph)));
  DASHI_RETURN_IF_ERROR(FromRocksdb(events->status(), "reading edges"));
  std::uint32_t number = 0;
  std::uint32_t day = 0;
  if (!events->Valid() || !ParseGraphEventKey(ToView(events->key()), &number, &day) ||
      number != graph) {
    return std::optional<std::uint32_t>();
  }
  return std::optional<std::uint32_t>(day);
}

Result<bool> ForgetOldEvents(RocksdbStoreState* state) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<OldEvents> old, FindOldEvents(*state->engine));
  if (!old) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(state->CheckWorking());
  rocksdb::ColumnFamilyHandle* edges = state->engine->family(Family::kEdges);
  const std::unique_ptr<rocksdb::Iterator> events = Events(*state->engine);
  rocksdb::WriteBatch batch;
  std::uint64_t num_keys = 0;
  for (events->Seek(old->begin);
       events->Valid() && ToView(events->key()) < old->end && num_keys < kForgottenAtOnce;
       events->Next(), ++num_keys) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Delete(edges, events->key()), kDoing));
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(events->status(), "reading edges"));
  DASHI_RETURN_IF_ERROR(state->engine->Write(&batch, /*sync=*/false, kDoing));
  return true;
}

Result<bool> HasOldEvents(const RocksdbEngine& engine) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<OldEvents> old, FindOldEvents(engine));
  return old.has_value();
}

}  // namespace dashi::storage
