#include "sql/index_builder.h"

#include <string>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::sql {

namespace {

/// How long to wait behind a failed step: the disk may have room again.
constexpr std::chrono::milliseconds kRetryPause{1000};
constexpr std::chrono::milliseconds kStepWait{20};

}  // namespace

IndexBuilder::IndexBuilder(storage::Store* store)
    : store_(store), thread_([this] { return Step(); }) {}

void IndexBuilder::WaitForStep() { thread_.WaitForStep(kStepWait); }

Status IndexBuilder::LastStatus() const {
  const MutexLock lock(mutex_);
  return last_;
}

std::optional<std::chrono::milliseconds> IndexBuilder::Step() {
  Result<bool> more = CatchAsStatus("building an index", [&] { return store_->StepIndexWork(); });
  const MutexLock lock(mutex_);
  if (!more.ok()) {
    if (last_.ok()) {
      LogError("building an index: {}", std::string(more.status().message()));
    }
    last_ = more.status();
    last_.IgnoreError("it is logged, and LastStatus tells whoever waits");
    return kRetryPause;
  }
  last_ = Status();
  return *more ? std::optional(std::chrono::milliseconds(0)) : std::nullopt;
}

}  // namespace dashi::sql
