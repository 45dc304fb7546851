#pragma once

#include <memory>
#include <string>
#include <sys/types.h>

#include "dashi/status.h"
#include "sql/shell/byte_sink.h"

namespace dashi {

/// A command of /bin/sh that reads what is written to it: a pager, or what stands behind `\o |`.
///
/// Errors:  as FileSink; a command that has ended is a reader that has gone away (08006).
/// Threads: one thread at a time.
class CommandPipe final : public ByteSink {
 public:
  static Result<std::unique_ptr<CommandPipe>> Start(const std::string& command);
  /// Finishes.
  ~CommandPipe() override;
  CommandPipe(const CommandPipe&) = delete;
  CommandPipe& operator=(const CommandPipe&) = delete;

  Status Write(std::string_view bytes) override { return sink_.Write(bytes); }
  Status Flush() override { return sink_.Flush(); }
  /// Closes the pipe and waits for the end of the command. Returns its exit status, 128 and the
  /// signal's number after a signal, as shells do.
  int Finish();

 private:
  CommandPipe(int write_fd, pid_t process, const std::string& command);

  int write_fd_;
  pid_t process_;
  int exit_status_ = 0;
  FileSink sink_;
};

/// Runs a command of /bin/sh on the terminal and waits for its end. Returns its exit status as
/// CommandPipe::Finish does.
///
/// Errors: kIoError when it cannot be started.
Result<int> RunInForeground(const std::string& command);

}  // namespace dashi
