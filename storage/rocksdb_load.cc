#include "storage/rocksdb_load.h"

#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/failpoint.h"
#include "base/status.h"
#include "storage/rocksdb_load_apply.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

// The record says before it is written how its files will go in: see ApplyLoad.
bool MustGoRowByRow(const RocksdbStoreState& state, const LoadRecord& record) {
  return record.is_staged() &&
         (!state.engine->ingests_in_order() ||
          (record.graph == 0 && !state.CurrentSchema(record.kind)->indexes.empty()));
}

}  // namespace

Status LoadConflict(std::string_view what) {
  return Status::Aborted(
             fmt::format("the load conflicts with a transaction that committed while it ran: {}",
                         what))
      .WithHint("Run the load again.");
}

RocksdbLoad::RocksdbLoad(RocksdbStoreState* state, ChangedTable table, DuplicatePolicy policy)
    : state_(state),
      table_(table),
      policy_(policy),
      reader_(*state, NewPicture(state), {}),
      memory_(&state->memory, MemoryUse::kLoads) {}

RocksdbLoad::~RocksdbLoad() { state_->LeaveLoad(); }

// With no transaction inside the gate the sequence is exact, which CheckConflicts relies on.
Picture RocksdbLoad::NewPicture(RocksdbStoreState* state) {
  const LonePass pass(state->gate);
  return state->TakePicture();
}

Status RocksdbLoad::CheckOpen() const {
  return over_ ? Status::FailedPrecondition("the load is over").WithSqlState("25000")
               : Status::Ok();
}

Result<BulkLoad::Counts> RocksdbLoad::Commit(const Progress& on_progress) {
  DASHI_RETURN_IF_ERROR(CheckOpen());
  over_ = true;
  if (num_rows_ == 0) {
    return counts_;
  }
  DASHI_RETURN_IF_ERROR(state_->CheckWorking());
  const std::string* few_rows = FewRows();
  LoadRecord record;
  if (few_rows == nullptr) {
    DASHI_RETURN_IF_ERROR(FinishFiles(&record));
  }
  DASHI_FAILPOINT("load.spooled");
  const LonePass pass(state_->gate);
  DASHI_RETURN_IF_ERROR(state_->CheckWorking());
  DASHI_RETURN_IF_ERROR(CheckConflicts());
  const std::uint64_t engine_sequence = state_->engine->db()->GetLatestSequenceNumber();
  const std::uint64_t commit_sequence = state_->sequencer->Begin();
  record.commit_sequence = commit_sequence;
  const Status status = few_rows == nullptr ? ApplyRecorded(std::move(record), on_progress)
                                            : ApplyAtOnce(*few_rows, commit_sequence, on_progress);
  state_->sequencer->End(commit_sequence);
  if (!status.ok()) {
    return status;
  }
  state_->NoteCommit(commit_sequence, engine_sequence, /*synced=*/true);
  return counts_;
}

// A load of few rows is an ordinary commit: one synced batch.
Status RocksdbLoad::ApplyAtOnce(const std::string& block, std::uint64_t commit_sequence,
                                const Progress& on_progress) {
  LoadApplier applier(*state_, table_);
  DASHI_RETURN_IF_ERROR(applier.AddBlock(block));
  DASHI_RETURN_IF_ERROR(applier.WriteLast(commit_sequence));
  DASHI_FAILPOINT("load.committed");
  DASHI_FAILPOINT("load.chunk");
  DASHI_FAILPOINT("load.applied");
  if (on_progress) {
    on_progress(num_rows_, num_rows_);
  }
  return Status::Ok();
}

Status RocksdbLoad::ApplyRecorded(LoadRecord record, const Progress& on_progress) {
  record.row_by_row = MustGoRowByRow(*state_, record);
  state_->FreezePicture();
  KeepFiles();  // The record is in the log, or perhaps so, when an error comes back.
  Status recorded = WriteLoadRecord(*state_, record);
  if (!recorded.ok()) {
    state_->ThawPicture();
    state_->SetUnfinishedLoad({record, /*committed=*/false, recorded});
    return recorded;
  }
  DASHI_FAILPOINT("load.committed");
  const Status applied =
      ApplyLoad(state_, record, LoadFiles::kJustWritten, [&](std::uint64_t rows) {
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
  RemoveLoadFiles(*state_, record);
  return Status::Ok();
}

Status RocksdbLoad::ForEachChange(const std::function<Status(const ChangeRun&)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> entries(state_->engine->db()->NewIterator(
      rocksdb::ReadOptions(), state_->engine->family(Family::kChanges)));
  std::vector<ChangeRun> runs;
  for (entries->Seek(ChangeKey(reader_.commit_sequence() + 1)); entries->Valid(); entries->Next()) {
    if (!DecodeChanges(ToView(entries->value()), &runs)) {
      return Status::Corruption("changes has an entry that cannot be decoded");
    }
    for (const ChangeRun& run : runs) {
      DASHI_RETURN_IF_ERROR(visit(run));
    }
  }
  return FromRocksdb(entries->status(), "reading changes");
}

}  // namespace dashi::storage
