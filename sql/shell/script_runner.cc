#include "sql/shell/script_runner.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/shell/copy_command.h"
#include "sql/shell/display_width.h"
#include "sql/shell/error_format.h"
#include "sql/shell/paged_sink.h"

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
    : runner_(runner),
      console_(console),
      options_(options),
      progress_(console.err, {}),
      standard_input_([this] { return WasCancelled(); }) {
  if (console_.err_is_terminal) {
    runner_.SetProgressCallback([this](const Progress& progress) { progress_.Report(progress); });
  }
}

ScriptRunner::~ScriptRunner() { runner_.SetProgressCallback(nullptr); }

void ScriptRunner::CountActivities(int difference) {
  const MutexLock lock(mutex_);
  num_activities_ += difference;
}

bool ScriptRunner::CancelRunning() {
  const MutexLock lock(mutex_);
  if (num_activities_ == 0) {
    return false;
  }
  runner_.Cancel();
  cancelled_ = true;
  cancelled_change_.NotifyAll();
  return true;
}

void ScriptRunner::ForgetCancel() {
  const MutexLock lock(mutex_);
  runner_.ForgetCancel();
  cancelled_ = false;
}

bool ScriptRunner::WasCancelled() {
  const MutexLock lock(mutex_);
  return cancelled_;
}

bool ScriptRunner::Pause(std::chrono::milliseconds time) {
  const Stopwatch stopwatch;
  const MutexLock lock(mutex_);
  while (!cancelled_) {
    const auto passed = std::chrono::milliseconds(static_cast<int>(stopwatch.Seconds() * 1e3));
    if (passed >= time) {
      return true;
    }
    cancelled_change_.WaitFor(mutex_, time - passed);
  }
  return false;
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

std::unique_ptr<ResultWriter> ScriptRunner::MakeWriter(ByteSink& sink) {
  const bool on_terminal = console_.out_is_terminal && result_sink_ == nullptr;
  WriterOptions writer_options;
  writer_options.format = options_.format;
  writer_options.expanded = options_.expanded;
  writer_options.terminal_width = on_terminal ? TerminalWidth() : 0;
  writer_options.color = on_terminal && console_.color;
  return MakeResultWriter(writer_options, sink);
}

Status ScriptRunner::Show(const std::function<Status(ByteSink&)>& write) {
  if (!options_.pager || !console_.out_is_terminal || result_sink_ != nullptr) {
    ByteSink& sink = result_sink_ == nullptr ? console_.out : *result_sink_;
    Status written = write(sink);
    // What was written stays before the error, wherever the two streams lead.
    DASHI_RETURN_IF_ERROR(sink.Flush());
    return written;
  }
  PagedSink sink(console_.out, PagerCommand(), SizeOfTerminal());
  Status written = write(sink);
  Status shown = sink.Finish();
  if (written.sqlstate() == "08006") {
    written = Status();
  }
  return written.ok() ? std::move(shown) : std::move(written);
}

Status ScriptRunner::Stream(StatementResult& result, ByteSink& sink) {
  const std::unique_ptr<ResultWriter> writer = MakeWriter(sink);
  DASHI_RETURN_IF_ERROR(writer->Begin(result.columns()));
  Row row;
  while (true) {
    Result<bool> more = result.Next(&row);
    if (num_rows_ == 0) {
      progress_.End();  // From the first row on the terminal is for the rows.
    }
    if (!more.ok()) {
      DASHI_RETURN_IF_ERROR(writer->Abandon());
      return std::move(more).status();
    }
    if (!*more) {
      return writer->End();
    }
    ++num_rows_;
    DASHI_RETURN_IF_ERROR(writer->Write(row));
  }
}

Status ScriptRunner::WriteRows(const Rows& rows, ByteSink& sink) {
  const std::unique_ptr<ResultWriter> writer = MakeWriter(sink);
  DASHI_RETURN_IF_ERROR(writer->Begin(rows.columns));
  for (const Row& row : rows.rows) {
    DASHI_RETURN_IF_ERROR(writer->Write(row));
  }
  return writer->End();
}

Status ScriptRunner::Space() {
  const bool on_terminal = console_.out_is_terminal && result_sink_ == nullptr;
  if (!options_.spaced || !on_terminal || options_.format != OutputFormat::kTable) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(console_.out.Write("\n"));
  return console_.out.Flush();
}

// Runs a statement that may read `data`, and then says so to it. The data that are read by lines
// are passed over before an error is shown.
Result<std::unique_ptr<StatementResult>> ScriptRunner::RunWithData(std::string_view statement,
                                                                   CopyData* data) {
  reads_typed_data_ = false;
  bool reads = false;
  bool writes = false;
  ByteSink& sink = result_sink_ == nullptr ? console_.out : *result_sink_;
  CopyStreams streams;
  streams.begin = [&](const CopyStart& start) -> Status {
    writes = !start.from_input;
    if (writes || data->typed()) {
      progress_.End();  // The terminal is for the rows.
    }
    if (!writes) {
      DASHI_RETURN_IF_ERROR(data->Begin());
      reads = true;
      reads_typed_data_ = data->typed();
    }
    return Status();
  };
  if (data != nullptr) {
    streams.read = [data](std::span<char> bytes) { return data->Read(bytes); };
  }
  streams.write = [&sink](std::string_view row) { return sink.Write(row); };
  Result<std::unique_ptr<StatementResult>> result = runner_.RunWithStreams(statement, streams);
  if (reads) {
    data->End();
  } else if (!result.ok() && data != nullptr && IsCopyFromInput(statement)) {
    data->Refuse();
  }
  if (writes) {
    DASHI_RETURN_IF_ERROR(sink.Flush());
  }
  return result;
}

Status ScriptRunner::PrintResult(std::string_view statement, CopyData* data) {
  num_rows_ = 0;
  if (console_.err_is_terminal) {
    progress_.Begin(statement);
  }
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result,
                         RunWithData(statement, data));
  const bool has_rows = !result->columns().empty();
  if (has_rows) {
    DASHI_RETURN_IF_ERROR(Show([&](ByteSink& sink) { return Stream(*result, sink); }));
    DASHI_RETURN_IF_ERROR(Space());
  } else {
    Row row;
    bool more = true;
    while (more) {
      DASHI_ASSIGN_OR_RETURN(more, result->Next(&row));
    }
    progress_.End();
  }
  for (const std::string& notice : result->notices()) {
    Print("NOTICE:  " + PrintableText(notice));
  }
  if (!has_rows) {
    Print(result->command_tag());
  }
  return Status();
}

Result<ScriptRunner::Rows> ScriptRunner::Query(std::string_view sql) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<StatementResult> result, runner_.Run(sql));
  Rows rows;
  rows.columns = result->columns();
  Row row;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, result->Next(&row));
    if (!more) {
      return rows;
    }
    rows.rows.push_back(row);
  }
}

Status ScriptRunner::RunStatement(const ScriptStatement& statement, std::string_view source,
                                  CopyData* data) {
  const Stopwatch stopwatch;
  Status status;
  {
    const Activity activity(*this);
    status = PrintResult(statement.text, data);
  }
  progress_.End();
  // A reader that has seen enough (`| head`) is no error worth a message.
  const bool reader_has_gone = status.sqlstate() == "08006" && result_sink_ == nullptr;
  if (!status.ok() && !reader_has_gone) {
    const std::string place =
        source.empty() ? std::string() : fmt::format("{}:{}: ", source, statement.line);
    if (console_.err_is_terminal && WasCancelled() && !progress_.drew() && !reads_typed_data_) {
      Print("");  // The terminal has shown ^C, which a progress line would have taken away.
    }
    PrintError(status, statement.text, place);
  }
  if (options_.timing) {
    Print("Time: " + FormatSeconds(stopwatch.Seconds()));
  }
  return status;
}

Status ScriptRunner::RunComplete(StatementSplitter* splitter, std::string_view source,
                                 CopyData* data) {
  while (const std::optional<ScriptStatement> statement = splitter->Next()) {
    DASHI_RETURN_IF_ERROR(RunStatement(*statement, source, data));
  }
  return Status();
}

Status ScriptRunner::RunScript(std::string_view script, std::string_view source) {
  StatementSplitter splitter;
  splitter.Feed(script);
  DASHI_RETURN_IF_ERROR(RunComplete(&splitter, source, &standard_input_));
  const std::optional<ScriptStatement> last = splitter.Finish();
  return last ? RunStatement(*last, source, &standard_input_) : Status();
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
    DASHI_RETURN_IF_ERROR(RunComplete(&splitter, source, nullptr));
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
    standard_input_.Take();
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
