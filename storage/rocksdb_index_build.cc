#include "storage/rocksdb_index_build.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/failpoint.h"
#include "base/status.h"
#include "storage/graph/rocksdb_events.h"
#include "storage/index_entries.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_transaction.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::array kIndexedKinds = {EntityKind::kDocument, EntityKind::kLabel};
constexpr std::uint64_t kStepRows = 1024;
constexpr std::uint64_t kStepBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kCleanupKeys = 8192;
/// Attempts with ever fewer rows before a step gives up and is repeated.
constexpr int kAttemptsMax = 6;

/// An index that is being built.
struct Build {
  EntityKind kind;
  IndexRecord index;
  ColumnRecord column;
};

std::optional<Build> FindBuild(const RocksdbStoreState& state) {
  for (const EntityKind kind : kIndexedKinds) {
    const std::shared_ptr<const SchemaRecord> schema = state.CurrentSchema(kind);
    for (const IndexRecord& index : schema->indexes) {
      if (index.state == IndexState::kBuilding) {
        return Build{kind, index, *schema->FindColumn(index.column)};
      }
    }
  }
  return std::nullopt;
}

// Stages the entries of up to `rows_max` rows from the stored position on. `*at_end` tells that
// there are no more rows.
Status StageRows(const RocksdbEngine& engine, const Build& build, std::uint64_t rows_max,
                 rocksdb::Transaction* transaction, bool* at_end) {
  const std::string position_key = IndexBuildKey(build.index.number);
  DASHI_ASSIGN_OR_RETURN(std::uint64_t position, ReadCounter(engine, position_key));
  rocksdb::ReadOptions options;
  options.snapshot = transaction->GetSnapshot();
  options.fill_cache = false;
  rocksdb::ColumnFamilyHandle* rows_family = engine.family(RowFamily(build.kind));
  const std::unique_ptr<rocksdb::Iterator> rows(engine.db()->NewIterator(options, rows_family));
  std::uint64_t bytes = 0;
  std::uint64_t num_rows = 0;
  EntityRow row;
  Ordinal ordinal{};
  for (rows->Seek(RowKey(Ordinal{static_cast<std::uint32_t>(position)}));
       rows->Valid() && num_rows < rows_max && bytes < kStepBytes; rows->Next(), ++num_rows) {
    bytes += rows->value().size();
    if (!ParseRowKey(ToView(rows->key()), &ordinal) || !DecodeRow(ToView(rows->value()), &row)) {
      return DamagedRow(EntityTableName(build.kind), ordinal);
    }
    rocksdb::Status staged = transaction->GetForUpdate(
        rocksdb::ReadOptions(), rows_family, rows->key(), static_cast<std::string*>(nullptr));
    if (staged.ok()) {
      staged = transaction->PutUntracked(engine.family(Family::kAttributes),
                                         IndexEntryOf(build.index, build.column, ordinal, row), "");
    }
    DASHI_RETURN_IF_ERROR(FromRocksdb(staged, "building an index"));
    position = std::uint64_t{ToInteger(ordinal)} + 1;
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(rows->status(), "building an index"));
  *at_end = !rows->Valid();
  return FromRocksdb(transaction->PutUntracked(engine.family(Family::kMeta), position_key,
                                               EncodeCounter(position)),
                     "building an index");
}

// Adds the entries of the next rows. The pass keeps loads out, which write rows piece by piece.
Result<bool> AddRows(RocksdbStoreState* state, const Build& build) {
  const SharedPass pass(state->gate);
  DASHI_RETURN_IF_ERROR(state->CheckWorking());
  const std::optional<Build> now = FindBuild(*state);
  if (!now || now->index.number != build.index.number) {
    return false;  // It was dropped meanwhile.
  }
  std::uint64_t rows_max = kStepRows;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const std::unique_ptr<rocksdb::Transaction> transaction(
        state->engine->transactions()->BeginTransaction(rocksdb::WriteOptions()));
    transaction->DisableIndexing();
    transaction->SetSnapshot();
    bool at_end = false;
    DASHI_RETURN_IF_ERROR(StageRows(*state->engine, build, rows_max, transaction.get(), &at_end));
    // Not synced: the commit that makes the index ready is, and the log keeps its order.
    std::uint64_t engine_sequence = 0;
    const Status committed = state->engine->Commit(transaction.get(), &engine_sequence);
    if (committed.code() != StatusCode::kAborted) {
      DASHI_RETURN_IF_ERROR(committed);
      return at_end;
    }
    rows_max = std::max<std::uint64_t>(rows_max / 4, 1);
  }
  return false;
}

// A transaction that alters the table at the same time wins: the step is then repeated.
Status MakeReady(RocksdbStoreState* state, const Build& build) {
  const std::unique_ptr<RocksdbTransaction> transaction = RocksdbTransaction::Begin(state);
  DASHI_ASSIGN_OR_RETURN(const auto before, transaction->GetSchema(build.kind));
  SchemaRecord schema = *before;
  for (IndexRecord& index : schema.indexes) {
    if (index.number == build.index.number) {
      index.state = IndexState::kReady;
    }
  }
  if (schema == *before) {
    return Status::Ok();
  }
  DASHI_RETURN_IF_ERROR(transaction->PutSchema(build.kind, std::move(schema)));
  Status committed = transaction->Commit();
  return committed.code() == StatusCode::kAborted ? Status::Ok() : committed;
}

/// Keys of something that was dropped, and the key of `meta` that remembers them.
struct Dropped {
  Family family = Family::kAttributes;
  std::string prefix;
  std::string cleanup_key;
};

// Finds the first key of `meta` with a prefix; empty where there is none.
Result<std::string> FindMetaKey(const RocksdbEngine& engine, const std::string& prefix) {
  const std::unique_ptr<rocksdb::Iterator> keys(
      engine.db()->NewIterator(rocksdb::ReadOptions(), engine.family(Family::kMeta)));
  keys->Seek(prefix);
  DASHI_RETURN_IF_ERROR(FromRocksdb(keys->status(), "reading meta"));
  return keys->Valid() && keys->key().starts_with(prefix) ? keys->key().ToString() : std::string();
}

// Finds a dropped index whose entries, or a dropped graph whose edges are still there.
Result<std::optional<Dropped>> FindDropped(const RocksdbEngine& engine) {
  std::uint32_t number = 0;
  DASHI_ASSIGN_OR_RETURN(const std::string of_index, FindMetaKey(engine, IndexCleanupPrefix()));
  if (!of_index.empty()) {
    if (!ParseIndexCleanupKey(of_index, &number)) {
      return Status::Corruption("meta has a key that names no index");
    }
    return std::optional<Dropped>({Family::kAttributes, IndexPrefix(number), of_index});
  }
  DASHI_ASSIGN_OR_RETURN(const std::string of_graph, FindMetaKey(engine, GraphCleanupPrefix()));
  if (!of_graph.empty()) {
    if (!ParseGraphCleanupKey(of_graph, &number)) {
      return Status::Corruption("meta has a key that names no graph");
    }
    return std::optional<Dropped>({Family::kEdges, GraphEdgesPrefix(number), of_graph});
  }
  return std::optional<Dropped>();
}

// Removes some keys of what was dropped, and what remembers it with the last ones. Nobody writes
// them any more; readers of older pictures have snapshots.
Status RemoveKeys(RocksdbStoreState* state, const Dropped& dropped) {
  DASHI_RETURN_IF_ERROR(state->CheckWorking());
  const RocksdbEngine& engine = *state->engine;
  rocksdb::ColumnFamilyHandle* family = engine.family(dropped.family);
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> keys(engine.db()->NewIterator(options, family));
  rocksdb::WriteBatch batch;
  std::uint64_t num_keys = 0;
  for (keys->Seek(dropped.prefix);
       keys->Valid() && keys->key().starts_with(dropped.prefix) && num_keys < kCleanupKeys;
       keys->Next(), ++num_keys) {
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Delete(family, keys->key()), "removing what is dropped"));
  }
  DASHI_RETURN_IF_ERROR(
      FromRocksdb(keys->status(), fmt::format("reading {}", FamilyName(dropped.family))));
  if (num_keys < kCleanupKeys) {
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Delete(engine.family(Family::kMeta), dropped.cleanup_key),
                    "removing what is dropped"));
  }
  return state->engine->Write(&batch, /*sync=*/false, "removing what is dropped");
}

}  // namespace

Result<bool> StepIndexWork(RocksdbStoreState* state) {
  if (const std::optional<Build> build = FindBuild(*state)) {
    DASHI_ASSIGN_OR_RETURN(const bool has_all, AddRows(state, *build));
    DASHI_FAILPOINT("index.rows");
    if (has_all) {
      DASHI_FAILPOINT("index.ready");
      DASHI_RETURN_IF_ERROR(MakeReady(state, *build));
    }
    return true;
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<Dropped> dropped, FindDropped(*state->engine));
  if (!dropped) {
    return ForgetOldEvents(state);
  }
  DASHI_RETURN_IF_ERROR(RemoveKeys(state, *dropped));
  DASHI_FAILPOINT("index.cleanup");
  return true;
}

Result<bool> HasIndexWork(const RocksdbStoreState& state) {
  if (FindBuild(state)) {
    return true;
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<Dropped> dropped, FindDropped(*state.engine));
  return dropped.has_value() ? Result<bool>(true) : HasOldEvents(*state.engine);
}

}  // namespace dashi::storage
