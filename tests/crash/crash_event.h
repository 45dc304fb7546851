#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "tests/crash/crash_rows.h"

namespace dashi::crash {

/// What a child tells its parent through a pipe.
enum class CrashEventKind : std::uint8_t {
  kOpened,        ///< the database is open
  kRow,           ///< `changes` holds rows found after opening
  kDumped,        ///< those were all
  kProblem,       ///< `text` says what is wrong
  kIntent,        ///< `owner` is about to commit `changes`
  kAcknowledged,  ///< `owner`'s intent is committed
  kRefused,       ///< `owner`'s intent failed with the SQLSTATE `text`, and changed nothing
  kClosing,
  kClosed,
};

struct CrashEvent {
  CrashEventKind kind{};
  int owner = 0;
  std::string text;
  RowChanges changes;
};

/// Writes events to a file descriptor, whole and in one order: what one thread was told before
/// another thread sends stands before it.
///
/// Threads: all methods may be called at once.
class CrashEventWriter {
 public:
  explicit CrashEventWriter(int descriptor) : descriptor_(descriptor) {}
  void Send(const CrashEvent& event) DASHI_EXCLUDES(mutex_);
  void SendProblem(std::string_view text);
  void SendRow(const std::string& key, const std::string& value);

 private:
  Mutex mutex_;
  const int descriptor_;
};

/// Takes events out of the bytes of a pipe. What a killed child left unfinished is never an event:
/// the child sends an intent whole before it acts.
class CrashEventParser {
 public:
  void Append(std::string_view bytes) { buffer_ += bytes; }
  std::optional<CrashEvent> Next();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;
};

}  // namespace dashi::crash
