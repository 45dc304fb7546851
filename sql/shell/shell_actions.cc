// What the backslash commands of the shell do.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/shell/command_pipe.h"
#include "sql/shell/copy_command.h"
#include "sql/shell/edited_text.h"
#include "sql/shell/object_reports.h"
#include "sql/shell/password_text.h"
#include "sql/shell/shell.h"
#include "sql/shell/sql_quoting.h"
#include "sql/shell/statement_syntax.h"

namespace dashi {

struct Shell::Action {
  std::string_view name;
  std::string_view arguments;
  std::string_view help;  // "" continues the one before
  Status (Shell::*run)(Input&, const ShellCommand&);
};

namespace {

constexpr std::size_t kIncludeDepthMax = 16;
constexpr double kWatchSecondsMax = 86'400;
constexpr double kWatchSeconds = 2;

// Commands of psql that have no place here, with what to do instead.
struct Absent {
  std::string_view names;  // each between blanks
  std::string_view hint;
};

constexpr std::array kAbsent = {
    Absent{" l c connect conninfo ", "A shell has one database: `dashi shell DIR` opens another."},
    Absent{" du dp z ddp ", "There are no roles."},
    Absent{" dn ", "There are no schemas."},
    Absent{" dv df dx ds dT dE ", "\\d lists what there is."},
    Absent{" pset a t H f C T ", "\\x, \\format and \\pager say how results look."},
    Absent{" set unset gset if else elif endif ", "The shell has no variables."},
    Absent{" cd ", "File names are relative to the folder in which dashi was called."},
    Absent{" ef ev sf sv ", "There are no functions or views of your own."},
};

std::string HintFor(std::string_view name, std::span<const std::string> known) {
  const std::string wanted = fmt::format(" {} ", name);
  const auto* found = std::find_if(kAbsent.begin(), kAbsent.end(), [&](const Absent& absent) {
    return absent.names.find(wanted) != std::string_view::npos;
  });
  if (found != kAbsent.end()) {
    return std::string(found->hint);
  }
  constexpr std::size_t kNamesOfMeaning = 4;  // Of "dz" nobody can say what was meant.
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view nearest = name.size() < kNamesOfMeaning ? "" : NearestName(name, names);
  return nearest.empty() ? "Try \\? for help." : fmt::format("Did you mean \\{}?", nearest);
}

Status TooManyArguments(const ShellCommand& command) {
  return Status::InvalidArgument(fmt::format("too many arguments for \\{}", command.name))
      .WithHint("Try \\? for help.");
}

// "m@1" -> yes, "m" -> no
bool IsReleaseName(std::string_view name) { return name.find('@') != std::string_view::npos; }

bool EndsWithPlus(const ShellCommand& command) { return command.name.ends_with('+'); }

// Returns what stands behind "i=" or "c=", or the word itself behind neither.
Result<double> NumberOf(std::string_view word) {
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || !(number >= 0)) {
    return Status::InvalidArgument(fmt::format("not a number that is 0 or above: {}", word));
  }
  return number;
}

struct WatchOptions {
  double seconds = kWatchSeconds;
  std::uint64_t times = std::numeric_limits<std::uint64_t>::max();
};

Result<WatchOptions> ParseWatch(const ShellCommand& command) {
  WatchOptions options;
  for (const std::string& argument : command.arguments) {
    const std::string_view word = argument;
    if (word.starts_with("c=")) {
      DASHI_ASSIGN_OR_RETURN(const double times, NumberOf(word.substr(2)));
      if (times < 1 || times > 1e15) {
        return Status::InvalidArgument("\\watch: c= takes how often, 1 at least");
      }
      options.times = static_cast<std::uint64_t>(times);
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(options.seconds,
                           NumberOf(word.starts_with("i=") ? word.substr(2) : word));
    if (options.seconds > kWatchSecondsMax) {
      return Status::InvalidArgument("\\watch waits a day at most");
    }
  }
  return options;
}

}  // namespace

std::span<const Shell::Action> Shell::Actions() {
  static constexpr std::array kActions = {
      Action{"q", "", "leave (also quit, exit and Ctrl-D)", &Shell::Quit},
      Action{"?", "", "this help", &Shell::ShowHelp},
      Action{"h", "[STATEMENT]", "how a statement is written", &Shell::ShowSyntax},
      Action{"d", "[TABLE]", "tables; columns and indexes of a table", &Shell::ShowTables},
      Action{"dt", "", "tables", &Shell::ShowTables},
      Action{"dm", "[MODEL]", "models; one of them and its graphs", &Shell::ShowModels},
      Action{"dr", "[MODEL|RELEASE]", "releases; one of them, with its precision by slice",
             &Shell::ShowReleases},
      Action{"dj", "[JOB]", "jobs; one of them, with its loss by epoch", &Shell::ShowJobs},
      Action{"dg", "", "graphs", &Shell::ShowList},
      Action{"di", "", "indexes", &Shell::ShowList},
      Action{"dconfig", "", "settings", &Shell::ShowList},
      Action{"g", "[FILE|'|'COMMAND]", "run the statement, or the last again; rows go there",
             &Shell::RunBuffer},
      Action{"gx", "", "the same, one line a value", &Shell::RunBuffer},
      Action{"gdesc", "", "its columns and their types; it does not run", &Shell::DescribeBuffer},
      Action{"watch", "[SECONDS] [c=N]", "run it every 2 seconds, until Ctrl-C or N times",
             &Shell::Watch},
      Action{"p", "", "show the statement begun, or the last", &Shell::PrintBuffer},
      Action{"r", "", "drop the statement begun", &Shell::ResetBuffer},
      Action{"e", "[FILE]", "edit it, or a file, with $VISUAL or $EDITOR", &Shell::Edit},
      Action{"i", "FILE", "run the statements and commands of a file", &Shell::IncludeFile},
      Action{"o", "[FILE|'|'COMMAND]", "send rows there; without either: here again",
             &Shell::SendOutput},
      Action{"copy", "TABLE FROM FILE|STDIN [(OPTIONS)]", "load a file, or lines up to \\.",
             &Shell::Copy},
      Action{"copy", "TABLE|(QUERY) TO FILE [FORMAT]", "write rows to a file", &Shell::Copy},
      Action{"x", "[on|off|auto]", "one line a value; auto: where columns do not fit",
             &Shell::SetExpanded},
      Action{"format", "[NAME]", "table, csv, tsv, json, jsonl, markdown or html",
             &Shell::SetFormat},
      Action{"timing", "[on|off]", "show how long each statement takes", &Shell::SetTiming},
      Action{"pager", "[on|off]", "show what is longer than the screen in a pager",
             &Shell::SetPager},
      Action{"echo", "[TEXT]", "print a text", &Shell::Echo},
      Action{"!", "[COMMAND]", "run a command of the system's shell", &Shell::RunShellCommand},
  };
  return kActions;
}

std::vector<std::string> Shell::CommandNames() {
  std::vector<std::string> names;
  names.reserve(Actions().size());
  for (const Action& action : Actions()) {
    names.emplace_back(action.name);
  }
  return names;
}

std::string Shell::Help() {
  std::string help =
      "Statements may span lines and end with a semicolon. Tab completes words and names.\n"
      "Ctrl-C stops the running statement, or drops the one being typed.\n\n";
  for (const Action& action : Actions()) {
    const std::string usage = fmt::format("\\{} {}", action.name, action.arguments);
    help += fmt::format("  {:<40} {}\n", usage, action.help);
  }
  return help +
         "\n  SELECT label, text, score FROM topk('wireless earbuds', 10);\n"
         "  CREATE MODEL m USING ngame;  TRAIN MODEL m;  EVALUATE MODEL m@1 ON 'test';  "
         "PUBLISH m@1;\n";
}

void Shell::RunCommand(Input& input, const std::string& line) {
  Result<ShellCommand> command = ParseShellCommand(line);
  if (!command.ok()) {
    return Fail(command.status(), input.source);
  }
  const std::string_view name = command->name;
  // \d+ and its like show more.
  const std::string_view plain =
      name.size() > 1 && name.ends_with('+') ? name.substr(0, name.size() - 1) : name;
  const std::span<const Action> actions = Actions();
  const auto action = std::find_if(actions.begin(), actions.end(),
                                   [&](const Action& each) { return each.name == plain; });
  Status status;
  if (action == actions.end()) {
    status = Status::InvalidArgument(fmt::format("invalid command \\{}", name))
                 .WithHint(HintFor(name, CommandNames()));
  } else {
    status = (this->*(action->run))(input, *command);
  }
  if (!status.ok()) {
    Fail(status, input.source);
  }
}

Result<ScriptStatement> Shell::TakeStatement(Input& input) {
  std::optional<ScriptStatement> pending = input.splitter.TakePending();
  if (pending) {
    return *std::move(pending);
  }
  if (last_statement_.empty()) {
    return Status::InvalidArgument("there is no statement to run");
  }
  return ScriptStatement{.text = last_statement_};
}

Status Shell::WriteOut(std::string_view text) {
  return script_runner_.Show([&](ByteSink& sink) { return sink.Write(text); });
}

// Leaves the file that is read, or the shell.
Status Shell::Quit(Input& input, const ShellCommand& /*command*/) {
  input.quit = true;
  return Status();
}

Status Shell::ShowHelp(Input& /*input*/, const ShellCommand& /*command*/) {
  return WriteOut(Help());
}

Status Shell::ShowSyntax(Input& /*input*/, const ShellCommand& command) {
  const std::string syntax = StatementSyntax(command.rest);
  if (syntax.empty()) {
    return Status::InvalidArgument("no statement begins with " + command.rest)
        .WithHint("\\h lists the statements.");
  }
  return WriteOut(syntax);
}

Status Shell::ShowTables(Input& input, const ShellCommand& command) {
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  if (!command.arguments.empty()) {
    return DescribeTable(command.arguments.front(), script_runner_);
  }
  RunStatement(input, {.text = "SHOW TABLES"});
  return Status();
}

Status Shell::ShowModels(Input& input, const ShellCommand& command) {
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  std::string query =
      "SELECT name, algorithm, published, releases, substr(created_at, 1, 19) AS created_at "
      "FROM models ORDER BY name";
  if (!command.arguments.empty()) {
    query = "SHOW MODEL " + QuotedIdentifier(command.arguments.front());
  } else if (EndsWithPlus(command)) {
    query = "SELECT * FROM models ORDER BY name";
  }
  RunStatement(input, {.text = std::move(query)});
  return Status();
}

Status Shell::ShowReleases(Input& input, const ShellCommand& command) {
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  const std::string name = command.arguments.empty() ? "" : command.arguments.front();
  if (IsReleaseName(name)) {
    return DescribeRelease(name, script_runner_);
  }
  RunStatement(
      input,
      {.text = fmt::format(
           "SELECT {} FROM releases{} ORDER BY model, number",
           EndsWithPlus(command)
               ? "*"
               : "name, trim(CASE WHEN published THEN 'published ' ELSE '' END || CASE WHEN pinned "
                 "THEN 'pinned' ELSE '' END) AS state, documents, labels, dim, index_kind AS "
                 "\"index\", round(json_extract(metrics, '$.\"P@1\"'), 4) AS \"P@1\", "
                 "substr(created_at, 1, 16) AS created",
           name.empty() ? "" : " WHERE model = " + QuotedText(name))});
  return Status();
}

Status Shell::ShowJobs(Input& input, const ShellCommand& command) {
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  if (!command.arguments.empty()) {
    return DescribeJob(command.arguments.front(), script_runner_);
  }
  RunStatement(input,
               {.text = fmt::format(
                    "SELECT {} FROM jobs ORDER BY id",
                    EndsWithPlus(command)
                        ? "*"
                        : "id, kind, model, state, phase, CASE WHEN total > 0 THEN "
                          "printf('%d %%', 100 * done / total) END AS done, round(loss, 4) AS "
                          "loss, coalesce(result, error) AS result, substr(started_at, 6, 11) AS "
                          "started")});
  return Status();
}

Status Shell::ShowList(Input& input, const ShellCommand& command) {
  if (!command.arguments.empty()) {
    return TooManyArguments(command);
  }
  RunStatement(input, {.text = command.name.starts_with("dg")   ? "SHOW GRAPHS"
                               : command.name.starts_with("di") ? "SHOW INDEXES"
                                                                : "SHOW SETTINGS"});
  return Status();
}

Status Shell::RunInto(Input& input, const ScriptStatement& statement, ResultFile* file) {
  script_runner_.SendResultsTo(file);
  failed_ = false;
  RunStatement(input, statement);
  script_runner_.SendResultsTo(result_file_.get());
  return failed_ ? Status() : file->Commit();
}

Status Shell::RunBuffer(Input& input, const ShellCommand& command) {
  std::unique_ptr<ResultFile> file;
  if (!command.rest.empty()) {
    const bool is_pipe = command.rest.starts_with('|');
    if (!is_pipe && command.arguments.size() > 1) {
      return TooManyArguments(command);
    }
    DASHI_ASSIGN_OR_RETURN(file,
                           ResultFile::Open(is_pipe ? command.rest : command.arguments.front(),
                                            ResultFile::Mode::kStream));
  }
  DASHI_ASSIGN_OR_RETURN(const ScriptStatement statement, TakeStatement(input));
  const Expanded before = script_runner_.options().expanded;
  if (command.name == "gx") {
    script_runner_.options().expanded = Expanded::kOn;
  }
  Status status;
  if (file == nullptr) {
    RunStatement(input, statement);
  } else {
    status = RunInto(input, statement, file.get());
  }
  script_runner_.options().expanded = before;
  return status;
}

Status Shell::DescribeBuffer(Input& input, const ShellCommand& command) {
  if (!command.arguments.empty()) {
    return TooManyArguments(command);
  }
  DASHI_ASSIGN_OR_RETURN(const ScriptStatement statement, TakeStatement(input));
  RunStatement(input, {.text = "DESCRIBE " + statement.text, .line = statement.line});
  last_statement_ = statement.text;  // \g runs it.
  return Status();
}

Status Shell::WatchStatement(Input& input, const ScriptStatement& statement, double seconds,
                             std::uint64_t times) {
  const std::chrono::milliseconds wait(static_cast<std::int64_t>(seconds * 1e3));
  for (std::uint64_t i = 0; i < times; ++i) {
    if (i > 0 && !script_runner_.Pause(wait)) {
      script_runner_.Print("");  // The terminal has shown ^C.
      break;
    }
    script_runner_.Print(fmt::format("{} UTC (every {} s)",
                                     FormatTimestamp(Clock::System().NowMicros()).substr(0, 19),
                                     seconds));
    failed_ = false;
    RunStatement(input, statement);
    if (failed_) {
      break;
    }
  }
  return Status();
}

Status Shell::Watch(Input& input, const ShellCommand& command) {
  DASHI_ASSIGN_OR_RETURN(const WatchOptions options, ParseWatch(command));
  DASHI_ASSIGN_OR_RETURN(const ScriptStatement statement, TakeStatement(input));
  const bool pager = std::exchange(script_runner_.options().pager, false);
  Status status = WatchStatement(input, statement, options.seconds, options.times);
  script_runner_.options().pager = pager;
  return status;
}

Status Shell::PrintBuffer(Input& input, const ShellCommand& /*command*/) {
  const std::string pending = input.splitter.Pending();
  const std::string& text = pending.empty() ? last_statement_ : pending;
  script_runner_.Print(text.empty() ? "No statement was begun." : text);
  return Status();
}

Status Shell::ResetBuffer(Input& input, const ShellCommand& /*command*/) {
  input.splitter.TakePending();
  script_runner_.Print("The statement begun is dropped.");
  return Status();
}

Status Shell::Edit(Input& input, const ShellCommand& command) {
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  std::string text;
  if (command.arguments.empty()) {
    const std::string pending = input.splitter.Pending();
    DASHI_ASSIGN_OR_RETURN(text, EditText(pending.empty() ? last_statement_ : pending));
  } else {
    DASHI_ASSIGN_OR_RETURN(text, EditFile(command.arguments.front()));
  }
  script_runner_.ForgetCancel();  // Ctrl-C was the editor's.
  input.splitter.TakePending();
  if (!text.empty() && !MayHoldPassword(text)) {
    input.lines.AddHistory(text);
  }
  input.splitter.Feed(text + "\n");
  return Status();
}

Status Shell::IncludeFile(Input& /*input*/, const ShellCommand& command) {
  if (command.arguments.size() != 1) {
    return Status::InvalidArgument("\\i needs the name of a file");
  }
  const std::string& path = command.arguments.front();
  if (depth_ >= kIncludeDepthMax) {
    return Status::InvalidArgument("\\i is nested too deep: " + path);
  }
  ++depth_;
  Status status = ReadFile(path);
  --depth_;
  return status;
}

Status Shell::SendOutput(Input& /*input*/, const ShellCommand& command) {
  const bool is_pipe = command.rest.starts_with('|');
  if (!is_pipe && command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  std::unique_ptr<ResultFile> opened;
  if (!command.rest.empty()) {
    DASHI_ASSIGN_OR_RETURN(opened,
                           ResultFile::Open(is_pipe ? command.rest : command.arguments.front(),
                                            ResultFile::Mode::kStream));
  }
  script_runner_.SendResultsTo(opened.get());
  const std::unique_ptr<ResultFile> closed = std::exchange(result_file_, std::move(opened));
  return closed == nullptr ? Status() : closed->Commit();
}

Status Shell::Copy(Input& input, const ShellCommand& command) {
  DASHI_ASSIGN_OR_RETURN(const CopyCommand copy, ParseCopyCommand(command.rest));
  if (!copy.to_file) {
    CopyData* standard_input = own_data_ == nullptr ? &script_runner_.standard_input() : own_data_;
    RunStatement(input, {.text = copy.statement},
                 copy.standard_input ? *standard_input : *input.data);
    return Status();
  }
  std::unique_ptr<ResultFile> file;
  if (!copy.path.empty()) {
    DASHI_ASSIGN_OR_RETURN(file, ResultFile::Open(copy.path, ResultFile::Mode::kWhole));
  }
  const OutputFormat before = std::exchange(script_runner_.options().format, copy.format);
  Status status;
  if (file == nullptr) {
    failed_ = false;
    RunStatement(input, {.text = copy.statement});
  } else {
    status = RunInto(input, {.text = copy.statement}, file.get());
  }
  script_runner_.options().format = before;
  if (status.ok() && !failed_) {
    script_runner_.Print(fmt::format("COPY {}", script_runner_.num_rows()));
  }
  return status;
}

Status Shell::SetExpanded(Input& /*input*/, const ShellCommand& command) {
  Expanded& expanded = script_runner_.options().expanded;
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  const std::string wanted = command.arguments.empty() ? "" : command.arguments.front();
  if (wanted.empty()) {
    expanded = expanded == Expanded::kOn ? Expanded::kAuto : Expanded::kOn;
  } else if (wanted == "on" || wanted == "off") {
    expanded = wanted == "on" ? Expanded::kOn : Expanded::kOff;
  } else if (wanted == "auto") {
    expanded = Expanded::kAuto;
  } else {
    return Status::InvalidArgument("\\x takes on, off or auto");
  }
  script_runner_.Print(
      expanded == Expanded::kAuto
          ? "Expanded display is used automatically."
          : fmt::format("Expanded display is {}.", expanded == Expanded::kOn ? "on" : "off"));
  return Status();
}

Status Shell::SetFormat(Input& /*input*/, const ShellCommand& command) {
  OutputFormat& format = script_runner_.options().format;
  if (command.arguments.size() > 1) {
    return TooManyArguments(command);
  }
  if (!command.arguments.empty()) {
    const std::optional<OutputFormat> wanted = OutputFormatNamed(command.arguments.front());
    if (!wanted) {
      return Status::InvalidArgument("not a format: " + command.arguments.front())
          .WithHint(fmt::format("Formats are {}.", fmt::join(OutputFormatNames(), ", ")));
    }
    format = *wanted;
  }
  script_runner_.Print(fmt::format("Results are shown as {}.", NameOf(format)));
  return Status();
}

Status Shell::Toggle(const ShellCommand& command, std::string_view what, bool* value) {
  const std::string wanted = command.arguments.empty() ? "" : command.arguments.front();
  if (command.arguments.size() > 1 || (!wanted.empty() && wanted != "on" && wanted != "off")) {
    return Status::InvalidArgument(fmt::format("\\{} takes on or off", command.name));
  }
  *value = wanted.empty() ? !*value : wanted == "on";
  script_runner_.Print(fmt::format("{} is {}.", what, *value ? "on" : "off"));
  return Status();
}

Status Shell::SetTiming(Input& /*input*/, const ShellCommand& command) {
  return Toggle(command, "Timing", &script_runner_.options().timing);
}

Status Shell::SetPager(Input& /*input*/, const ShellCommand& command) {
  return Toggle(command, "The pager", &script_runner_.options().pager);
}

Status Shell::Echo(Input& /*input*/, const ShellCommand& command) {
  return WriteOut(fmt::format("{}\n", fmt::join(command.arguments, " ")));
}

Status Shell::RunShellCommand(Input& /*input*/, const ShellCommand& command) {
  const char* shell = std::getenv("SHELL");
  const std::string line = !command.rest.empty() ? command.rest : shell != nullptr ? shell : "sh";
  DASHI_ASSIGN_OR_RETURN(const int exit_status, RunInForeground(line));
  script_runner_.ForgetCancel();  // Ctrl-C was the command's.
  if (exit_status != 0) {
    return Status::InvalidArgument(fmt::format("the command ended with status {}", exit_status));
  }
  return Status();
}

}  // namespace dashi
