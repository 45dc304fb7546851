#include "tests/server/command_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dashi {

namespace {

constexpr int kTimeoutMs = 60'000;

int ExitStatusOf(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) {
      return -1;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

// In the child process: becomes the program, or ends with status 127.
[[noreturn]] void Become(const std::vector<std::string>& words, const std::string& folder, int in,
                         int out, int err, const std::function<void()>& before = {}) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  if (before) {
    before();
  }
  if (::chdir(folder.c_str()) == 0) {
    ::execvp(arguments.front(), arguments.data());
  }
  ::_exit(127);
}

struct Pipe {
  Pipe() { static_cast<void>(!::pipe2(fds, O_CLOEXEC)); }
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void CloseRead() { Close(0); }
  void CloseWrite() { Close(1); }
  void Close(int end) {
    if (fds[end] >= 0) {
      ::close(fds[end]);
    }
    fds[end] = -1;
  }

  int fds[2] = {-1, -1};
};

// Reads once; closes the pipe at its end.
void Drain(Pipe* pipe, std::string* text) {
  char bytes[8192];
  const ssize_t num_bytes = ::read(pipe->fds[0], bytes, sizeof(bytes));
  if (num_bytes > 0) {
    text->append(bytes, static_cast<std::size_t>(num_bytes));
  } else {
    pipe->CloseRead();
  }
}

}  // namespace

std::string DashiCommand() {
  const char* command = std::getenv("DASHI_COMMAND");
  return command == nullptr ? "dashi" : command;
}

CommandOutcome RunCommand(const std::vector<std::string>& words, const std::string& folder,
                          std::string_view input) {
  Pipe in;
  Pipe out;
  Pipe err;
  CommandOutcome outcome;
  const pid_t process = ::fork();
  if (process == 0) {
    Become(words, folder, in.fds[0], out.fds[1], err.fds[1]);
  }
  in.CloseRead();
  out.CloseWrite();
  err.CloseWrite();
  std::signal(SIGPIPE, SIG_IGN);
  // Inputs of tests fit into a pipe.
  static_cast<void>(!::write(in.fds[1], input.data(), input.size()));
  in.CloseWrite();
  while (out.fds[0] >= 0 || err.fds[0] >= 0) {
    pollfd fds[2] = {{out.fds[0], POLLIN, 0}, {err.fds[0], POLLIN, 0}};
    if (::poll(fds, 2, kTimeoutMs) <= 0) {
      ::kill(process, SIGKILL);
      break;
    }
    if (fds[0].revents != 0) {
      Drain(&out, &outcome.out);
    }
    if (fds[1].revents != 0) {
      Drain(&err, &outcome.err);
    }
  }
  outcome.exit_status = ExitStatusOf(process);
  return outcome;
}

ServeProcess::ServeProcess(const std::string& directory, const std::string& folder,
                           const std::vector<std::string>& options,
                           const std::function<void()>& before) {
  Pipe log;
  process_ = ::fork();
  if (process_ == 0) {
    const int null = ::open("/dev/null", O_RDONLY);
    std::vector<std::string> words = {DashiCommand(), "serve", directory, "--port", "0"};
    words.insert(words.end(), options.begin(), options.end());
    Become(words, folder, null, STDOUT_FILENO, log.fds[1], before);
  }
  log.CloseWrite();
  log_fd_ = ::dup(log.fds[0]);
  // "dashi: serving ...", or the message "serving ..." of a line of JSON
  const auto serves = [this] {
    const std::size_t text = log_.find("dashi: serving");
    const std::size_t said = text == std::string::npos ? log_.find("\"message\":\"serving") : text;
    return log_.find('\n', said) != std::string::npos;
  };
  while (log.fds[0] >= 0 && !serves()) {
    pollfd fd = {log.fds[0], POLLIN, 0};
    if (::poll(&fd, 1, kTimeoutMs) <= 0) {
      break;
    }
    Drain(&log, &log_);
  }
  const std::size_t flag = log_.find("-p ");
  if (flag != std::string::npos) {
    port_ = std::atoi(log_.c_str() + flag + 3);
  }
}

ServeProcess::~ServeProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ExitStatusOf(process_);
  }
  ::close(log_fd_);
}

bool ServeProcess::WaitForLog(std::string_view text) {
  char bytes[8192];
  while (log_.find(text) == std::string::npos) {
    pollfd fd = {log_fd_, POLLIN, 0};
    const ssize_t num_bytes =
        ::poll(&fd, 1, kTimeoutMs) <= 0 ? 0 : ::read(log_fd_, bytes, sizeof(bytes));
    if (num_bytes <= 0) {
      return false;
    }
    log_.append(bytes, static_cast<std::size_t>(num_bytes));
  }
  return true;
}

void ServeProcess::Signal(int signal) { ::kill(process_, signal); }

int ServeProcess::WaitForExit() {
  char bytes[8192];
  ssize_t num_bytes = 0;
  while ((num_bytes = ::read(log_fd_, bytes, sizeof(bytes))) > 0) {
    log_.append(bytes, static_cast<std::size_t>(num_bytes));
  }
  const int exit_status = ExitStatusOf(process_);
  process_ = -1;
  return exit_status;
}

}  // namespace dashi
