#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/transaction.h>
#include <rocksdb/utilities/write_batch_with_index.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/byte_codec.h"
#include "base/logging.h"
#include "base/status.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

constexpr std::size_t kCopyBatchBytes = std::size_t{1} << 20;
// The first ones may be told of flushes and compactions that failed before there was room.
constexpr int kResumesMax = 5;
constexpr std::chrono::milliseconds kResumeWait{100};
constexpr int kResumeWaitsMax = 200;
constexpr std::chrono::milliseconds kPendingFlushesWait{30'000};
constexpr std::chrono::milliseconds kWritersWait{1000};
constexpr int kLogFilesMax = 64;
constexpr std::string_view kFillerKey = "filler";

}  // namespace

Status RocksdbEngine::WhileWriting(std::string_view doing,
                                   const std::function<rocksdb::Status()>& write) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    DASHI_RETURN_IF_ERROR(disk_->CheckSyncs());
    {
      const SharedPass pass(write_gate_);
      if (watch_->state() == WriteWatch::State::kWriting) {
        const rocksdb::Status filled = KeepDefaultFilled();
        const rocksdb::Status written = filled.ok() ? write() : filled;
        if (!IsFromBefore(written)) {
          DASHI_RETURN_IF_ERROR(FromRocksdb(written, doing));
          return disk_->CheckSyncs();
        }
        watch_->MarkDiskFull(written);
      }
    }
    DASHI_RETURN_IF_ERROR(ResumeWriting());
  }
  return watch_->Check();
}

// RocksDB tells of an error before it notes it. When writing is taken up again between the two,
// there is nothing to recover from yet, and then every write is refused for what was told before.
// The error of a write's own is told before the write ends, so that the state is another one.
bool RocksdbEngine::IsFromBefore(const rocksdb::Status& written) const {
  return written.IsNoSpace() && watch_->state() == WriteWatch::State::kWriting;
}

// Recovery leaves behind a log whose last write failed only when it has a memtable to flush; with
// none, RocksDB 7.8 would go on with that log, and stop for good at the next write. So the memtable
// of the family `default`, which nobody reads, is never empty. No log holds its one key, since
// writing that log might be the very thing that fails.
rocksdb::Status RocksdbEngine::KeepDefaultFilled() {
  if (!watch_->TakeDefaultSealed()) {
    return rocksdb::Status::OK();
  }
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return db_->Put(options, default_family_, ToSlice(kFillerKey), rocksdb::Slice());
}

Status RocksdbEngine::ResumeWriting() {
  if (watch_->state() != WriteWatch::State::kDiskFull) {
    return watch_->Check();
  }
  // Recovery flushes all memtables. Without room for them it would only write and fail.
  const std::uint64_t needed = db_options_.write_buffer_manager->memory_usage();
  const Result<std::uint64_t> free_bytes = disk_->FreeBytes(directory_);
  if (free_bytes.ok() && free_bytes.value() < needed) {
    return watch_->Check();
  }
  const LonePass pass(write_gate_);
  if (watch_->state() != WriteWatch::State::kDiskFull) {
    return watch_->Check();  // Another caller was here first.
  }
  resumed_ = true;
  resuming_ = true;
  Status result = TryToResume();
  resuming_ = false;
  return result;
}

Status RocksdbEngine::TryToResume() {
  rocksdb::Status resumed;
  for (int attempt = 0; attempt < kResumesMax; ++attempt) {
    watch_->Rearm();
    // Recovery asserts that deletions are off after any failed write of the manifest, and turns
    // them on; creating a column family is one after which RocksDB 7.8 forgets to turn them off.
    resumed = db_->DisableFileDeletions();
    if (resumed.ok()) {
      resumed = ResumeRocksdb();
    }
    const WriteWatch::State state = watch_->state();
    if (resumed.ok() && state == WriteWatch::State::kWriting) {
      return CheckNewLog();
    }
    if (state == WriteWatch::State::kBroken) {
      return watch_->Check();
    }
    if (resumed.IsTimedOut()) {
      watch_->MarkBroken(rocksdb::Status::IOError("recovery from a full disk did not end"));
      return watch_->Check();
    }
  }
  if (!resumed.ok()) {
    watch_->MarkDiskFull(resumed);
  }
  Status stopped = watch_->Check();
  LogWarning("writing cannot go on yet: {}", stopped.ToString());
  return stopped;
}

// RocksDB 7.8 can lose a flush that was due when an error came (see WaitForPendingFlushes), and
// then waits for it without end. Where it happens all the same, the next open is needed.
rocksdb::Status RocksdbEngine::ResumeRocksdb() {
  struct Outcome {
    Mutex mutex;
    CondVar changed;
    bool over = false;
    rocksdb::Status status;
  };
  const auto outcome = std::make_shared<Outcome>();  // Sharer: the thread, which may outlive this.
  resumer_ = std::thread([outcome, db = db_->GetRootDB()] {  // The wrapper has no Resume.
    const rocksdb::Status resumed = db->Resume();
    MutexLock lock(outcome->mutex);
    outcome->status = resumed;
    outcome->over = true;
    outcome->changed.NotifyAll();
  });
  {
    MutexLock lock(outcome->mutex);
    for (int waits = 0; !outcome->over && waits < kResumeWaitsMax; ++waits) {
      outcome->changed.WaitFor(outcome->mutex, kResumeWait);
    }
    if (!outcome->over) {
      LogError("writing could not be taken up again");
      return rocksdb::Status::TimedOut("recovery from a full disk did not end");
    }
  }
  resumer_.join();
  return outcome->status;
}

// RocksDB 7.8 forgets a flush whose thread was woken before an error was noted and begins after: it
// stays in the queue, with no thread to come for it. So before RocksDB notes an error there must be
// no such flush, and none may become due: whoever calls this holds up all writers. No flush begins
// between an error and the recovery, which itself waits for whoever is to tell of another one.
void RocksdbEngine::WaitForPendingFlushes() {
  if (resuming_) {
    return;
  }
  const std::uint64_t num_failed_before = watch_->num_failed_flushes();
  watch_->WaitUntil(
      [&, this] {
        std::uint64_t num_pending = 0;
        return watch_->is_stopped() || watch_->num_failed_flushes() != num_failed_before ||
               !db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kMemTableFlushPending,
                                              &num_pending) ||
               num_pending == 0;
      },
      kPendingFlushesWait);
}

// A thread that writes the log or the manifest for a caller holds up all writers as it is. The one
// of a compaction keeps them out, though not for ever: RocksDB may let a writer wait for just this
// compaction.
void RocksdbEngine::StopWriting(bool in_compaction, const std::function<void()>& note) {
  const bool alone = in_compaction && !resuming_ && write_gate_.TryEnterAlone(kWritersWait);
  WaitForPendingFlushes();
  note();
  if (alone) {
    write_gate_.LeaveAlone();
  }
}

// RocksDB aborts the process when it writes to a log once more that it could not write before.
Status RocksdbEngine::CheckNewLog() {
  std::unique_ptr<rocksdb::LogFile> log;
  const rocksdb::Status found = db_->GetCurrentWalFile(&log);
  if (!found.ok() || disk_->HasFailedLog(directory_ + log->PathName())) {
    watch_->MarkBroken(
        rocksdb::Status::IOError("the log that could not be written is still in use"));
    return watch_->Check();
  }
  LogInfo("the disk has room again: writing goes on");
  return watch_->Check();
}

Status RocksdbEngine::Write(rocksdb::WriteBatch* batch, bool sync, std::string_view doing) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return WhileWriting(doing, [&] { return db_->Write(options, batch); });
}

Status RocksdbEngine::WriteUnlogged(rocksdb::WriteBatch* batch, std::string_view doing) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return WhileWriting(doing, [&] { return db_->Write(options, batch); });
}

Status RocksdbEngine::Commit(rocksdb::Transaction* transaction, std::uint64_t* engine_sequence) {
  return WhileWriting("committing", [&, this] {
    // The batch's numbers follow the last one given, if not at once.
    *engine_sequence =
        db_->GetLatestSequenceNumber() + transaction->GetWriteBatch()->GetWriteBatch()->Count();
    return transaction->Commit();
  });
}

bool RocksdbEngine::AreFlushed(std::span<rocksdb::ColumnFamilyHandle* const> families) const {
  return std::all_of(families.begin(), families.end(), [this](rocksdb::ColumnFamilyHandle* family) {
    std::uint64_t num_waiting = 0;
    return db_->GetIntProperty(family, rocksdb::DB::Properties::kNumImmutableMemTable,
                               &num_waiting) &&
           num_waiting == 0;
  });
}

Status RocksdbEngine::Flush(std::span<rocksdb::ColumnFamilyHandle* const> families,
                            std::string_view doing) {
  std::vector<rocksdb::ColumnFamilyHandle*> flushed(families.begin(), families.end());
  // Each flush begins a log, and families that are not flushed need the ones before.
  if (SizesOfLogs().num_files > kLogFilesMax) {
    for (rocksdb::ColumnFamilyHandle* family : LoggedFamilies()) {
      if (std::find(flushed.begin(), flushed.end(), family) == flushed.end()) {
        flushed.push_back(family);
      }
    }
  }
  DASHI_RETURN_IF_ERROR(
      WhileWriting(doing, [&, this] { return db_->Flush(rocksdb::FlushOptions(), flushed); }));
  // Once it has recovered from a full disk, Flush of RocksDB 7.8 no longer waits for its end.
  return watch_->WaitForFlushes([&, this] { return AreFlushed(flushed); });
}

Status RocksdbEngine::Ingest(rocksdb::ColumnFamilyHandle* family,
                             const std::vector<std::string>& files) {
  constexpr std::string_view kDoing = "ingesting embeddings";
  if (!resumed_) {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.verify_checksums_before_ingest = true;
    return WhileWriting(kDoing,
                        [&, this] { return db_->IngestExternalFile(family, files, options); });
  }
  // Once it has recovered from a full disk, RocksDB 7.8 gives ingested files the number 0. The rows
  // take the long way instead, until the next open.
  for (const std::string& file : files) {
    DASHI_RETURN_IF_ERROR(CopyIn(family, file));
  }
  return Flush(std::span(&family, 1), kDoing);
}

// RocksDB 7.8 may order ingested files wrongly against what a memtable holds (mended in 7.10): the
// memtables are flushed first, and the caller sees to it that they stay empty.
Status RocksdbEngine::IngestTogether(std::span<const FamilyFiles> files, std::string_view doing) {
  if (resumed_) {
    return Status::FailedPrecondition("files cannot be ingested before the next open");
  }
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  std::vector<rocksdb::IngestExternalFileArg> arguments;
  for (const FamilyFiles& part : files) {
    families.push_back(family(part.family));
    rocksdb::IngestExternalFileArg& argument = arguments.emplace_back();
    argument.column_family = families.back();
    argument.external_files = part.paths;
    for (const std::uint32_t crc32c : part.crc32cs) {
      AppendBigEndian32(&argument.files_checksums.emplace_back(), crc32c);
      argument.files_checksum_func_names.emplace_back(rocksdb::kStandardDbFileChecksumFuncName);
    }
    argument.options.move_files = true;
    argument.options.write_global_seqno = false;  // The files stay as their checksums say.
    argument.options.verify_file_checksum = false;
  }
  DASHI_RETURN_IF_ERROR(Flush(families, doing));
  return WhileWriting(doing, [&, this] {
    return resumed_ ? rocksdb::Status::Aborted("the disk was full meanwhile")
                    : db_->IngestExternalFiles(arguments);
  });
}

Status RocksdbEngine::CopyIn(rocksdb::ColumnFamilyHandle* family, const std::string& file) {
  constexpr std::string_view kDoing = "copying embeddings";
  rocksdb::SstFileReader reader(EmbeddingFileOptions());
  DASHI_RETURN_IF_ERROR(FromRocksdb(reader.Open(file), kDoing));
  DASHI_RETURN_IF_ERROR(FromRocksdb(reader.VerifyChecksum(), kDoing));
  const std::unique_ptr<rocksdb::Iterator> rows(reader.NewIterator(rocksdb::ReadOptions()));
  rocksdb::WriteBatch batch;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(batch.Put(family, rows->key(), rows->value()), kDoing));
    if (batch.GetDataSize() >= kCopyBatchBytes) {
      DASHI_RETURN_IF_ERROR(WriteUnlogged(&batch, kDoing));
      batch.Clear();
    }
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(rows->status(), kDoing));
  return WriteUnlogged(&batch, kDoing);
}

}  // namespace dashi::storage
