#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/file_gate.h"
#include "base/mutex.h"

namespace dashi::testing {

/// A disk that fails at the n-th change of a file.
///
/// A write that fails puts half of its bytes down. Syncs that pass are not made: the process lives
/// on, so that they would only cost time.
class FailingGate : public FileGate {
 public:
  enum class Fault {
    kFull,     ///< from the n-th change that needs room on, all of them get ENOSPC
    kIoError,  ///< the n-th change gets EIO, once
  };

  /// Counts anew. `nth` is from 1; 0 never comes.
  void Arm(Fault fault, std::uint64_t nth) DASHI_EXCLUDES(mutex_);
  /// There is room again, or no error to come.
  void Clear() DASHI_EXCLUDES(mutex_);

  /// What failed first: "write data/000012.log", or empty.
  std::string failed() const DASHI_EXCLUDES(mutex_);
  bool failed_in_sync() const DASHI_EXCLUDES(mutex_);
  /// The changes counted since Arm.
  std::uint64_t num_changes() const DASHI_EXCLUDES(mutex_);

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override
      DASHI_EXCLUDES(mutex_);
  Result<std::uint64_t> FreeBytes(const std::string& path) override DASHI_EXCLUDES(mutex_);

 private:
  int ErrorFor(const FileChange& change) DASHI_REQUIRES(mutex_);

  mutable Mutex mutex_;
  Fault fault_ DASHI_GUARDED_BY(mutex_) = Fault::kFull;
  std::uint64_t nth_ DASHI_GUARDED_BY(mutex_) = 0;
  std::uint64_t num_changes_ DASHI_GUARDED_BY(mutex_) = 0;
  bool full_ DASHI_GUARDED_BY(mutex_) = false;
  bool failed_in_sync_ DASHI_GUARDED_BY(mutex_) = false;
  std::string failed_ DASHI_GUARDED_BY(mutex_);
};

/// The name of a step, for messages: "write".
std::string_view FileStepName(FileStep step);

}  // namespace dashi::testing
