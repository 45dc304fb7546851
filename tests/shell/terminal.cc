#include "tests/shell/terminal.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dashi {

namespace {

constexpr int kTimeoutMs = 60'000;

}  // namespace

Terminal::Terminal(const std::function<int()>& program, int num_columns) {
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(num_columns);
  size.ws_row = 24;
  std::fflush(nullptr);
  child_ = ::forkpty(&master_, nullptr, nullptr, &size);
  if (child_ == 0) {
    const int exit_status = program();
    std::fflush(nullptr);
    ::_exit(exit_status);
  }
}

Terminal::~Terminal() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ::close(master_);
}

void Terminal::Type(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t written = ::write(master_, keys.data(), keys.size());
    if (written > 0) {
      keys.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return;
    }
  }
}

bool Terminal::ReadMore(int timeout_ms) {
  pollfd fd = {master_, POLLIN, 0};
  if (::poll(&fd, 1, timeout_ms) <= 0) {
    return false;
  }
  char bytes[4096];
  const ssize_t num_bytes = ::read(master_, bytes, sizeof(bytes));
  if (num_bytes <= 0) {
    return false;  // EIO: the child has closed the terminal
  }
  shown_.append(bytes, static_cast<std::size_t>(num_bytes));
  return true;
}

bool Terminal::WaitFor(std::string_view text, int timeout_ms) {
  while (true) {
    const std::size_t found = shown_.find(text, waited_for_);
    if (found != std::string::npos) {
      waited_for_ = found + text.size();
      return true;
    }
    if (!ReadMore(timeout_ms)) {
      return false;
    }
  }
}

int Terminal::WaitForExit() {
  while (ReadMore(kTimeoutMs)) {
  }
  int status = 0;
  pid_t ended = 0;
  constexpr int kPollMs = 20;
  for (int waited_ms = 0; ended == 0 && waited_ms < kTimeoutMs; waited_ms += kPollMs) {
    ended = ::waitpid(child_, &status, WNOHANG);
    ::poll(nullptr, 0, ended == 0 ? kPollMs : 0);
  }
  if (ended != child_) {
    return -1;  // The destructor kills it.
  }
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

}  // namespace dashi
