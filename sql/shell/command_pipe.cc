#include "sql/shell/command_pipe.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/status.h"

namespace dashi {

namespace {

int WaitForEnd(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Starts `command`; standard input is `input_fd`, or the terminal's when it is -1.
Result<pid_t> Spawn(const std::string& command, int input_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  if (input_fd >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, input_fd, STDIN_FILENO);
  }
  // The process ignores SIGPIPE, which commands would inherit.
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::string words[] = {"sh", "-c", command};
  char* const arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t process = -1;
  const int error = ::posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Status::IoError("cannot run " + command + ": " + std::strerror(error));
  }
  return process;
}

}  // namespace

CommandPipe::CommandPipe(int write_fd, pid_t process, const std::string& command)
    : write_fd_(write_fd), process_(process), sink_(write_fd, command) {}

Result<std::unique_ptr<CommandPipe>> CommandPipe::Start(const std::string& command) {
  int fds[2] = {-1, -1};
  if (::pipe2(fds, O_CLOEXEC) != 0) {
    return Status::IoError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  const Result<pid_t> process = Spawn(command, fds[0]);
  ::close(fds[0]);
  if (!process.ok()) {
    ::close(fds[1]);
    return process.status();
  }
  return std::unique_ptr<CommandPipe>(new CommandPipe(fds[1], *process, command));
}

CommandPipe::~CommandPipe() { Finish(); }

int CommandPipe::Finish() {
  if (process_ > 0) {
    sink_.Flush().IgnoreError("the command has seen what it wanted to see");
    ::close(write_fd_);
    exit_status_ = WaitForEnd(process_);
    process_ = -1;
  }
  return exit_status_;
}

Result<int> RunInForeground(const std::string& command) {
  DASHI_ASSIGN_OR_RETURN(const pid_t process, Spawn(command, /*input_fd=*/-1));
  return WaitForEnd(process);
}

}  // namespace dashi
