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
#include <utility>
#include <vector>

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

// What Tab offers. readline's hooks take no context, hence the globals.
struct TabState {
  LineReader::Completer completer;
  std::vector<std::string> candidates;
};
TabState tab_state;

// What separates words for completion. Names of files, releases (m@1) and settings (ann.ef) are
// single words, and a backslash begins a command.
constexpr char kWordBreaks[] = " \t\n,;()=<>'\"|";

// Hands readline the candidates one by one, as it wants to have them.
char* NextCandidate(const char* /*word*/, int state) {
  static std::size_t next = 0;
  if (state == 0) {
    next = 0;
  }
  return next < tab_state.candidates.size() ? ::strdup(tab_state.candidates[next++].c_str())
                                            : nullptr;
}

char** OfferCompletions(const char* word, int start, int end) {
  rl_attempted_completion_over = 1;
  if (!tab_state.completer) {
    return nullptr;
  }
  const std::string_view line = rl_line_buffer;
  Completion completion =
      tab_state.completer({.before = line.substr(0, static_cast<std::size_t>(start)),
                           .word = word,
                           .after = line.substr(static_cast<std::size_t>(end))});
  if (completion.file_names) {
    rl_completion_append_character = completion.in_quotes ? '\'' : ' ';
    return rl_completion_matches(word, rl_filename_completion_function);
  }
  tab_state.candidates = std::move(completion.candidates);
  // Nothing behind "topk(" and "t.".
  const bool goes_on =
      tab_state.candidates.size() == 1 &&
      std::string_view("(.").find(tab_state.candidates[0].back()) != std::string_view::npos;
  rl_completion_append_character = goes_on ? '\0' : completion.in_quotes ? '\'' : ' ';
  return rl_completion_matches(word, NextCandidate);
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
    // All are shown at once: a question would be waited for where Ctrl-C is not heard.
    rl_variable_bind("page-completions", "off");
    rl_completion_query_items = -1;
    rl_completer_word_break_characters = kWordBreaks;
    rl_completer_quote_characters = nullptr;
    rl_attempted_completion_function = OfferCompletions;
    rl_bind_key('\t', rl_insert);
    // With times, an entry of several lines comes back as one.
    history_comment_char = '#';
    history_write_timestamps = 1;
    stifle_history(kHistoryEntriesMax);
    if (!history_file_.empty()) {
      read_history(history_file_.c_str());
    }
  }

  ~ReadlineLineReader() override {
    rl_attempted_completion_function = nullptr;
    tab_state = TabState();
    ::close(wake_fd_);
  }

  Outcome ReadLine(const std::string& prompt, std::string* line) override {
    received_line = ReceivedLine();
#if RL_READLINE_VERSION >= 0x0802
    rl_eof_found = 0;  // That of the data of a COPY is not the end of all.
#endif
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
#if RL_READLINE_VERSION < 0x0802
      std::fputs("\n", stdout);
      std::fflush(stdout);
#endif
      return Outcome::kEnd;
    }
    return Outcome::kLine;
  }

  Outcome ReadData(const std::string& prompt, std::string* line) override {
    rl_bind_key('\t', rl_insert);
    const Outcome outcome = ReadLine(prompt, line);
    if (tab_state.completer) {
      rl_bind_key('\t', rl_complete);
    }
    return outcome;
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

  void SetCompleter(const Completer& completer) override {
    tab_state.completer = completer;
    rl_bind_key('\t', rl_complete);
  }

  bool interactive() const override { return true; }

 private:
  void DrainWakeups() {
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_fd_, &count, sizeof(count)));
  }

  // Leaves the line as it stands on the screen and starts a new one.
  static void AbandonLine() {
    // Shown first: the end of bracketed paste moves to the beginning of the line.
    std::fputs("^C", rl_outstream);
    rl_callback_sigcleanup();
    rl_free_line_state();
    rl_callback_handler_remove();
    std::fputs("\n", rl_outstream);
    std::fflush(rl_outstream);
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
