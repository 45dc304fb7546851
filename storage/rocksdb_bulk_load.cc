#include "storage/rocksdb_bulk_load.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <xxhash.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/load_duplicates.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_id_lookup.h"
#include "storage/rocksdb_load_apply.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

std::string SpoolPath(const RocksdbStoreState& state, const std::string& spool) {
  return fmt::format("{}/{}", state.paths.tmp, spool);
}

void RemoveSpool(RocksdbStoreState* state, const std::string& spool) {
  const Status removed = RemoveFile(SpoolPath(*state, spool), state->disk);
  if (!removed.ok()) {
    LogWarning("cannot remove the spool file: {}", removed.message());
  }
}

Status Changed(std::string_view what) {
  return Status::Aborted(
             fmt::format("the load conflicts with a transaction that committed while it ran: {}",
                         what))
      .WithHint("Run the load again.");
}

// What loads of rows and of pairs share: the spool, the commit, and the place in the queue.
class RocksdbLoad : public BulkLoad {
 public:
  ~RocksdbLoad() override {
    if (spool_ != nullptr && !recorded_) {
      spool_.reset();
      RemoveSpool(state_, spool_name_);
    }
    state_->LeaveLoad();
  }

  Result<Counts> Commit(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& on_progress) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    over_ = true;
    if (num_rows_ == 0) {
      return counts_;
    }
    DASHI_RETURN_IF_ERROR(state_->CheckWorking());
    const bool spooled = spool_ != nullptr;
    if (spooled) {
      DASHI_RETURN_IF_ERROR(WriteBlock());
      DASHI_RETURN_IF_ERROR(spool_->Sync());
    }
    DASHI_FAILPOINT("load.spooled");
    const LonePass pass(state_->gate);
    DASHI_RETURN_IF_ERROR(state_->CheckWorking());
    DASHI_RETURN_IF_ERROR(CheckConflicts());
    const std::uint64_t engine_sequence = state_->engine->db()->GetLatestSequenceNumber();
    const std::uint64_t commit_sequence = state_->sequencer->Begin();
    const Status status = spooled ? ApplyFromSpool(commit_sequence, on_progress)
                                  : ApplyAtOnce(commit_sequence, on_progress);
    state_->sequencer->End(commit_sequence);
    if (!status.ok()) {
      return status;
    }
    state_->NoteCommit(commit_sequence, engine_sequence, /*synced=*/true);
    return counts_;
  }

 protected:
  RocksdbLoad(RocksdbStoreState* state, ChangedTable table, DuplicatePolicy policy)
      : state_(state),
        table_(table),
        policy_(policy),
        reader_(*state, NewPicture(state), {}),
        memory_(&state->memory, MemoryUse::kLoads) {}

  Status CheckOpen() const {
    return over_ ? Status::FailedPrecondition("the load is over").WithSqlState("25000")
                 : Status::Ok();
  }

  // Fails when a transaction committed since the load began touches what the load touches.
  virtual Status CheckConflicts() const = 0;
  // The memory of what the load remembers of its rows, with room for the tables to grow.
  virtual std::uint64_t RememberedBytes() const = 0;

  // Called before a row is appended to block_: when the disk is full, the row is refused whole.
  Status MakeRoom() {
    if (block_.size() < kBlockBytes) {
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(memory_.Resize(RememberedBytes()));
    return WriteBlock();
  }
  void EndRow() { ++num_rows_; }

  Status WriteBlock() {
    if (block_.empty()) {
      return Status::Ok();
    }
    // The rows will be written once more when they are applied.
    const std::uint64_t spooled = spool_ == nullptr ? 0 : spool_->size();
    DASHI_RETURN_IF_ERROR(state_->disk.CheckRoom(spooled + 2 * block_.size(), "the load"));
    if (spool_ == nullptr) {
      DASHI_RETURN_IF_ERROR(CreateSpool());
    }
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t offset, spool_->AppendBlock(block_));
    block_offsets_.push_back(offset);
    block_.clear();
    return Status::Ok();
  }

  // The block with this number, written or still being filled.
  Result<std::string> BlockAt(std::uint32_t number) const {
    if (number == block_offsets_.size()) {
      return block_;
    }
    return spool_->ReadBlock(block_offsets_[number]);
  }
  std::uint32_t block_number() const { return static_cast<std::uint32_t>(block_offsets_.size()); }

  // Calls `visit` with each run of the change log since the load's picture.
  Status ForEachChange(const std::function<Status(const ChangeRun&)>& visit) const {
    const std::unique_ptr<rocksdb::Iterator> entries(state_->engine->db()->NewIterator(
        rocksdb::ReadOptions(), state_->engine->family(Family::kChanges)));
    std::vector<ChangeRun> runs;
    for (entries->Seek(ChangeKey(reader_.commit_sequence() + 1)); entries->Valid();
         entries->Next()) {
      if (!DecodeChanges(ToView(entries->value()), &runs)) {
        return Status::Corruption("changes has an entry that cannot be decoded");
      }
      for (const ChangeRun& run : runs) {
        DASHI_RETURN_IF_ERROR(visit(run));
      }
    }
    return FromRocksdb(entries->status(), "reading changes");
  }

  RocksdbStoreState* const state_;
  const ChangedTable table_;
  const DuplicatePolicy policy_;
  const RocksdbReader reader_;  // the database as it was when the load began
  std::string block_;
  Counts counts_;

 private:
  // With no transaction inside the gate the sequence is exact, which CheckConflicts relies on.
  static Picture NewPicture(RocksdbStoreState* state) {
    const LonePass pass(state->gate);
    return state->TakePicture();
  }

  Status CreateSpool() {
    spool_name_ = state_->NextSpoolName();
    Result<std::unique_ptr<LoadSpoolWriter>> created =
        LoadSpoolWriter::Create(SpoolPath(*state_, spool_name_), table_, state_->disk);
    if (!created.ok()) {
      RemoveSpool(state_, spool_name_);
      return created.status();
    }
    spool_ = std::move(created).value();
    return Status::Ok();
  }

  // A load that fits one block is an ordinary commit: one synced batch.
  Status ApplyAtOnce(std::uint64_t commit_sequence,
                     const std::function<void(std::uint64_t, std::uint64_t)>& on_progress) {
    LoadApplier applier(*state_, table_);
    DASHI_RETURN_IF_ERROR(applier.AddBlock(block_));
    DASHI_RETURN_IF_ERROR(applier.WriteLast(commit_sequence));
    DASHI_FAILPOINT("load.committed");
    DASHI_FAILPOINT("load.chunk");
    DASHI_FAILPOINT("load.applied");
    if (on_progress) {
      on_progress(num_rows_, num_rows_);
    }
    return Status::Ok();
  }

  Status ApplyFromSpool(std::uint64_t commit_sequence,
                        const std::function<void(std::uint64_t, std::uint64_t)>& on_progress) {
    RocksdbEngine* engine = state_->engine.get();
    const LoadRecord record{spool_name_, spool_->size(), commit_sequence};
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(FromRocksdb(
        batch.Put(engine->family(Family::kMeta), PendingLoadKey(), EncodeLoadRecord(record)),
        "committing a load"));
    state_->FreezePicture();
    recorded_ = true;  // or perhaps so, when an error comes back
    Status recorded = engine->Write(&batch, /*sync=*/true, "committing a load");
    if (!recorded.ok()) {
      state_->ThawPicture();
      state_->SetUnfinishedLoad({record, /*committed=*/false, recorded});
      return recorded;
    }
    DASHI_FAILPOINT("load.committed");
    const Status applied =
        ApplySpool(*state_, SpoolPath(*state_, spool_name_), record, [&](std::uint64_t rows) {
          if (on_progress) {
            on_progress(rows, num_rows_);
          }
        });
    if (!applied.ok()) {
      // Until it is applied reads stay at the picture from before, and nothing more is written.
      state_->SetUnfinishedLoad({record, /*committed=*/true, applied});
      return state_->CheckWorking();
    }
    state_->ThawPicture();
    spool_.reset();
    RemoveSpool(state_, spool_name_);
    return Status::Ok();
  }

  MemoryLease memory_;
  std::unique_ptr<LoadSpoolWriter> spool_;
  std::vector<std::uint64_t> block_offsets_;
  std::uint64_t num_rows_ = 0;
  std::string spool_name_;
  bool over_ = false;
  bool recorded_ = false;  // the record was given to the log: the spool belongs to it
};

class RocksdbRowLoad : public RocksdbLoad {
 public:
  RocksdbRowLoad(RocksdbStoreState* state, EntityKind kind, DuplicatePolicy policy)
      : RocksdbLoad(state, ChangedTableOf(kind), policy),
        kind_(kind),
        table_is_empty_(state->NextOrdinal(kind) == 0) {}

  Status AddRow(const EntityRow& row) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(CheckRow(kind_, row));
    const std::uint64_t hash = HashText(row.id);
    DASHI_ASSIGN_OR_RETURN(const std::optional<Target> loaded, FindLoaded(hash, row.id));
    std::optional<Target> target = loaded;
    if (!target && !table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(const std::optional<Ordinal> stored,
                             reader_.FindOrdinal(kind_, row.id));
      if (stored) {
        target = Target{ChangeOperation::kUpdate, *stored};
      }
    }
    if (target && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(
                 fmt::format("{} already has a row with id '{}'", EntityTableName(kind_), row.id))
          .WithSqlState("23505");
    }
    if (target && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(MakeRoom());
    const bool replaces = target.has_value();
    if (!target) {
      DASHI_ASSIGN_OR_RETURN(const Ordinal ordinal, state_->TakeOrdinal(kind_));
      target = Target{ChangeOperation::kInsert, ordinal};
    }
    ++(replaces ? counts_.replaced : counts_.inserted);
    if (!loaded) {
      ids_.Add(hash, block_number());
    }
    encoded_.clear();
    storage::AppendRow(&encoded_, row);
    AppendSpooledRow(&block_, {target->operation, target->ordinal, encoded_});
    EndRow();
    return Status::Ok();
  }

  Status AddRelevance(std::string_view /*document*/, std::string_view /*label*/,
                      float /*weight*/) override {
    return Status::InvalidArgument(
        fmt::format("the load was begun for another table: {}", EntityTableName(kind_)));
  }

 private:
  struct Target {
    ChangeOperation operation;
    Ordinal ordinal;
  };

  // Finds the row of `id` among those that this load added.
  Result<std::optional<Target>> FindLoaded(std::uint64_t hash, std::string_view id) const {
    std::optional<Target> target;
    Status status;
    ids_.Find(hash, [&](std::uint32_t number) {
      Result<std::string> block = BlockAt(number);
      if (!block.ok()) {
        status = std::move(block).status();
        return true;
      }
      std::string_view rest = block.value();
      SpooledRow row;
      std::string_view row_id;
      while (!target && TakeSpooledRow(&rest, &row)) {
        if (DecodeRowId(row.row, &row_id) && row_id == id) {
          target = Target{row.operation, row.ordinal};
        }
      }
      return target.has_value();
    });
    if (!status.ok()) {
      return status;
    }
    return target;
  }

  std::uint64_t RememberedBytes() const override { return ids_.bytes() / 2 * 3; }

  Status CheckConflicts() const override {
    return ForEachChange([this](const ChangeRun& run) -> Status {
      if (run.table != table_) {
        return Status::Ok();
      }
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const Ordinal ordinal{static_cast<std::uint32_t>(ToInteger(run.first) + i)};
        std::string before;
        std::string now;
        const std::string key = RowKey(ordinal);
        DASHI_ASSIGN_OR_RETURN(const bool was, reader_.Get(RowFamily(kind_), key, &before));
        DASHI_ASSIGN_OR_RETURN(const bool is, state_->engine->Get(RowFamily(kind_), key, &now));
        for (const auto& [present, row] : {std::pair(was, &before), std::pair(is, &now)}) {
          std::string_view id;
          if (!present) {
            continue;
          }
          if (!DecodeRowId(*row, &id)) {
            return DamagedRow(EntityTableName(kind_), ordinal);
          }
          DASHI_ASSIGN_OR_RETURN(const std::optional<Target> loaded, FindLoaded(HashText(id), id));
          if (loaded) {
            return Changed(fmt::format("{} id '{}'", EntityTableName(kind_), id));
          }
        }
      }
      return Status::Ok();
    });
  }

  const EntityKind kind_;
  // No row was ever inserted before the load's picture: read after the picture was taken.
  const bool table_is_empty_;
  LoadedIdTable ids_;
  std::string encoded_;
};

class RocksdbRelevanceLoad : public RocksdbLoad {
 public:
  RocksdbRelevanceLoad(RocksdbStoreState* state, DuplicatePolicy policy)
      : RocksdbLoad(state, ChangedTable::kRelevance, policy),
        documents_(reader_, EntityKind::kDocument),
        labels_(reader_, EntityKind::kLabel) {}

  Status AddRow(const EntityRow& /*row*/) override {
    return Status::InvalidArgument("the load was begun for another table: relevance");
  }

  Status AddRelevance(std::string_view document, std::string_view label, float weight) override {
    DASHI_RETURN_IF_ERROR(CheckOpen());
    DASHI_RETURN_IF_ERROR(CheckWeight(weight));
    DASHI_ASSIGN_OR_RETURN(const Ordinal document_ordinal, documents_.Find(document));
    DASHI_ASSIGN_OR_RETURN(const Ordinal label_ordinal, labels_.Find(label));
    bool exists = pairs_.Contains(document_ordinal, label_ordinal);
    if (!table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(const bool has_relevance, reader_.HasStoredRelevance());
      table_is_empty_ = !has_relevance;
    }
    if (!exists && !*table_is_empty_) {
      DASHI_ASSIGN_OR_RETURN(exists, IsStored(document_ordinal, label_ordinal));
    }
    if (exists && policy_ == DuplicatePolicy::kFail) {
      return Status::AlreadyExists(
                 fmt::format("relevance already has the pair document '{}', label '{}'", document,
                             label))
          .WithSqlState("23505");
    }
    if (exists && policy_ == DuplicatePolicy::kIgnore) {
      ++counts_.ignored;
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(MakeRoom());
    ++(exists ? counts_.replaced : counts_.inserted);
    pairs_.Add(document_ordinal, label_ordinal);
    AppendSpooledPair(&block_, {document_ordinal, label_ordinal, weight});
    EndRow();
    return Status::Ok();
  }

 private:
  Result<bool> IsStored(Ordinal document, Ordinal label) {
    if (cached_document_ != document) {
      cached_document_.reset();
      DASHI_ASSIGN_OR_RETURN(cached_labels_, reader_.LabelsOf(document));
      cached_document_ = document;
    }
    return std::binary_search(cached_labels_.begin(), cached_labels_.end(),
                              RelevanceNeighbour{label},
                              [](const RelevanceNeighbour& a, const RelevanceNeighbour& b) {
                                return a.ordinal < b.ordinal;
                              });
  }

  std::uint64_t RememberedBytes() const override {
    return pairs_.bytes() / 2 * 3 + documents_.bytes() + labels_.bytes();
  }

  Status CheckConflicts() const override {
    std::unordered_set<std::uint32_t> documents;
    std::unordered_set<std::uint32_t> labels;
    DASHI_RETURN_IF_ERROR(ForEachChange([&](const ChangeRun& run) {
      const bool deleted = run.operation == ChangeOperation::kDelete;
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const auto ordinal = static_cast<std::uint32_t>(ToInteger(run.first) + i);
        if (run.table == ChangedTable::kRelevance ||
            (run.table == ChangedTable::kDocuments && deleted)) {
          documents.insert(ordinal);
        } else if (run.table == ChangedTable::kLabels && deleted) {
          labels.insert(ordinal);
        }
      }
      return Status::Ok();
    }));
    if (documents.empty() && labels.empty()) {
      return Status::Ok();
    }
    Status status;
    pairs_.ForEach([&](Ordinal document, Ordinal label) {
      if (documents.contains(ToInteger(document)) || labels.contains(ToInteger(label))) {
        status = Changed("a document or label of the load's relevance pairs");
      }
      return status.ok();
    });
    return status;
  }

  IdLookup documents_;
  IdLookup labels_;
  std::optional<bool> table_is_empty_;  // in the load's picture, once asked
  LoadedPairSet pairs_;
  std::optional<Ordinal> cached_document_;
  std::vector<RelevanceNeighbour> cached_labels_;
};

// Asked once the load has its place, since the load before it may have left something to do.
Status CheckBegin(RocksdbStoreState* state) {
  DASHI_RETURN_IF_ERROR(FinishUnfinishedLoad(state));
  return state->disk.CheckRoom(0, "a load");
}

}  // namespace

Result<std::unique_ptr<BulkLoad>> BeginRocksdbRowLoad(RocksdbStoreState* state, EntityKind kind,
                                                      DuplicatePolicy policy) {
  state->EnterLoad();
  auto load = std::make_unique<RocksdbRowLoad>(state, kind, policy);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return std::unique_ptr<BulkLoad>(std::move(load));
}

Result<std::unique_ptr<BulkLoad>> BeginRocksdbRelevanceLoad(RocksdbStoreState* state,
                                                            DuplicatePolicy policy) {
  state->EnterLoad();
  auto load = std::make_unique<RocksdbRelevanceLoad>(state, policy);
  DASHI_RETURN_IF_ERROR(CheckBegin(state));
  return std::unique_ptr<BulkLoad>(std::move(load));
}

Status FinishUnfinishedLoad(RocksdbStoreState* state) {
  if (!state->has_unfinished_load()) {
    return state->CheckWorking();
  }
  const LonePass pass(state->gate);
  const std::optional<UnfinishedLoad> load = state->GetUnfinishedLoad();
  if (!load || load->why.sqlstate() != "53100") {
    return state->CheckWorking();
  }
  RocksdbEngine* engine = state->engine.get();
  Status status;
  if (load->committed) {
    status = ApplySpool(*state, SpoolPath(*state, load->record.spool), load->record, {});
  } else {
    rocksdb::WriteBatch batch;
    DASHI_RETURN_IF_ERROR(
        FromRocksdb(batch.Delete(engine->family(Family::kMeta), PendingLoadKey()), "load"));
    status = engine->Write(&batch, /*sync=*/true, "taking back a load");
  }
  if (status.ok()) {
    LogInfo("a load that met a full disk was {}", load->committed ? "finished" : "taken back");
    if (load->committed) {
      state->ThawPicture();
    }
    state->ClearUnfinishedLoad();
    RemoveSpool(state, load->record.spool);
  } else {
    state->SetUnfinishedLoad({load->record, load->committed, status});
  }
  return state->CheckWorking();
}

Status FinishPendingLoad(RocksdbStoreState* state) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool pending,
                         state->engine->Get(Family::kMeta, PendingLoadKey(), &value));
  if (!pending) {
    return Status::Ok();
  }
  LoadRecord record;
  if (!DecodeLoadRecord(value, &record)) {
    return Status::Corruption("catalog record cannot be decoded: load");
  }
  LogInfo("finishing a load that was committed before the last end: {} bytes", record.spool_bytes);
  return ApplySpool(*state, SpoolPath(*state, record.spool), record, {});
}

}  // namespace dashi::storage
