#include "storage/rocksdb_transaction.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/index_entries.h"
#include "storage/rocksdb_change_trim.h"
#include "storage/rocksdb_status.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"
#include "storage/schema_codec.h"

namespace dashi::storage {

namespace {

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};
// What a tracked key costs beside its bytes, in our list and in RocksDB's.
constexpr std::uint64_t kTrackedBytes = 160;

Status NoSuchRow(EntityKind kind, Ordinal ordinal) {
  return Status::NotFound(
      fmt::format("no such row: {} ordinal {}", EntityTableName(kind), ToInteger(ordinal)));
}

Status Conflict() { return FromRocksdb(rocksdb::Status::Busy(), "commit"); }

rocksdb::WriteOptions CommitOptions(Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kNow;
  options.protection_bytes_per_key = 8;
  return options;
}

}  // namespace

std::unique_ptr<RocksdbTransaction> RocksdbTransaction::Begin(RocksdbStoreState* state) {
  std::unique_ptr<rocksdb::Transaction> transaction(
      state->engine->transactions()->BeginTransaction(CommitOptions(Durability::kNow)));
  transaction->DisableIndexing();  // Reads never ask it; see PendingWrites.
  bool behind_load = false;
  Picture picture = state->BeginPicture(transaction.get(), &behind_load);
  return std::unique_ptr<RocksdbTransaction>(new RocksdbTransaction(
      state, std::move(transaction), std::move(picture), behind_load, std::make_unique<Pending>()));
}

RocksdbTransaction::RocksdbTransaction(RocksdbStoreState* state,
                                       std::unique_ptr<rocksdb::Transaction> transaction,
                                       Picture picture, bool behind_load,
                                       std::unique_ptr<Pending> pending)
    : RocksdbViewOf<Transaction>(RocksdbReader(
          *state, std::move(picture), {&pending->writes, &pending->relevance, &pending->edges})),
      state_(state),
      pending_(std::move(pending)),
      transaction_(std::move(transaction)),
      memory_(&state->memory, MemoryUse::kTransactions),
      behind_load_(behind_load) {}

RocksdbTransaction::~RocksdbTransaction() = default;

bool RocksdbTransaction::has_writes() const {
  return !pending_->writes.empty() || !pending_->relevance.empty() || !pending_->edges.empty();
}

Status RocksdbTransaction::CheckOpen() const {
  return over_ ? Status::FailedPrecondition("the transaction is over").WithSqlState("25000")
               : Status::Ok();
}

Status RocksdbTransaction::CheckSize(std::uint64_t more_bytes) {
  DASHI_RETURN_IF_ERROR(CheckOpen());
  const std::uint64_t bytes = pending_->writes.bytes() + pending_->relevance.bytes() +
                              pending_->edges.bytes() + reads_.size() * kTrackedBytes + more_bytes;
  if (bytes > state_->options.transaction_bytes_max) {
    return Status::ResourceExhausted(fmt::format("the transaction is too large: limit {} MiB",
                                                 state_->options.transaction_bytes_max >> 20U))
        .WithSqlState("54000")
        .WithHint("Use COPY, which loads any size at once, or smaller transactions.");
  }
  return memory_.Resize(bytes);
}

Status RocksdbTransaction::CheckIdFree(EntityKind kind, std::string_view id) const {
  DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> taken, FindOrdinal(kind, id));
  if (taken) {
    return Status::AlreadyExists(
               fmt::format("{} already has a row with id '{}'", EntityTableName(kind), id))
        .WithSqlState("23505");
  }
  return Status::Ok();
}

Result<EntityRow> RocksdbTransaction::RequireStoredRow(EntityKind kind, Ordinal ordinal) const {
  DASHI_ASSIGN_OR_RETURN(std::optional<EntityRow> row, GetRow(kind, ordinal));
  if (!row) {
    return NoSuchRow(kind, ordinal);
  }
  return std::move(*row);
}

void RocksdbTransaction::Track(Family family, std::string key) {
  reads_.emplace_back(family, std::move(key));
}

Result<Ordinal> RocksdbTransaction::InsertRow(EntityKind kind, const EntityRow& row) {
  DASHI_RETURN_IF_ERROR(CheckRow(kind, row));
  DASHI_RETURN_IF_ERROR(CheckSize(row.id.size() + row.text.size()));
  DASHI_RETURN_IF_ERROR(CheckIdFree(kind, row.id));
  DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal, state_->TakeOrdinal(kind));
  pending_->writes.Put(RowFamily(kind), RowKey(ordinal), EncodeRow(row), /*stored_before=*/false);
  pending_->writes.Put(Family::kIds, IdKey(kind, row.id), EncodeOrdinal(ordinal),
                       /*stored_before=*/false);
  DASHI_RETURN_IF_ERROR(PutIndexEntries(kind, ordinal, /*before=*/nullptr, &row));
  return ordinal;
}

Status RocksdbTransaction::UpdateRow(EntityKind kind, Ordinal ordinal, const EntityRow& row) {
  DASHI_RETURN_IF_ERROR(CheckRow(kind, row));
  DASHI_RETURN_IF_ERROR(CheckSize(row.id.size() + row.text.size()));
  DASHI_ASSIGN_OR_RETURN(const EntityRow before, RequireStoredRow(kind, ordinal));
  if (before.id != row.id) {
    DASHI_RETURN_IF_ERROR(CheckIdFree(kind, row.id));
    pending_->writes.Delete(Family::kIds, IdKey(kind, before.id), /*stored_before=*/true);
    pending_->writes.Put(Family::kIds, IdKey(kind, row.id), EncodeOrdinal(ordinal),
                         /*stored_before=*/false);
  }
  pending_->writes.Put(RowFamily(kind), RowKey(ordinal), EncodeRow(row), /*stored_before=*/true);
  return PutIndexEntries(kind, ordinal, &before, &row);
}

Status RocksdbTransaction::DeleteRow(EntityKind kind, Ordinal ordinal) {
  DASHI_RETURN_IF_ERROR(CheckOpen());
  DASHI_ASSIGN_OR_RETURN(const EntityRow before, RequireStoredRow(kind, ordinal));
  if (kind == EntityKind::kDocument) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels, LabelsOf(ordinal));
    DASHI_RETURN_IF_ERROR(CheckSize(labels.size() * kTrackedBytes));
    for (const RelevanceNeighbour& label : labels) {
      pending_->relevance.Set(ordinal, label.ordinal, std::nullopt);
    }
    // A pair that another transaction adds meanwhile must not outlive the document.
    Track(Family::kRelevance, RelevanceKey(RelevanceSide::kLabelsOfDocument, ordinal));
  } else if (kind == EntityKind::kLabel) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> documents, DocumentsOf(ordinal));
    DASHI_RETURN_IF_ERROR(CheckSize(documents.size() * kTrackedBytes));
    for (const RelevanceNeighbour& document : documents) {
      pending_->relevance.Set(document.ordinal, ordinal, std::nullopt);
    }
    Track(Family::kRelevance, RelevanceKey(RelevanceSide::kDocumentsOfLabel, ordinal));
  }
  DASHI_RETURN_IF_ERROR(DeleteEdgesOf({kind, ordinal}));
  pending_->writes.Delete(RowFamily(kind), RowKey(ordinal), /*stored_before=*/true);
  pending_->writes.Delete(Family::kIds, IdKey(kind, before.id), /*stored_before=*/true);
  pair_rows_.erase(static_cast<std::uint64_t>(kind) << 32U | ToInteger(ordinal));
  return PutIndexEntries(kind, ordinal, &before, /*after=*/nullptr);
}

Status RocksdbTransaction::RequirePairRow(EntityKind kind, Ordinal ordinal) {
  const std::uint64_t cached = static_cast<std::uint64_t>(kind) << 32U | ToInteger(ordinal);
  if (pair_rows_.contains(cached)) {
    return Status::Ok();
  }
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found, reader().Get(RowFamily(kind), RowKey(ordinal), &value));
  if (!found) {
    return NoSuchRow(kind, ordinal).WithSqlState("23503");
  }
  std::string_view id;
  if (!DecodeRowId(value, &id)) {
    return DamagedRow(EntityTableName(kind), ordinal);
  }
  // The id key changes when the row goes, but not when its text is edited.
  Track(Family::kIds, IdKey(kind, id));
  pair_rows_.insert(cached);
  return Status::Ok();
}

Result<bool> RocksdbTransaction::HasPair(Ordinal document, Ordinal label) {
  if (const std::optional<float>* pending = pending_->relevance.Find(document, label)) {
    return pending->has_value();
  }
  if (cached_document_ != document) {
    cached_document_.reset();
    DASHI_ASSIGN_OR_RETURN(cached_labels_,
                           reader().StoredNeighbours(RelevanceSide::kLabelsOfDocument, document));
    cached_document_ = document;
  }
  return std::binary_search(cached_labels_.begin(), cached_labels_.end(), RelevanceNeighbour{label},
                            [](const RelevanceNeighbour& a, const RelevanceNeighbour& b) {
                              return a.ordinal < b.ordinal;
                            });
}

Result<bool> RocksdbTransaction::PutRelevance(Ordinal document, Ordinal label, float weight) {
  DASHI_RETURN_IF_ERROR(CheckWeight(weight));
  DASHI_RETURN_IF_ERROR(CheckSize(3 * kTrackedBytes));
  DASHI_RETURN_IF_ERROR(RequirePairRow(EntityKind::kDocument, document));
  DASHI_RETURN_IF_ERROR(RequirePairRow(EntityKind::kLabel, label));
  DASHI_ASSIGN_OR_RETURN(const bool existed, HasPair(document, label));
  pending_->relevance.Set(document, label, weight);
  return !existed;
}

Result<bool> RocksdbTransaction::DeleteRelevance(Ordinal document, Ordinal label) {
  DASHI_RETURN_IF_ERROR(CheckSize(kTrackedBytes));
  DASHI_ASSIGN_OR_RETURN(const bool existed, HasPair(document, label));
  if (existed) {
    pending_->relevance.Set(document, label, std::nullopt);
  }
  return existed;
}

Status RocksdbTransaction::PutRecord(Family family, std::string key, std::string value) {
  DASHI_RETURN_IF_ERROR(CheckSize(key.size() + value.size()));
  pending_->writes.Put(family, std::move(key), std::move(value), /*stored_before=*/true);
  return Status::Ok();
}

Status RocksdbTransaction::DeleteRecord(Family family, std::string key) {
  DASHI_RETURN_IF_ERROR(CheckSize(key.size()));
  pending_->writes.Delete(family, std::move(key), /*stored_before=*/true);
  return Status::Ok();
}

Status RocksdbTransaction::PutModel(const ModelRecord& model) {
  DASHI_RETURN_IF_ERROR(CheckName("model", model.name));
  return PutRecord(Family::kMeta, ModelKey(model.name), EncodeModel(model));
}

Status RocksdbTransaction::DeleteModel(std::string_view name) {
  return DeleteRecord(Family::kMeta, ModelKey(name));
}

Status RocksdbTransaction::PutRelease(const ReleaseRecord& release) {
  DASHI_RETURN_IF_ERROR(CheckName("model", release.model));
  return PutRecord(Family::kMeta, ReleaseKey(release.model, release.number),
                   EncodeRelease(release));
}

Status RocksdbTransaction::DeleteRelease(std::string_view model, std::uint32_t number) {
  return DeleteRecord(Family::kMeta, ReleaseKey(model, number));
}

Status RocksdbTransaction::PutJob(const JobRecord& job) {
  return PutRecord(Family::kJobs, JobKey(job.id), EncodeJob(job));
}

Status RocksdbTransaction::PutEvaluations(std::span<const EvaluationRecord> records) {
  std::uint32_t position = 0;
  for (const EvaluationRecord& record : records) {
    DASHI_RETURN_IF_ERROR(PutRecord(Family::kEvaluations, EvaluationKey(record.id, position++),
                                    EncodeEvaluation(record)));
  }
  return Status::Ok();
}

Status RocksdbTransaction::PutSetting(std::string_view name, std::string_view value) {
  DASHI_RETURN_IF_ERROR(CheckName("setting", name));
  return PutRecord(Family::kMeta, SettingKey(name), EncodeSetting(value));
}

Status RocksdbTransaction::PutIndexEntries(EntityKind kind, Ordinal ordinal,
                                           const EntityRow* before, const EntityRow* after) {
  std::shared_ptr<const SchemaRecord>& schema = schemas_[static_cast<std::size_t>(kind) - 1];
  if (schema == nullptr) {
    DASHI_ASSIGN_OR_RETURN(schema, GetSchema(kind));
  }
  return ForEachIndexChange(*schema, ordinal, before, after, [&](std::string key, bool add) {
    if (add) {
      pending_->writes.Put(Family::kAttributes, std::move(key), "", /*stored_before=*/false);
    } else {
      pending_->writes.Delete(Family::kAttributes, std::move(key), /*stored_before=*/true);
    }
    return Status::Ok();
  });
}

Status RocksdbTransaction::PutSchema(EntityKind kind, SchemaRecord schema) {
  DASHI_ASSIGN_OR_RETURN(const auto before, GetSchema(kind));
  for (const IndexRecord& index : schema.indexes) {
    const IndexRecord* old = before->FindIndex(index.number);
    if (old == nullptr) {
      DASHI_RETURN_IF_ERROR(
          PutRecord(Family::kMeta, IndexBuildKey(index.number), EncodeCounter(0)));
    } else if (old->state != index.state) {
      DASHI_RETURN_IF_ERROR(DeleteRecord(Family::kMeta, IndexBuildKey(index.number)));
    }
  }
  for (const IndexRecord& index : before->indexes) {
    if (schema.FindIndex(index.number) == nullptr) {
      DASHI_RETURN_IF_ERROR(DeleteRecord(Family::kMeta, IndexBuildKey(index.number)));
      DASHI_RETURN_IF_ERROR(
          PutRecord(Family::kMeta, IndexCleanupKey(index.number), EncodeCounter(0)));
    }
  }
  // Names of indexes are unique over the tables: each alteration conflicts with the others'.
  for (const EntityKind other : kKinds) {
    Track(Family::kMeta, SchemaKey(other));
  }
  schemas_ = {};
  ++schema.version;
  return PutRecord(Family::kMeta, SchemaKey(kind), EncodeSchema(schema));
}

Result<std::uint64_t> RocksdbTransaction::NextId(std::string_view counter) {
  DASHI_RETURN_IF_ERROR(CheckOpen());
  return state_->TakeId(counter);
}

void RocksdbTransaction::SetSavepoint() {
  pending_->writes.SetSavepoint();
  pending_->relevance.SetSavepoint();
  pending_->edges.SetSavepoint();
  read_savepoints_.push_back(reads_.size());
}

Status RocksdbTransaction::RollbackToSavepoint() {
  if (read_savepoints_.empty()) {
    return Status::FailedPrecondition("there is no savepoint").WithSqlState("3B001");
  }
  pending_->writes.RollbackToSavepoint();
  pending_->relevance.RollbackToSavepoint();
  pending_->edges.RollbackToSavepoint();
  reads_.resize(read_savepoints_.back());
  read_savepoints_.pop_back();
  schemas_ = {};
  // They may have been inserted or checked since the savepoint.
  pair_rows_.clear();
  graphs_.reset();
  graphs_read_.clear();
  cached_edge_list_.reset();
  return Status::Ok();
}

void RocksdbTransaction::ReleaseSavepoint() {
  DASHI_CHECK(!read_savepoints_.empty());
  pending_->writes.ReleaseSavepoint();
  pending_->relevance.ReleaseSavepoint();
  pending_->edges.ReleaseSavepoint();
  read_savepoints_.pop_back();
}

Status RocksdbTransaction::StageWrites(ChangeSet* changes) {
  for (const Family family : kFamilies) {
    if (family == Family::kAttributes) {
      continue;  // Entries of the indexes of this transaction's picture: see StageIndexEntries.
    }
    rocksdb::ColumnFamilyHandle* handle = state_->engine->family(family);
    for (const auto& [key, entry] : pending_->writes.entries(family)) {
      const rocksdb::Status status = entry.value ? transaction_->Put(handle, key, *entry.value)
                                                 : transaction_->Delete(handle, key);
      DASHI_RETURN_IF_ERROR(FromRocksdb(status, "staging a commit"));
    }
  }
  for (const EntityKind kind : kKinds) {
    for (const auto& [key, entry] : pending_->writes.entries(RowFamily(kind))) {
      Ordinal ordinal{};
      DASHI_CHECK(ParseRowKey(key, &ordinal));
      if (entry.value) {
        changes->Add(ChangedTableOf(kind),
                     entry.stored_before ? ChangeOperation::kUpdate : ChangeOperation::kInsert,
                     ordinal);
      } else if (entry.stored_before) {
        changes->Add(ChangedTableOf(kind), ChangeOperation::kDelete, ordinal);
      }
    }
  }
  return Status::Ok();
}

// Stages the entries of the indexes that there are now: some may have been created or dropped since
// the transaction began. The rows themselves are checked for conflicts, so what the picture holds
// of them is what is stored.
Status RocksdbTransaction::StageIndexEntries(EntityKind kind) {
  const std::shared_ptr<const SchemaRecord> schema = state_->CurrentSchema(kind);
  if (schema->indexes.empty()) {
    return Status::Ok();
  }
  rocksdb::ColumnFamilyHandle* handle = state_->engine->family(Family::kAttributes);
  const auto stage = [&](const std::string& key, bool add) {
    return FromRocksdb(add ? transaction_->PutUntracked(handle, key, "")
                           : transaction_->DeleteUntracked(handle, key),
                       "staging a commit");
  };
  std::string stored;
  for (const auto& [key, entry] : pending_->writes.entries(RowFamily(kind))) {
    Ordinal ordinal{};
    DASHI_CHECK(ParseRowKey(key, &ordinal));
    bool had_row = false;
    if (entry.stored_before) {
      DASHI_ASSIGN_OR_RETURN(had_row, reader().GetStored(RowFamily(kind), key, &stored));
    }
    EntityRow before;
    EntityRow after;
    if ((had_row && !DecodeRow(stored, &before)) ||
        (entry.value && !DecodeRow(*entry.value, &after))) {
      return DamagedRow(EntityTableName(kind), ordinal);
    }
    DASHI_RETURN_IF_ERROR(ForEachIndexChange(*schema, ordinal, had_row ? &before : nullptr,
                                             entry.value ? &after : nullptr, stage));
  }
  return Status::Ok();
}

Status RocksdbTransaction::StageRelevance(ChangeSet* changes) {
  rocksdb::ColumnFamilyHandle* handle = state_->engine->family(Family::kRelevance);
  for (const auto& [document, side] : pending_->relevance.by_document()) {
    const std::string key = RelevanceKey(RelevanceSide::kLabelsOfDocument, document);
    DASHI_ASSIGN_OR_RETURN(const std::vector<RelevanceNeighbour> labels, LabelsOf(document));
    const rocksdb::Status status = labels.empty()
                                       ? transaction_->Delete(handle, key)
                                       : transaction_->Put(handle, key, EncodeNeighbours(labels));
    DASHI_RETURN_IF_ERROR(FromRocksdb(status, "staging a commit"));
    changes->Add(ChangedTable::kRelevance, ChangeOperation::kUpdate, document);
  }
  for (const auto& [label, side] : pending_->relevance.by_label()) {
    const std::string key = RelevanceKey(RelevanceSide::kDocumentsOfLabel, label);
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        transaction_->MergeUntracked(
            handle, key, EncodeNeighbourDelta(pending_->relevance.ChangesOfLabel(label))),
        "staging a commit"));
  }
  return Status::Ok();
}

Status RocksdbTransaction::StageCounters(std::uint64_t commit_sequence) {
  rocksdb::ColumnFamilyHandle* meta = state_->engine->family(Family::kMeta);
  for (const EntityKind kind : kKinds) {
    // Rows that are new stand last: the counter must pass the largest ordinal.
    const PendingWrites::Entries& entries = pending_->writes.entries(RowFamily(kind));
    if (entries.empty() || entries.rbegin()->second.stored_before) {
      continue;
    }
    Ordinal last{};
    DASHI_CHECK(ParseRowKey(entries.rbegin()->first, &last));
    const std::uint64_t next = std::uint64_t{ToInteger(last)} + 1;
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        transaction_->MergeUntracked(meta, OrdinalCounterKey(kind), EncodeCounter(next)),
        "staging a commit"));
  }
  return FromRocksdb(
      transaction_->MergeUntracked(meta, CommitSequenceKey(), EncodeCounter(commit_sequence)),
      "staging a commit");
}

Status RocksdbTransaction::StagePending(std::uint64_t commit_sequence) {
  ChangeSet changes;
  DASHI_RETURN_IF_ERROR(StageWrites(&changes));
  for (const EntityKind kind : kKinds) {
    DASHI_RETURN_IF_ERROR(StageIndexEntries(kind));
  }
  DASHI_RETURN_IF_ERROR(StageRelevance(&changes));
  DASHI_RETURN_IF_ERROR(StageEdges(&changes));
  DASHI_RETURN_IF_ERROR(StageCounters(commit_sequence));
  DASHI_RETURN_IF_ERROR(
      FromRocksdb(transaction_->PutUntracked(state_->engine->family(Family::kChanges),
                                             ChangeKey(commit_sequence), changes.Encode()),
                  "staging a commit"));
  for (const auto& [family, key] : reads_) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        transaction_->GetForUpdate(rocksdb::ReadOptions(), state_->engine->family(family), key,
                                   static_cast<std::string*>(nullptr)),
        "staging a commit"));
  }
  return Status::Ok();
}

// RocksDB looks for conflicts from this transaction's snapshot on, and in memtables only. When the
// transaction began while a load was being applied, its snapshot lies inside the load; only the
// load can have changed anything between the picture and the snapshot, and it is over now. And what
// a load ingested since the picture was never in a memtable. A key that reads the same now as in
// the picture was not changed by either.
Status RocksdbTransaction::CheckLoadConflicts() {
  std::vector<TrackedKey> keys = reads_;
  for (const Family family : kFamilies) {
    if (family == Family::kAttributes) {
      continue;  // They follow from the rows.
    }
    for (const auto& [key, entry] : pending_->writes.entries(family)) {
      keys.emplace_back(family, key);
    }
  }
  for (const auto& [document, side] : pending_->relevance.by_document()) {
    keys.emplace_back(Family::kRelevance, RelevanceKey(RelevanceSide::kLabelsOfDocument, document));
  }
  for (const auto& [family, key] : keys) {
    std::string before;
    std::string now;
    DASHI_ASSIGN_OR_RETURN(const bool was, reader().GetStored(family, key, &before));
    DASHI_ASSIGN_OR_RETURN(const bool is, state_->engine->Get(family, key, &now));
    if (was != is || (was && before != now)) {
      return Conflict();
    }
  }
  return Status::Ok();
}

bool RocksdbTransaction::AltersSchemas() const {
  return std::any_of(kKinds.begin(), kKinds.end(), [this](EntityKind kind) {
    return pending_->writes.Find(Family::kMeta, SchemaKey(kind)) != nullptr;
  });
}

// A commit that alters a schema is alone, so that every other one either ends before it or
// maintains the indexes that it leaves.
Status RocksdbTransaction::CommitStaged(Durability durability) {
  if (!AltersSchemas()) {
    const SharedPass pass(state_->gate);
    return CommitInside(durability);
  }
  const LonePass pass(state_->gate);
  DASHI_RETURN_IF_ERROR(CommitInside(durability));
  Status loaded = state_->LoadSchemas();
  if (!loaded.ok()) {
    state_->MarkSchemasUnread();  // Commits would maintain the wrong indexes.
  }
  return loaded;
}

Status RocksdbTransaction::CommitInside(Durability durability) {
  DASHI_RETURN_IF_ERROR(state_->CheckWorking());
  if (behind_load_ || reader().commit_sequence() < state_->last_ingestion()) {
    DASHI_RETURN_IF_ERROR(CheckLoadConflicts());
  }
  const std::uint64_t commit_sequence = state_->sequencer->Begin();
  Status status = StagePending(commit_sequence);
  if (status.ok()) {
    std::uint64_t engine_sequence = 0;
    transaction_->SetWriteOptions(CommitOptions(durability));
    status = state_->engine->Commit(transaction_.get(), &engine_sequence);
    if (status.ok()) {
      state_->NoteCommit(commit_sequence, engine_sequence, durability == Durability::kNow);
    }
  }
  state_->sequencer->End(commit_sequence);
  if (status.ok() && commit_sequence % kCommitsPerTrim == 0) {
    // The commit stands, whatever becomes of the trim; the next one tries again.
    TrimChanges(state_, 4 * kCommitsPerTrim).IgnoreError("it is tried again");
  }
  return status;
}

Status RocksdbTransaction::Commit(Durability durability) {
  DASHI_RETURN_IF_ERROR(CheckOpen());
  over_ = true;
  return has_writes() ? CommitStaged(durability) : Status::Ok();
}

}  // namespace dashi::storage
