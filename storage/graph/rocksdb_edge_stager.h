#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
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

/// Writes the neighbour lists of a load's edges into sorted files, one run after the other, both
/// sides at once on a thread of their own each. The files hold operands, which the family can take
/// up as they are.
///
/// Errors:  an error of writing comes back from the calls that follow; there is no going on.
/// Threads: one thread at a time.
/// Cost:    memory of two runs beside the one that is being gathered, and 16 bytes an edge for each
///          side that is sorted.
class EdgeStager {
 public:
  /// The files are named "<name>-out-1.sst", "<name>-in-1.sst" and so on; the first begins with the
  /// key of `marker`.
  static Result<std::unique_ptr<EdgeStager>> Start(RocksdbStoreState* state,
                                                   const GraphRecord& graph,
                                                   EdgeOperation operation, const std::string& name,
                                                   std::uint64_t marker);
  /// Ends the threads and removes the files, unless KeepFiles was called.
  ~EdgeStager();
  EdgeStager(const EdgeStager&) = delete;
  EdgeStager& operator=(const EdgeStager&) = delete;

  /// Takes a run and leaves an empty one. Waits while the one before waits to be written.
  Status Add(EdgeRun* run) DASHI_EXCLUDES(mutex_);
  /// Waits until everything is written and makes it durable. Add is over.
  Status Finish() DASHI_EXCLUDES(mutex_);
  /// The files, once they are finished, belong to a load record.
  void KeepFiles() { keeps_files_ = true; }

  /// Valid after Finish.
  std::vector<StagedFile> files() const;
  /// What waits to be written, or is being written.
  std::uint64_t pending_bytes() const { return pending_bytes_; }

 private:
  /// One side's part of the work.
  struct Side {
    Side(EdgeSide the_side, RocksdbStoreState* state, const std::string& name)
        : side(the_side), writer(state, Family::kEdges, name) {}

    const EdgeSide side;
    StagedFileWriter writer;        // of the thread, while it runs
    std::uint64_t num_written = 0;  // of the runs; guarded by mutex_
    std::thread thread;
  };

  EdgeStager(RocksdbStoreState* state, const GraphRecord& graph, EdgeOperation operation,
             const std::string& name, std::uint64_t marker);
  void Run(Side* side) DASHI_EXCLUDES(mutex_);
  Status WriteRuns(Side* side) DASHI_EXCLUDES(mutex_);
  const EdgeRun* TakeRun(Side* side) DASHI_EXCLUDES(mutex_);
  void EndRun(Side* side) DASHI_EXCLUDES(mutex_);
  void Join() DASHI_EXCLUDES(mutex_);

  RocksdbStoreState* const state_;
  const GraphRecord graph_;
  const EdgeOperation operation_;
  const std::uint64_t marker_;
  bool keeps_files_ = false;
  std::atomic<std::uint64_t> pending_bytes_ = 0;
  std::array<Side, 2> sides_;

  Mutex mutex_;
  CondVar changed_;
  // The runs that a side has yet to write; both are at the first of them or beyond.
  std::deque<std::unique_ptr<EdgeRun>> runs_ DASHI_GUARDED_BY(mutex_);
  std::uint64_t num_released_ DASHI_GUARDED_BY(mutex_) = 0;  // the runs before runs_
  std::unique_ptr<EdgeRun> spare_ DASHI_GUARDED_BY(mutex_);  // memory for the next run; or null
  bool ended_ DASHI_GUARDED_BY(mutex_) = false;              // nothing more comes
  bool dropped_ DASHI_GUARDED_BY(mutex_) = false;            // nor is what came to be written
  Status status_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
