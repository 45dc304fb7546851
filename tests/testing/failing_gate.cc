#include "tests/testing/failing_gate.h"

#include <cerrno>

#include <fmt/format.h>

namespace dashi::testing {

namespace {

bool IsSync(FileStep step) { return step == FileStep::kSync || step == FileStep::kSyncFolder; }

bool NeedsRoom(FileStep step) {
  return step == FileStep::kCreate || step == FileStep::kWrite || step == FileStep::kRename ||
         step == FileStep::kLink || step == FileStep::kCreateFolder;
}

}  // namespace

std::string_view FileStepName(FileStep step) {
  switch (step) {
    case FileStep::kCreate:
      return "create";
    case FileStep::kWrite:
      return "write";
    case FileStep::kTruncate:
      return "truncate";
    case FileStep::kSync:
      return "sync";
    case FileStep::kRename:
      return "rename";
    case FileStep::kLink:
      return "link";
    case FileStep::kRemove:
      return "remove";
    case FileStep::kCreateFolder:
      return "create folder";
    case FileStep::kSyncFolder:
      return "sync folder";
  }
  return "?";
}

void FailingGate::Arm(Fault fault, std::uint64_t nth) {
  MutexLock lock(mutex_);
  fault_ = fault;
  nth_ = nth;
  num_changes_ = 0;
  full_ = false;
  failed_in_sync_ = false;
  failed_.clear();
}

void FailingGate::Clear() {
  MutexLock lock(mutex_);
  nth_ = 0;
  full_ = false;
}

std::string FailingGate::failed() const {
  MutexLock lock(mutex_);
  return failed_;
}

bool FailingGate::failed_in_sync() const {
  MutexLock lock(mutex_);
  return failed_in_sync_;
}

std::uint64_t FailingGate::num_changes() const {
  MutexLock lock(mutex_);
  return num_changes_;
}

int FailingGate::ErrorFor(const FileChange& change) {
  if (fault_ == Fault::kFull && !NeedsRoom(change.step)) {
    return 0;
  }
  if (full_) {
    return ENOSPC;
  }
  if (++num_changes_ != nth_) {
    return 0;
  }
  full_ = fault_ == Fault::kFull;
  failed_in_sync_ = IsSync(change.step);
  failed_ = fmt::format("{} {}", FileStepName(change.step), change.path);
  return full_ ? ENOSPC : EIO;
}

int FailingGate::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  int error = 0;
  {
    MutexLock lock(mutex_);
    error = ErrorFor(change);
  }
  if (error == 0) {
    return IsSync(change.step) ? 0 : make(change.bytes.size());
  }
  if (change.step == FileStep::kWrite) {
    const int made = make(change.bytes.size() / 2);
    return made == 0 ? error : made;
  }
  return error;
}

Result<std::uint64_t> FailingGate::FreeBytes(const std::string& /*path*/) {
  MutexLock lock(mutex_);
  return full_ ? 0 : std::uint64_t{1} << 40;
}

}  // namespace dashi::testing
