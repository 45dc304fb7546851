#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/graph/edge_run.h"
#include "storage/rocksdb_staged_file.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Writes the neighbour lists of a load's edges into sorted files, one run after the other, on a
/// thread of its own. The files hold operands, which the family can take up as they are.
///
/// Errors:  an error of writing comes back from the calls that follow; there is no going on.
/// Threads: one thread at a time.
/// Cost:    memory of two runs beside the one that is being gathered, and of a third while one is
///          sorted.
class EdgeStager {
 public:
  /// The files are named "<name>-1.sst" and so on; the first begins with the key of `marker`.
  static Result<std::unique_ptr<EdgeStager>> Start(RocksdbStoreState* state,
                                                   const GraphRecord& graph,
                                                   EdgeOperation operation, const std::string& name,
                                                   std::uint64_t marker);
  /// Ends the thread and removes the files, unless KeepFiles was called.
  ~EdgeStager();
  EdgeStager(const EdgeStager&) = delete;
  EdgeStager& operator=(const EdgeStager&) = delete;

  /// Takes a run and leaves an empty one. Waits while the one before waits to be written.
  Status Add(EdgeRun* run) DASHI_EXCLUDES(mutex_);
  /// Waits until everything is written and makes it durable. Add is over.
  Status Finish() DASHI_EXCLUDES(mutex_);
  /// The files, once they are finished, belong to a load record.
  void KeepFiles() { keeps_files_ = true; }

  const std::vector<StagedFile>& files() const { return writer_.files(); }
  /// What waits to be written, or is being written.
  std::uint64_t pending_bytes() const { return pending_bytes_; }

 private:
  EdgeStager(RocksdbStoreState* state, const GraphRecord& graph, EdgeOperation operation,
             const std::string& name, std::uint64_t marker);
  void Run() DASHI_EXCLUDES(mutex_);
  bool TakeRun(EdgeRun* run) DASHI_EXCLUDES(mutex_);
  Status WriteRun(EdgeRun* run);
  void Join() DASHI_EXCLUDES(mutex_);

  RocksdbStoreState* const state_;
  const GraphRecord graph_;
  const EdgeOperation operation_;
  const std::uint64_t marker_;
  bool keeps_files_ = false;
  std::atomic<std::uint64_t> pending_bytes_ = 0;
  StagedFileWriter writer_;  // of the thread, while it runs

  Mutex mutex_;
  CondVar changed_;
  EdgeRun next_ DASHI_GUARDED_BY(mutex_);          // empty: there is none
  bool ended_ DASHI_GUARDED_BY(mutex_) = false;    // nothing more comes
  bool dropped_ DASHI_GUARDED_BY(mutex_) = false;  // nor is what came to be written
  Status status_ DASHI_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dashi::storage
