#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/load_id_run.h"
#include "storage/rocksdb_staged_file.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Writes the rows of a load that are all new into sorted files while they come, on a thread of its
/// own: rows by ordinal, and their ids, sorted a part at a time. The families can take the files up
/// as they are.
///
/// Errors:  an error of writing comes back from the calls that follow; there is no going on.
/// Threads: one thread at a time.
/// Cost:    memory of a few blocks and one part of the ids (a sixteenth of the memory limit,
///          32 MiB at most).
class LoadStager {
 public:
  /// The files are named "<name>-rows-1.sst" and "<name>-ids-1.sst" and so on.
  static Result<std::unique_ptr<LoadStager>> Start(RocksdbStoreState* state, EntityKind kind,
                                                   const std::string& name);
  /// Ends the thread and removes the files, unless KeepFiles was called.
  ~LoadStager();
  LoadStager(const LoadStager&) = delete;
  LoadStager& operator=(const LoadStager&) = delete;

  /// Takes a block of spooled rows, ascending by ordinal from call to call, and leaves an empty
  /// string. Waits while there is too much to write.
  Status Add(std::string* block) DASHI_EXCLUDES(mutex_);
  /// Waits until everything is written and makes it durable. Add is over.
  Status Finish() DASHI_EXCLUDES(mutex_);
  /// The files, once they are finished, belong to a load record.
  void KeepFiles() { keeps_files_ = true; }

  const std::vector<StagedFile>& row_files() const { return rows_.files(); }
  const std::vector<StagedFile>& id_files() const { return ids_.files(); }
  /// Memory, and what will still be written.
  std::uint64_t pending_bytes() const { return pending_bytes_; }

 private:
  LoadStager(RocksdbStoreState* state, EntityKind kind, const std::string& name);
  void Run() DASHI_EXCLUDES(mutex_);
  bool TakeBlock(std::string* block) DASHI_EXCLUDES(mutex_);
  Status WriteBlock(std::string_view block);
  Status WriteIds();
  void Join() DASHI_EXCLUDES(mutex_);

  RocksdbStoreState* const state_;
  const EntityKind kind_;
  const std::uint64_t id_bytes_max_;
  bool keeps_files_ = false;
  std::atomic<std::uint64_t> pending_bytes_ = 0;
  // Of the thread, while it runs.
  StagedFileWriter rows_;
  StagedFileWriter ids_;
  LoadIdRun id_run_;
  std::string key_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> full_ DASHI_GUARDED_BY(mutex_);
  std::vector<std::string> used_ DASHI_GUARDED_BY(mutex_);  // memory to reuse
  bool ended_ DASHI_GUARDED_BY(mutex_) = false;             // nothing more comes
  bool dropped_ DASHI_GUARDED_BY(mutex_) = false;           // nor is what came to be written
  Status status_ DASHI_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dashi::storage
