#include "sql/shell/script_runner.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/shell/display_width.h"
#include "sql/shell/error_format.h"
#include "sql/shell/sql_quoting.h"

namespace dashi {

namespace {

constexpr std::size_t kStatementBytesMax = std::size_t{64} << 20;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string FormatSeconds(double seconds) {
  return seconds < 60 ? fmt::format("{:.3f} ms", seconds * 1e3)
                      : fmt::format("{:.3f} ms ({})", seconds * 1e3, FormatDuration(seconds));
}

}  // namespace

ScriptRunner::ScriptRunner(StatementRunner& runner, const Console& console, const Options& options)
    : runner_(runner), console_(console), options_(options), progress_bar_(console.err) {
  if (console_.err_is_terminal) {
    runner_.SetProgressCallback(
        [this](const Progress& progress) { progress_bar_.Draw(progress, TerminalWidth()); });
  }
}

ScriptRunner::~ScriptRunner() { runner_.SetProgressCallback(nullptr); }

void ScriptRunner::SetRunning(bool running) {
  const MutexLock lock(mutex_);
  running_ = running;
}

bool ScriptRunner::CancelRunning() {
  const MutexLock lock(mutex_);
  if (running_) {
    runner_.Cancel();
  }
  return running_;
}

void ScriptRunner::ForgetCancel() {
  const MutexLock lock(mutex_);
  runner_.ForgetCancel();
}

void ScriptRunner::Print(std::string_view line) {
  console_.err.Write(std::string(line) + "\n").IgnoreError("there is nowhere to report it");
  console_.err.Flush().IgnoreError("there is nowhere to report it");
}

void ScriptRunner::PrintError(const Status& status, std::string_view statement,
                              std::string_view place) {
  std::string text = std::string(place) + FormatError(status, statement);
  if (console_.err_is_terminal && console_.color) {
    const std::size_t end = text.find('\n');
    text = fmt::format("{}{}{}{}", kRed, text.substr(0, end), kPlain, text.substr(end));
  }
  text.pop_back();
  Print(text);
}

std::unique_ptr<ResultWriter> ScriptRunner::MakeWriter() {
  WriterOptions writer_options;
  writer_options.format = options_.format;
  writer_options.expanded = options_.expanded;
  writer_options.terminal_width = console_.out_is_terminal ? TerminalWidth() : 0;
  writer_options.color = console_.out_is_terminal && console_.color;
  return MakeResultWriter(writer_options, console_.out);
}

Status ScriptRunner::Stream(StatementResult& result) {
  const std::unique_ptr<ResultWriter> writer = MakeWriter();
  DASHI_RETURN_IF_ERROR(writer->Begin(result.columns()));
  Row row;
  while (true) {
    Result<bool> more = result.Next(&row);
    if (!more.ok()) {
      DASHI_RETURN_IF_ERROR(writer->Abandon());
      return std::move(more).status();
    }
    if (!*more) {
      return writer->End();
    }
    DASHI_RETURN_IF_ERROR(writer->Write(row));
  }
}

Status ScriptRunner::PrintResult(std::string_view statement) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result, runner_.Run(statement));
  progress_bar_.Clear();
  const bool has_rows = !result->columns().empty();
  if (has_rows) {
    const Status streamed = Stream(*result);
    // What was written stays before the error, wherever the two streams lead.
    DASHI_RETURN_IF_ERROR(console_.out.Flush());
    DASHI_RETURN_IF_ERROR(streamed);
  } else {
    Row row;
    bool more = true;
    while (more) {
      DASHI_ASSIGN_OR_RETURN(more, result->Next(&row));
    }
  }
  for (const std::string& notice : result->notices()) {
    Print("NOTICE:  " + PrintableText(notice));
  }
  if (!has_rows) {
    Print(result->command_tag());
  }
  return Status();
}

// The types that columns of one's own were given: a result tells only what values look like, and a
// timestamp looks like text.
Result<std::map<std::string, std::string>> ScriptRunner::GivenTypes(const std::string& table) {
  DASHI_ASSIGN_OR_RETURN(
      const std::unique_ptr<StatementResult> result,
      runner_.Run(fmt::format("SELECT name, type FROM columns WHERE \"table\" = {} COLLATE NOCASE",
                              QuotedText(table))));
  std::map<std::string, std::string> types;
  Row row;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, result->Next(&row));
    if (!more) {
      return types;
    }
    types.emplace(row.at(0).text(), row.at(1).text());
  }
}

Status ScriptRunner::PrintColumns(const std::string& table) {
  DASHI_ASSIGN_OR_RETURN(
      const std::unique_ptr<StatementResult> result,
      runner_.Run(fmt::format("SELECT * FROM {} LIMIT 0", QuotedIdentifier(table))));
  const std::vector<Column> columns = result->columns();
  DASHI_ASSIGN_OR_RETURN(const auto given, GivenTypes(table));
  const std::unique_ptr<ResultWriter> writer = MakeWriter();
  DASHI_RETURN_IF_ERROR(writer->Begin({{"column", ValueType::kText}, {"type", ValueType::kText}}));
  for (const Column& column : columns) {
    const auto found = given.find(column.name);
    const std::string_view type = found != given.end() ? std::string_view(found->second)
                                  : column.type == ValueType::kNull ? ""
                                                                    : ValueTypeName(column.type);
    DASHI_RETURN_IF_ERROR(
        writer->Write({Value::Text(column.name), Value::Text(std::string(type))}));
  }
  DASHI_RETURN_IF_ERROR(writer->End());
  return console_.out.Flush();
}

Status ScriptRunner::Describe(const std::string& table) {
  Status status = PrintColumns(table);
  if (!status.ok()) {
    PrintError(status, "", "");
  }
  return status;
}

Status ScriptRunner::RunStatement(const ScriptStatement& statement, std::string_view source) {
  const Stopwatch stopwatch;
  SetRunning(true);
  Status status = PrintResult(statement.text);
  SetRunning(false);
  progress_bar_.Clear();
  // A reader that has seen enough (`| head`) is no error worth a message.
  if (!status.ok() && status.sqlstate() != "08006") {
    const std::string place =
        source.empty() ? std::string() : fmt::format("{}:{}: ", source, statement.line);
    PrintError(status, statement.text, place);
  }
  if (options_.timing) {
    Print("Time: " + FormatSeconds(stopwatch.Seconds()));
  }
  return status;
}

Status ScriptRunner::RunComplete(StatementSplitter* splitter, std::string_view source) {
  while (const std::optional<ScriptStatement> statement = splitter->Next()) {
    DASHI_RETURN_IF_ERROR(RunStatement(*statement, source));
  }
  return Status();
}

Status ScriptRunner::RunScript(std::string_view script, std::string_view source) {
  StatementSplitter splitter;
  splitter.Feed(script);
  DASHI_RETURN_IF_ERROR(RunComplete(&splitter, source));
  const std::optional<ScriptStatement> last = splitter.Finish();
  return last ? RunStatement(*last, source) : Status();
}

Status ScriptRunner::RunFile(int file_descriptor, const std::string& source) {
  StatementSplitter splitter;
  std::string piece(kReadBytes, '\0');
  while (true) {
    const ssize_t num_bytes = ::read(file_descriptor, piece.data(), piece.size());
    if (num_bytes < 0 && errno == EINTR) {
      continue;
    }
    if (num_bytes < 0) {
      Status status = Status::IoError("cannot read " + source + ": " + std::strerror(errno));
      PrintError(status, "", "");
      return status;
    }
    if (num_bytes == 0) {
      break;
    }
    splitter.Feed(std::string_view(piece).substr(0, static_cast<std::size_t>(num_bytes)));
    DASHI_RETURN_IF_ERROR(RunComplete(&splitter, source));
    if (splitter.num_pending_bytes() > kStatementBytesMax) {
      Status status =
          Status::ResourceExhausted("a statement is longer than 64 MiB").WithSqlState("54000");
      PrintError(status, "", source + ": ");
      return status;
    }
  }
  const std::optional<ScriptStatement> last = splitter.Finish();
  return last ? RunStatement(*last, source) : Status();
}

Status ScriptRunner::RunFileAt(const std::string& path) {
  if (path == "-") {
    return RunFile(STDIN_FILENO, "standard input");
  }
  const int file_descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_descriptor < 0) {
    const std::string reason = std::strerror(errno);
    Status status = Status::NotFound("cannot open " + path + ": " + reason).WithSqlState("58P01");
    PrintError(status, "", "");
    return status;
  }
  Status status = RunFile(file_descriptor, path);
  ::close(file_descriptor);
  return status;
}

}  // namespace dashi
