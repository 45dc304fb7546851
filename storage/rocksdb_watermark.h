#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/commit_gate.h"
#include "storage/commit_watermark.h"
#include "storage/database_directory.h"
#include "storage/growing_files.h"
#include "storage/lost_logs.h"
#include "storage/rocksdb_engine.h"

namespace dashi::storage {

/// Compares what was opened with what the watermark says was on the disk.
///
/// Errors: kCorruption (XX001) when acknowledged commits are missing: how many at most, since when,
///         and what to do.
Status CheckWatermark(const RocksdbEngine& engine, const WatermarkHistory& history,
                      const std::string& directory);

/// Looks whether the manifest is what the watermark file says, before RocksDB reads it.
///
/// Errors: kCorruption (XX001) when it lost its end, and with it what it said of tables.
Status CheckManifest(const DirectoryPaths& paths, const WatermarkHistory& history);

/// Drops from `*lost` the logs that the database does not need.
void KeepNeededLogs(const RocksdbEngine& engine, std::vector<LostLog>* lost);

/// Errors: kCorruption (XX001) when logs are lost that are needed: how many commits they held at
///         most, since when, and what to do.
Status CheckLostLogs(const std::vector<LostLog>& lost, const std::string& directory);

/// Keeps the watermark file of a database that is open for writing: at most once a second, and only
/// when something was acknowledged since, and once more when it is destroyed.
///
/// The watermark never says more than the disk holds. A commit that was synced counts from its
/// NoteSynced on. Before each write of the file, when RocksDB has written more than that (commits
/// side by side, or acknowledged without a sync), the keeper commits the counter once more, synced:
/// the log is one sequence of bytes, so what was written before is then on the disk as well.
/// Beside the watermark it writes down how much of each log and of the manifest is on the disk.
///
/// A file that cannot be written is given up with an error in the log: an old watermark finds less,
/// but is never wrong.
///
/// Threads: all methods may be called at once.
class WatermarkKeeper {
 public:
  /// Begins with the state that was just opened, which must be on the disk.
  static Result<std::unique_ptr<WatermarkKeeper>> Start(RocksdbEngine* engine,
                                                        const CommitSequencer* sequencer,
                                                        const Clock* clock,
                                                        const DirectoryPaths& paths, FileGate& gate,
                                                        GrowingFiles* files);
  ~WatermarkKeeper();
  WatermarkKeeper(const WatermarkKeeper&) = delete;
  WatermarkKeeper& operator=(const WatermarkKeeper&) = delete;

  /// Takes up a synced commit. `engine_sequence` is a number of RocksDB's that lies in it, or
  /// before.
  void NoteSynced(std::uint64_t commit_sequence, std::uint64_t engine_sequence)
      DASHI_EXCLUDES(mutex_);
  /// Says that a commit was acknowledged which is not synced yet: the keeper does so soon.
  void NoteUnsynced() DASHI_EXCLUDES(mutex_);

 private:
  WatermarkKeeper(RocksdbEngine* engine, const CommitSequencer* sequencer, const Clock* clock,
                  GrowingFiles* files, std::unique_ptr<WatermarkFile> file);
  void Run() DASHI_EXCLUDES(mutex_);
  void Advance() DASHI_EXCLUDES(mutex_);
  void Fence(Watermark* watermark);
  // `completed`: every commit up to it has ended.
  Status Write(const Watermark& watermark, std::uint64_t completed);

  RocksdbEngine* const engine_;
  const CommitSequencer* const sequencer_;
  const Clock* const clock_;
  GrowingFiles* const files_;
  std::unique_ptr<WatermarkFile> file_;  // Null once it was given up; used by one thread at a time.
  Mutex mutex_;
  CondVar changed_;
  Watermark noted_ DASHI_GUARDED_BY(mutex_);
  bool advanced_ DASHI_GUARDED_BY(mutex_) = false;
  bool stopping_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dashi::storage
