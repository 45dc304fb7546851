#include "sql/shell/shell.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "sql/shell/completion.h"
#include "sql/shell/password_text.h"

namespace dashi {

namespace {

constexpr std::size_t kStatementBytesMax = std::size_t{64} << 20;

Status StatementTooLong() {
  return Status::ResourceExhausted("a statement is longer than 64 MiB").WithSqlState("54000");
}

// "quit" of "  quit ; "
std::string_view OnlyWord(std::string_view line) {
  constexpr std::string_view kAround = " \t\r\n;";
  const std::size_t begin = line.find_first_not_of(kAround);
  return begin == std::string_view::npos
             ? std::string_view()
             : line.substr(begin, line.find_last_not_of(kAround) + 1 - begin);
}

}  // namespace

Shell::Shell(ScriptRunner& script_runner, LineReader& line_reader, const Console& console,
             std::string name)
    : script_runner_(script_runner),
      line_reader_(line_reader),
      console_(console),
      name_(std::move(name)) {
  script_runner_.options().pager = line_reader_.interactive();
  script_runner_.options().spaced = line_reader_.interactive();
}

void Shell::CompleteFrom(NameSource& names) {
  line_reader_.SetCompleter([this, &names](const CompletionPlace& place) {
    const std::string before =
        (typed_ == nullptr || typed_->empty() ? "" : *typed_ + "\n") + std::string(place.before);
    const std::vector<std::string> commands = CommandNames();
    return Complete({before, place.word, place.after}, commands, names);
  });
}

int Shell::Run() {
  Input input(line_reader_, console_, reads_data_, "", /*to_the_first_error=*/false);
  own_data_ = input.data;
  RunLines(input);
  own_data_ = nullptr;
  typed_ = nullptr;
  if (result_file_ != nullptr) {
    script_runner_.SendResultsTo(nullptr);
    const Status committed = result_file_->Commit();
    if (!committed.ok()) {
      Fail(committed);
    }
  }
  if (script_runner_.runner().in_transaction()) {
    script_runner_.Print("WARNING:  the transaction still open is rolled back");
  }
  return any_failed_ && !line_reader_.interactive() ? 1 : 0;
}

Status Shell::RunText(const std::string& text) {
  const ScriptRunner::Activity activity(script_runner_);
  Input input(line_reader_, console_, reads_data_, "", /*to_the_first_error=*/true);
  input.data = &script_runner_.standard_input();
  failed_ = false;
  HandleLine(input, text);
  if (const std::optional<ScriptStatement> last = input.splitter.Finish(); last && !failed_) {
    RunStatement(input, *last);
  }
  return failed_ ? Status::InvalidArgument("printed already") : Status();
}

Status Shell::RunFileAt(const std::string& path) {
  failed_ = false;
  const Status status = ReadFile(path);
  if (!status.ok()) {
    Fail(status);
  }
  return failed_ ? Status::InvalidArgument("printed already") : Status();
}

void Shell::RunLinesOf(int file_descriptor, const std::string& source) {
  const std::unique_ptr<LineReader> lines = MakeStreamLineReader(file_descriptor);
  std::atomic<bool> reading = false;  // Ctrl-C cannot end this waiting.
  Input input(*lines, console_, reading, source, /*to_the_first_error=*/true);
  RunLines(input);
}

// Runs the lines of a file; "-" is standard input.
//
// Errors: that the file cannot be opened.
Status Shell::ReadFile(const std::string& path) {
  if (path == "-") {
    script_runner_.standard_input().Take();
    RunLinesOf(STDIN_FILENO, "standard input");
    return Status();
  }
  const int file_descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat found = {};
  int error = file_descriptor < 0 ? errno : 0;
  if (error == 0 && ::fstat(file_descriptor, &found) == 0 && S_ISDIR(found.st_mode)) {
    error = EISDIR;
  }
  if (error == 0) {
    RunLinesOf(file_descriptor, path);
  }
  if (file_descriptor >= 0) {
    ::close(file_descriptor);
  }
  return error == 0 ? Status()
                    : Status::NotFound("cannot open " + path + ": " + std::strerror(error))
                          .WithSqlState("58P01");
}

void Shell::Interrupt() {
  const bool runs = script_runner_.CancelRunning();
  if (!runs || reads_data_) {
    line_reader_.Interrupt();
  }
}

void Shell::RunLines(Input& input) {
  std::string line;
  while (!input.quit && !(input.stops && failed_)) {
    typed_ = &input.typed;
    const LineReader::Outcome outcome = input.lines.ReadLine(Prompt(input), &line);
    switch (outcome) {
      case LineReader::Outcome::kLine: {
        const ScriptRunner::Activity activity(script_runner_);
        if (!input.stops) {
          failed_ = false;
          script_runner_.ForgetCancel();
        }
        HandleLine(input, line);
        break;
      }
      case LineReader::Outcome::kInterrupted:
        input.splitter.Clear();
        input.typed.clear();
        break;
      case LineReader::Outcome::kTooLong:
        Fail(StatementTooLong(), input.source);
        return;
      case LineReader::Outcome::kEnd:
        if (const std::optional<ScriptStatement> last = input.splitter.Finish();
            last && !input.lines.interactive()) {
          const ScriptRunner::Activity activity(script_runner_);
          RunStatement(input, *last);
        }
        return;
    }
  }
}

// Understands quit, exit and help without a backslash. Returns whether the line was one of them.
bool Shell::HandleWord(Input& input, const std::string& line) {
  const std::string_view word = OnlyWord(line);
  if (word != "quit" && word != "exit" && word != "help") {
    return false;
  }
  const bool is_help = word == "help";
  switch (input.splitter.inside()) {
    case StatementSplitter::Inside::kNothing:
      input.lines.AddHistory(line);
      RunCommand(input, is_help ? "\\?" : "\\q");
      return true;
    case StatementSplitter::Inside::kStatement:
      if (input.lines.interactive()) {
        script_runner_.Print(is_help ? "Use \\? for help, or Ctrl-C to drop the statement."
                                     : "Use \\q to leave, or Ctrl-C to drop the statement.");
      }
      return false;
    default:
      return false;
  }
}

// Adds what was typed to the history, before it runs.
void Shell::Remember(Input& input) {
  const bool blank = input.typed.find_first_not_of(" \t\n") == std::string::npos;
  if (!blank && !MayHoldPassword(input.typed)) {
    input.lines.AddHistory(input.typed);
  }
  input.typed.clear();
}

void Shell::HandleLine(Input& input, const std::string& line) {
  if (HandleWord(input, line)) {
    return;
  }
  input.typed += (input.typed.empty() ? "" : "\n") + line;
  input.splitter.Feed(line + "\n");
  while (!input.quit && !(input.stops && failed_)) {
    if (const std::optional<ScriptStatement> statement = input.splitter.Next()) {
      Remember(input);
      RunStatement(input, *statement);
    } else if (const std::optional<std::string> command = input.splitter.TakeCommand()) {
      Remember(input);
      RunCommand(input, *command);
      input.typed = input.splitter.Pending();
    } else {
      break;
    }
  }
  if (input.splitter.num_pending_bytes() > kStatementBytesMax) {
    input.splitter.Clear();
    Fail(StatementTooLong(), input.source);
  }
  if (input.splitter.inside() == StatementSplitter::Inside::kNothing) {
    input.typed.clear();
  }
}

void Shell::RunStatement(Input& input, const ScriptStatement& statement, CopyData& data) {
  last_statement_ = statement.text;
  // The status is printed already.
  if (!script_runner_.RunStatement(statement, input.source, &data).ok()) {
    failed_ = true;
    any_failed_ = true;
  }
}

void Shell::Fail(const Status& status, std::string_view source) {
  failed_ = true;
  any_failed_ = true;
  script_runner_.PrintError(status, "", source.empty() ? "" : fmt::format("{}: ", source));
}

std::string Shell::Prompt(const Input& input) const {
  const StatementRunner& runner = script_runner_.runner();
  const char* state = !runner.in_transaction() ? "" : runner.transaction_failed() ? "!" : "*";
  switch (input.splitter.inside()) {
    case StatementSplitter::Inside::kNothing:
      return fmt::format("{}={}> ", name_, state);
    case StatementSplitter::Inside::kQuote:
      return fmt::format("{}'{}> ", name_, state);
    case StatementSplitter::Inside::kIdentifier:
      return fmt::format("{}\"{}> ", name_, state);
    case StatementSplitter::Inside::kStatement:
    case StatementSplitter::Inside::kLineComment:
      return fmt::format("{}-{}> ", name_, state);
    case StatementSplitter::Inside::kBlockComment:
      return fmt::format("{}*{}> ", name_, state);
  }
  return "> ";
}

}  // namespace dashi
