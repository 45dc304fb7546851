#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

// readline needs <cstdio> before it.
#include <readline/history.h>
#include <readline/readline.h>

#include "base/status.h"
#include "sql/shell/line_reader.h"

namespace dashi {

namespace {

constexpr int kHistoryEntriesMax = 5000;

// readline keeps its state in globals; so does its line handler.
struct ReceivedLine {
  bool done = false;
  bool end = false;
  std::string text;
};
ReceivedLine received_line;

void ReceiveLine(char* line) {
  received_line.done = true;
  received_line.end = line == nullptr;
  received_line.text = line == nullptr ? "" : line;
  std::free(line);
  rl_callback_handler_remove();
}

class ReadlineLineReader final : public LineReader {
 public:
  ReadlineLineReader(std::string history_file, int wake_fd)
      : history_file_(std::move(history_file)), wake_fd_(wake_fd) {
    // SIGINT goes to the SignalWatcher.
    rl_catch_signals = 0;
    rl_change_environment = 0;
    rl_readline_name = "dashi";
    rl_variable_bind("bell-style", "none");
    rl_bind_key('\t', rl_insert);
    // With times, an entry of several lines comes back as one.
    history_comment_char = '#';
    history_write_timestamps = 1;
    stifle_history(kHistoryEntriesMax);
    if (!history_file_.empty()) {
      read_history(history_file_.c_str());
    }
  }

  ~ReadlineLineReader() override { ::close(wake_fd_); }

  Outcome ReadLine(const std::string& prompt, std::string* line) override {
    received_line = ReceivedLine();
    rl_callback_handler_install(prompt.c_str(), ReceiveLine);
    while (!received_line.done) {
      pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
      if (::poll(fds, 2, -1) < 0) {
        if (errno == EINTR) {
          continue;  // SIGWINCH, after which readline redraws, or SIGINT
        }
        rl_callback_handler_remove();
        return Outcome::kEnd;
      }
      if (fds[1].revents != 0) {
        DrainWakeups();
        AbandonLine();
        return Outcome::kInterrupted;
      }
      rl_callback_read_char();
    }
    *line = received_line.text;
    if (received_line.end) {
      std::fputs("\n", stdout);
      std::fflush(stdout);
      return Outcome::kEnd;
    }
    return Outcome::kLine;
  }

  void AddHistory(const std::string& statement) override {
    const HIST_ENTRY* last =
        history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
    if (last != nullptr && statement == last->line) {
      return;
    }
    add_history(statement.c_str());
    if (history_file_.empty()) {
      return;
    }
    // Only the user may read it; append_history needs the file to exist.
    const int fd = ::open(history_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
      ::close(fd);
      append_history(1, history_file_.c_str());
    }
  }

  void Interrupt() override {
    const std::uint64_t one = 1;
    // An eventfd takes the write unless it counts to 2^64.
    static_cast<void>(!::write(wake_fd_, &one, sizeof(one)));
  }

  bool interactive() const override { return true; }

 private:
  void DrainWakeups() {
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_fd_, &count, sizeof(count)));
  }

  // Leaves the line as it stands on the screen and starts a new one.
  static void AbandonLine() {
    rl_callback_sigcleanup();
    rl_free_line_state();
    rl_callback_handler_remove();
    std::fputs("^C\n", stdout);
    std::fflush(stdout);
  }

  const std::string history_file_;
  const int wake_fd_;
};

}  // namespace

Result<std::unique_ptr<LineReader>> OpenReadlineLineReader(const std::string& history_file) {
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    return Status::IoError(std::string("cannot make an eventfd: ") + std::strerror(errno));
  }
  return std::unique_ptr<LineReader>(std::make_unique<ReadlineLineReader>(history_file, wake_fd));
}

std::string DefaultHistoryFile() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && *state == '/') {
    folder = state;
  } else if (home != nullptr && *home == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return std::string();
  }
  folder /= "dashi";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? std::string() : (folder / "history").string();
}

}  // namespace dashi
