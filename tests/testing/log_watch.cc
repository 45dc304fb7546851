#include "tests/testing/log_watch.h"

#include <utility>

namespace dashi::testing {

void LogWatch::Set(std::function<void()> look) {
  MutexLock lock(mutex_);
  look_ = std::move(look);
}

int LogWatch::Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) {
  if (change.step == FileStep::kWrite && change.path.ends_with(".log")) {
    MutexLock lock(mutex_);
    if (look_) {
      look_();
    }
  }
  return gate_.Pass(change, make);
}

Result<std::uint64_t> LogWatch::FreeBytes(const std::string& path) { return gate_.FreeBytes(path); }

}  // namespace dashi::testing
