#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/file_gate.h"
#include "base/mutex.h"

namespace dashi::testing {

/// A gate that calls somebody before bytes are written to a log of RocksDB, in the thread that
/// writes them. Whoever commits is met at a known place that way, however fast it and the test are.
class LogWatch : public FileGate {
 public:
  /// `gate`, where the changes go on to, must outlive this.
  explicit LogWatch(FileGate& gate) : gate_(gate) {}

  /// `look` is called by one thread at a time and must not write to the store; empty: nobody is
  /// called once this returns.
  void Set(std::function<void()> look) DASHI_EXCLUDES(mutex_);

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override
      DASHI_EXCLUDES(mutex_);
  Result<std::uint64_t> FreeBytes(const std::string& path) override;

 private:
  FileGate& gate_;
  Mutex mutex_;
  std::function<void()> look_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::testing
