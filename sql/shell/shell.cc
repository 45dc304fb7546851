#include "sql/shell/shell.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace dashi {

Shell::Shell(ScriptRunner& script_runner, LineReader& line_reader, const Console& console,
             std::string name)
    : script_runner_(script_runner),
      line_reader_(line_reader),
      console_(console),
      name_(std::move(name)) {}

int Shell::Run() {
  std::string line;
  while (!quit_) {
    switch (line_reader_.ReadLine(Prompt(), &line)) {
      case LineReader::Outcome::kLine:
        HandleLine(line);
        break;
      case LineReader::Outcome::kInterrupted:
        splitter_.Clear();
        typed_.clear();
        break;
      case LineReader::Outcome::kEnd:
        if (const std::optional<ScriptStatement> last = splitter_.Finish();
            last && !line_reader_.interactive()) {
          RunStatement(*last);
        }
        quit_ = true;
        break;
    }
  }
  if (script_runner_.runner().in_transaction()) {
    script_runner_.Print("WARNING:  the transaction still open is rolled back");
  }
  return any_failed_ && !line_reader_.interactive() ? 1 : 0;
}

void Shell::Interrupt() {
  if (!script_runner_.CancelRunning()) {
    line_reader_.Interrupt();
  }
}

void Shell::HandleLine(const std::string& line) {
  script_runner_.ForgetCancel();
  if (splitter_.inside() == StatementSplitter::Inside::kNothing) {
    if (const std::optional<ShellCommand> command = ParseShellCommand(line)) {
      line_reader_.AddHistory(line);
      RunCommand(*command);
      return;
    }
  }
  typed_ += (typed_.empty() ? "" : "\n") + line;
  splitter_.Feed(line + "\n");
  while (const std::optional<ScriptStatement> statement = splitter_.Next()) {
    if (!typed_.empty()) {
      line_reader_.AddHistory(typed_);
      typed_.clear();
    }
    RunStatement(*statement);
  }
  if (splitter_.inside() == StatementSplitter::Inside::kNothing) {
    typed_.clear();
  }
}

void Shell::RunStatement(const ScriptStatement& statement) {
  // The status is printed already.
  any_failed_ = !script_runner_.RunStatement(statement, "").ok() || any_failed_;
}

void Shell::RunCommand(const ShellCommand& command) {
  if (command.name == "q") {
    quit_ = true;
  } else if (command.name == "?") {
    console_.out.Write(ShellHelp()).IgnoreError("the terminal has gone");
    console_.out.Flush().IgnoreError("the terminal has gone");
  } else if (command.name == "timing") {
    Toggle(command, "Timing", &script_runner_.options().timing);
  } else if (command.name == "x") {
    Toggle(command, "Expanded display", &script_runner_.options().expanded);
  } else if (command.name == "i") {
    if (command.arguments.size() != 1) {
      Fail(Status::InvalidArgument("\\i needs the name of a file"));
    } else {
      any_failed_ = !script_runner_.RunFileAt(command.arguments.front()).ok() || any_failed_;
    }
  } else if (command.name == "d" && command.arguments.size() == 1) {
    any_failed_ = !script_runner_.Describe(command.arguments.front()).ok() || any_failed_;
  } else {
    Result<std::string> query = QueryOf(command);
    if (!query.ok()) {
      Fail(query.status());
      return;
    }
    RunStatement({.text = std::move(query).value()});
  }
}

void Shell::Toggle(const ShellCommand& command, std::string_view what, bool* value) {
  const std::string wanted = command.arguments.empty() ? "" : command.arguments.front();
  if (command.arguments.size() > 1 || (!wanted.empty() && wanted != "on" && wanted != "off")) {
    Fail(Status::InvalidArgument(fmt::format("\\{} takes on or off", command.name)));
    return;
  }
  *value = wanted.empty() ? !*value : wanted == "on";
  script_runner_.Print(fmt::format("{} is {}.", what, *value ? "on" : "off"));
}

void Shell::Fail(const Status& status) {
  any_failed_ = true;
  script_runner_.PrintError(status, "", "");
}

std::string Shell::Prompt() const {
  const StatementRunner& runner = script_runner_.runner();
  const char* state = !runner.in_transaction() ? "" : runner.transaction_failed() ? "!" : "*";
  switch (splitter_.inside()) {
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
