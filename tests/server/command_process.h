#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace dashi {

/// What a finished command left behind.
struct CommandOutcome {
  int exit_status = -1;  ///< 256 and more after a signal
  std::string out;
  std::string err;
};

/// Returns the path of the `dashi` that is tested: the variable DASHI_COMMAND.
std::string DashiCommand();

/// Runs a program in `folder` with `input` as its standard input, and waits for its end.
CommandOutcome RunCommand(const std::vector<std::string>& words, const std::string& folder,
                          std::string_view input = "");

/// A `dashi serve` on a port of its own, in a process of its own.
class ServeProcess {
 public:
  /// Starts it and waits until it says that it answers. What `before` does is done in the process
  /// before it becomes the program.
  ServeProcess(const std::string& directory, const std::string& folder,
               const std::vector<std::string>& options = {},
               const std::function<void()>& before = {});
  /// Kills it if it still runs.
  ~ServeProcess();
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  pid_t process() const { return process_; }
  /// 0 when it did not start, or was given sockets.
  int port() const { return port_; }
  const std::string& log() const { return log_; }
  /// Reads the log until `text` stands in it. Returns whether it does.
  bool WaitForLog(std::string_view text);
  void Signal(int signal);
  /// Waits for its end. Returns the exit status, 256 and more after a signal.
  int WaitForExit();

 private:
  pid_t process_ = -1;
  int log_fd_ = -1;
  int port_ = 0;
  std::string log_;
};

}  // namespace dashi
