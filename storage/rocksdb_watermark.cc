#include "storage/rocksdb_watermark.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/logging.h"
#include "base/status.h"
#include "storage/rocksdb_status.h"
#include "storage/rocksdb_store_state.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

constexpr std::int64_t kMicrosBetweenWrites = 1'000'000;

Status MissingCommits(const std::string& missing, const std::string& directory) {
  return Status::Corruption(
             fmt::format("acknowledged commits are missing: {}: {}", missing, directory))
      .WithHint(fmt::format("Restore a backup, or see what is left: dashi recover {} --to COPY.",
                            directory));
}

// When the commits above `found` were acknowledged, as closely as the two slots tell.
std::string WhenAcknowledged(const WatermarkHistory& history, std::uint64_t found) {
  const std::string newest = FormatTimestamp(history.newest->at_micros);
  if (history.previous && history.previous->commit_sequence <= found &&
      history.previous->at_micros != 0) {
    return fmt::format("between {} and {}", FormatTimestamp(history.previous->at_micros), newest);
  }
  return fmt::format("before {}", newest);
}

}  // namespace

Status CheckWatermark(const RocksdbEngine& engine, const WatermarkHistory& history,
                      const std::string& directory) {
  if (history.damaged) {
    LogWarning(
        "the file commit.watermark is damaged: whether acknowledged commits are missing cannot be "
        "told: {}",
        directory);
  }
  if (!history.newest) {
    return Status::Ok();
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t found, ReadCounter(engine, CommitSequenceKey()));
  const Watermark& newest = *history.newest;
  if (found < newest.commit_sequence) {
    // Numbers of failed transactions are given to nobody, so this is an upper bound.
    return MissingCommits(
        fmt::format("at most {}, numbered {} to {}, acknowledged {}; the last one found is {}",
                    newest.commit_sequence - found, found + 1, newest.commit_sequence,
                    WhenAcknowledged(history, found), found),
        directory);
  }
  const std::uint64_t engine_found = engine.db()->GetLatestSequenceNumber();
  if (engine_found < newest.engine_sequence) {
    return MissingCommits(
        fmt::format("the log ends {} changes before the end it had at {}",
                    newest.engine_sequence - engine_found, FormatTimestamp(newest.at_micros)),
        directory);
  }
  return Status::Ok();
}

Status CheckManifest(const DirectoryPaths& paths, const WatermarkHistory& history) {
  DASHI_ASSIGN_OR_RETURN(const std::string lost, FindLostManifest(paths.data, history));
  return lost.empty() ? Status::Ok() : MissingCommits(lost, paths.root);
}

void KeepNeededLogs(const RocksdbEngine& engine, std::vector<LostLog>* lost) {
  const std::uint64_t oldest = engine.OldestLogNeeded();
  std::erase_if(*lost, [&](const LostLog& log) { return log.number < oldest; });
}

Status CheckLostLogs(const std::vector<LostLog>& lost, const std::string& directory) {
  if (lost.empty()) {
    return Status::Ok();
  }
  // The spans of two logs may overlap, where commits ran side by side.
  std::uint64_t num_commits = 0;
  std::uint64_t counted_to = 0;
  for (const LostLog& log : lost) {
    const std::uint64_t first = std::max(log.first_commit, counted_to + 1);
    num_commits += log.last_commit < first ? 0 : log.last_commit - first + 1;
    counted_to = std::max(counted_to, log.last_commit);
  }
  const std::string found = DescribeLostLogs(lost);
  if (num_commits == 0) {
    return MissingCommits(found, directory);  // Counters, weights or what else takes no number.
  }
  return MissingCommits(
      fmt::format("at most {}, numbered {} to {}, acknowledged between {} and {}; {}", num_commits,
                  lost.front().first_commit, counted_to, FormatTimestamp(lost.front().from_micros),
                  FormatTimestamp(lost.back().to_micros), found),
      directory);
}

WatermarkKeeper::WatermarkKeeper(RocksdbEngine* engine, const CommitSequencer* sequencer,
                                 const Clock* clock, GrowingFiles* files,
                                 std::unique_ptr<WatermarkFile> file)
    : engine_(engine),
      sequencer_(sequencer),
      clock_(clock),
      files_(files),
      file_(std::move(file)) {}

Result<std::unique_ptr<WatermarkKeeper>> WatermarkKeeper::Start(
    RocksdbEngine* engine, const CommitSequencer* sequencer, const Clock* clock,
    const DirectoryPaths& paths, FileGate& gate, GrowingFiles* files) {
  DASHI_ASSIGN_OR_RETURN(const WatermarkHistory history, ReadWatermarkFile(paths.watermark));
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<WatermarkFile> file,
                         WatermarkFile::Open(paths.watermark, gate));
  std::unique_ptr<WatermarkKeeper> keeper(
      new WatermarkKeeper(engine, sequencer, clock, files, std::move(file)));
  const Watermark opened{sequencer->Completed(), engine->db()->GetLatestSequenceNumber(),
                         clock->NowMicros()};
  const SyncedFiles known = history.files.value_or(SyncedFiles());
  files->DateLogs(known.logs,
                  {.commits_before = known.commits_ended,
                   .commits_begun = opened.commit_sequence,
                   .at_micros = history.newest ? history.newest->at_micros : 0},
                  [sequencer, clock] {
                    return LogBirth{sequencer->Completed(), sequencer->Begun(), clock->NowMicros()};
                  });
  if (!history.newest || !history.files ||
      history.newest->commit_sequence < opened.commit_sequence) {
    DASHI_RETURN_IF_ERROR(keeper->Write(opened, opened.commit_sequence));
  }
  {
    MutexLock lock(keeper->mutex_);
    keeper->noted_ = opened;
  }
  keeper->thread_ = std::thread([self = keeper.get()] { self->Run(); });
  return keeper;
}

WatermarkKeeper::~WatermarkKeeper() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) {
    thread_.join();
  }
  Advance();
  files_->StopDating();  // The sequencer goes before the engine, which may begin one log more.
}

void WatermarkKeeper::NoteSynced(std::uint64_t commit_sequence, std::uint64_t engine_sequence) {
  MutexLock lock(mutex_);
  noted_.commit_sequence = std::max(noted_.commit_sequence, commit_sequence);
  noted_.engine_sequence = std::max(noted_.engine_sequence, engine_sequence);
  if (!std::exchange(advanced_, true)) {
    changed_.NotifyAll();
  }
}

void WatermarkKeeper::NoteUnsynced() {
  MutexLock lock(mutex_);
  if (!std::exchange(advanced_, true)) {
    changed_.NotifyAll();
  }
}

void WatermarkKeeper::Run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !advanced_) {
        changed_.Wait(mutex_);
      }
      if (stopping_) {
        return;
      }
    }
    Advance();
    const std::int64_t next = clock_->MonotonicMicros() + kMicrosBetweenWrites;
    MutexLock lock(mutex_);
    for (std::int64_t now = clock_->MonotonicMicros(); !stopping_ && now < next;
         now = clock_->MonotonicMicros()) {
      changed_.WaitFor(mutex_, std::chrono::milliseconds((next - now) / 1000 + 1));
    }
  }
}

void WatermarkKeeper::Fence(Watermark* watermark) {
  const std::uint64_t written = engine_->db()->GetLatestSequenceNumber();
  const std::uint64_t completed = sequencer_->Completed();
  if (written <= watermark->engine_sequence && completed <= watermark->commit_sequence) {
    return;
  }
  rocksdb::WriteBatch batch;
  Status status = FromRocksdb(
      batch.Merge(engine_->family(Family::kMeta), CommitSequenceKey(), EncodeCounter(completed)),
      "syncing the log");
  if (status.ok()) {
    status = engine_->Write(&batch, /*sync=*/true, "syncing the log");
  }
  if (!status.ok()) {
    LogInfo("the watermark stays behind: {}", status.ToString());
    return;
  }
  watermark->commit_sequence = std::max(watermark->commit_sequence, completed);
  watermark->engine_sequence = std::max(watermark->engine_sequence, written + 1);
}

Status WatermarkKeeper::Write(const Watermark& watermark, std::uint64_t completed) {
  SyncedFiles files = files_->List();
  // What had ended and is synced stands in logs that were synced before this list was made.
  files.commits_ended = std::min(completed, watermark.commit_sequence);
  return file_->Write(watermark, files);
}

void WatermarkKeeper::Advance() {
  Watermark watermark;
  {
    MutexLock lock(mutex_);
    if (!std::exchange(advanced_, false) || file_ == nullptr) {
      return;
    }
    watermark = noted_;
  }
  const std::uint64_t completed = sequencer_->Completed();
  Fence(&watermark);
  watermark.at_micros = clock_->NowMicros();
  const Status written = Write(watermark, completed);
  if (!written.ok()) {
    LogError("the watermark is not kept any more: {}", written.ToString());
    file_.reset();
    return;
  }
  MutexLock lock(mutex_);
  noted_.commit_sequence = std::max(noted_.commit_sequence, watermark.commit_sequence);
  noted_.engine_sequence = std::max(noted_.engine_sequence, watermark.engine_sequence);
}

}  // namespace dashi::storage
