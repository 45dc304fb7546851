#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace dashi {

/// A process behind a pseudo-terminal, and the person who sits before it.
class Terminal {
 public:
  /// Runs `program` in a child process, on a terminal of `num_columns`. Its result is the exit
  /// status.
  explicit Terminal(const std::function<int()>& program, int num_columns = 80);
  /// Ends the child if it still runs.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Types keys; "\x03" is Ctrl-C.
  void Type(std::string_view keys);
  /// Waits until `text` shows up after all that was waited for before, or nothing more comes for
  /// the time given. Returns whether it came.
  bool WaitFor(std::string_view text, int timeout_ms = 60'000);
  /// Waits, at most a minute, for the end of the program. Returns its exit status, 256 and more
  /// after a signal, -1 when it did not end.
  int WaitForExit();
  /// Everything shown so far.
  const std::string& shown() const { return shown_; }

 private:
  bool ReadMore(int timeout_ms);

  int master_ = -1;
  pid_t child_ = -1;
  std::string shown_;
  std::size_t waited_for_ = 0;
};

}  // namespace dashi
