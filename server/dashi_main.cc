// The command `dashi`: puts the parts together and ends with status 0 or 1.

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/status.h"
#include "dashi/database.h"
#include "server/command_line.h"
#include "server/configuration.h"
#include "server/connection_setup.h"
#include "server/maintenance_commands.h"
#include "server/operations/inherited_sockets.h"
#include "server/operations/service_notifier.h"
#include "server/recover_command.h"
#include "server/run_schedules_command.h"
#include "server/serve.h"
#include "server/served_databases.h"
#include "server/server.h"
#include "sql/shell/byte_sink.h"
#include "sql/shell/console.h"
#include "sql/shell/error_format.h"
#include "sql/shell/line_reader.h"
#include "sql/shell/name_source.h"
#include "sql/shell/script_input.h"
#include "sql/shell/script_runner.h"
#include "sql/shell/session_runner.h"
#include "sql/shell/shell.h"
#include "sql/shell/signal_watcher.h"

namespace dashi {
namespace {

struct StandardStreams {
  FileSink out{STDOUT_FILENO, "standard output"};
  FileSink err{STDERR_FILENO, "standard error"};
  Console console{.out = out,
                  .err = err,
                  .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
                  .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
                  .color = ColorsWanted()};
};

Result<std::unique_ptr<Database>> OpenDatabase(const CommandLine& command_line) {
  OpenOptions options;
  options.create_if_missing = command_line.create_if_missing;
  options.read_only = command_line.read_only;
  options.follow = command_line.follow;
  options.num_threads = command_line.num_threads;
  options.memory_bytes_max = command_line.memory_bytes_max;
  return Database::Open(command_line.directory, options);
}

// "data/shop.db/" -> "shop"
std::string DatabaseName(const std::string& directory) {
  std::filesystem::path path(directory);
  if (!path.has_filename()) {
    path = path.parent_path();
  }
  const std::string name = path.stem().string();
  return name.empty() || name == "." || name == ".." ? "dashi" : name;
}

ScriptRunner::Options RunnerOptions(const CommandLine& command_line) {
  ScriptRunner::Options options;
  options.format = command_line.format;
  return options;
}

// The first Ctrl-C cancels the running statement; where nothing runs, or for the second time, it
// ends the process as it would have done without us.
Result<std::unique_ptr<SignalWatcher>> WatchForExec(ScriptRunner& runner) {
  auto num_interrupts = std::make_shared<std::atomic<int>>(0);  // Sharers: the watcher's function.
  return SignalWatcher::Start({SIGINT}, [&runner, num_interrupts](int /*signal*/) {
    if (num_interrupts->fetch_add(1) > 0 || !runner.CancelRunning()) {
      std::signal(SIGINT, SIG_DFL);
      std::raise(SIGINT);
    }
  });
}

Result<int> RunExec(const CommandLine& command_line, StandardStreams& streams) {
  DASHI_ASSIGN_OR_RETURN(const auto database, OpenDatabase(command_line));
  DASHI_ASSIGN_OR_RETURN(auto session, database->NewSession());
  SessionRunner session_runner(std::move(session));
  ScriptRunner runner(session_runner, streams.console, RunnerOptions(command_line));
  DASHI_ASSIGN_OR_RETURN(const auto watcher, WatchForExec(runner));
  std::vector<ScriptInput> inputs = command_line.inputs;
  if (inputs.empty()) {
    if (::isatty(STDIN_FILENO) == 1) {
      runner.Print("Reading SQL from the terminal; end with Ctrl-D. (dashi shell is friendlier.)");
    }
    inputs.push_back({ScriptInput::Kind::kFile, "-"});
  }
  const std::unique_ptr<LineReader> no_lines = MakeStreamLineReader(STDIN_FILENO);
  Shell shell(runner, *no_lines, streams.console, DatabaseName(command_line.directory));
  return RunInputs(inputs, runner, &shell);
}

Result<int> RunShell(const CommandLine& command_line, StandardStreams& streams) {
  std::error_code error;
  const bool is_new = !std::filesystem::exists(command_line.directory, error);
  DASHI_ASSIGN_OR_RETURN(const auto database, OpenDatabase(command_line));
  DASHI_ASSIGN_OR_RETURN(auto session, database->NewSession());
  SessionRunner session_runner(std::move(session));
  DASHI_ASSIGN_OR_RETURN(auto names_session, database->NewSession());
  SessionRunner names_runner(std::move(names_session));
  DatabaseNames names(names_runner);
  ScriptRunner runner(session_runner, streams.console, RunnerOptions(command_line));
  std::unique_ptr<LineReader> line_reader;
  if (::isatty(STDIN_FILENO) == 1 && streams.console.out_is_terminal) {
    DASHI_ASSIGN_OR_RETURN(line_reader, OpenReadlineLineReader(DefaultHistoryFile()));
    runner.Print("dashi " + std::string(Version()) + ". Type \\? for help, \\q to leave.");
    if (is_new) {
      runner.Print("A new database was made: " + command_line.directory);
    }
  } else {
    line_reader = MakeStreamLineReader(STDIN_FILENO);
  }
  Shell shell(runner, *line_reader, streams.console, DatabaseName(command_line.directory));
  shell.CompleteFrom(names);
  DASHI_ASSIGN_OR_RETURN(
      const auto watcher,
      SignalWatcher::Start({SIGINT}, [&shell](int /*signal*/) { shell.Interrupt(); }));
  return shell.Run();
}

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value =
      std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): see FindServiceManager
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// Reads what the service manager's variables say, and removes them: they are not for programs that
// this one may start. To be called while there is one thread.
Result<ServiceManager> FindServiceManager() {
  ServiceManager manager;
  manager.notifier = ServiceNotifier::Open(EnvironmentVariable, ::getpid());
  Result<std::vector<InheritedSocket>> sockets =
      FindInheritedSockets(EnvironmentVariable, ::getpid());
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID",
                           "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  }
  DASHI_ASSIGN_OR_RETURN(manager.sockets, std::move(sockets));
  return manager;
}

ConfigurationSources SourcesOf(const CommandLine& command_line) {
  ConfigurationSources sources;
  sources.file = command_line.config_file;
  sources.flags = command_line.settings;
  sources.environment = EnvironmentVariable;
  return sources;
}

Result<int> RunServe(const CommandLine& command_line, StandardStreams& streams) {
  const ConfigurationSources sources = SourcesOf(command_line);
  DASHI_ASSIGN_OR_RETURN(Configuration configuration, LoadConfiguration(sources));
  const ServerOptions& options = configuration.options;
  if (!command_line.check_config) {
    SetLogFormat(options.log_format);
  }
  DASHI_ASSIGN_OR_RETURN(ServiceManager manager, FindServiceManager());
  // A wrong address is told before the database is opened.
  DASHI_RETURN_IF_ERROR(CheckServerOptions(options, manager.sockets));
  DASHI_RETURN_IF_ERROR(ConnectionSetup::Load(options).status());
  if (command_line.check_config) {
    DASHI_RETURN_IF_ERROR(streams.out.Write(FormatConfiguration(configuration)));
    return 0;
  }
  ServeRequests requests;
  DASHI_ASSIGN_OR_RETURN(
      const auto watcher, SignalWatcher::Start({SIGINT, SIGTERM, SIGHUP}, [&requests](int signal) {
        requests.Add(signal == SIGHUP ? ServeRequests::Kind::kReload : ServeRequests::Kind::kStop);
      }));
  OpenOptions open;
  open.create_if_missing = false;
  open.read_only = options.read_only || options.follow;
  open.follow = options.follow;
  open.num_threads = options.num_threads;
  open.memory_bytes_max = options.memory_bytes_max;
  manager.notifier->TellStatus(
      fmt::format("Opening {}", fmt::join(command_line.served_directories, ", ")));
  DASHI_ASSIGN_OR_RETURN(auto databases,
                         ServedDatabases::Open(command_line.served_directories, open));
  DASHI_RETURN_IF_ERROR(
      Serve(databases, std::move(configuration), sources, manager, requests, streams.err));
  return 0;
}

Result<int> RunAction(const CommandLine& command_line, StandardStreams& streams) {
  switch (command_line.action) {
    case CommandLine::Action::kExec:
      return RunExec(command_line, streams);
    case CommandLine::Action::kShell:
      return RunShell(command_line, streams);
    case CommandLine::Action::kServe:
      return RunServe(command_line, streams);
    case CommandLine::Action::kRecover:
      return RunRecover(command_line, streams.console);
    case CommandLine::Action::kCheck:
      return RunCheck(command_line, streams.console);
    case CommandLine::Action::kListBackups:
      return RunListBackups(command_line, streams.console);
    case CommandLine::Action::kRestore:
      return RunRestore(command_line, streams.console);
    case CommandLine::Action::kRunSchedules:
      return RunSchedules(command_line, streams.console);
    case CommandLine::Action::kPrint:
      break;
  }
  DASHI_RETURN_IF_ERROR(streams.err.Write(command_line.error));
  DASHI_RETURN_IF_ERROR(streams.out.Write(command_line.output));
  return command_line.exit_status;
}

// Of a server whose log is JSON it is a line of that too.
std::string ErrorText(const Status& status) {
  const LogFormat format = CurrentLogFormat();
  if (format == LogFormat::kText) {
    return FormatError(status, "");
  }
  std::string message(status.message());
  if (!status.hint().empty()) {
    message += fmt::format(" ({})", status.hint());
  }
  return FormatLogLine(format, LogLevel::kError, Clock::System().NowMicros(), message,
                       CurrentLogSubject());
}

int Main(const std::vector<std::string>& arguments) {
  StandardStreams streams;
  // A reader that goes away is an error of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  Result<int> outcome = CatchAsStatus(
      "dashi", [&]() -> Result<int> { return RunAction(ParseCommandLine(arguments), streams); });
  int exit_status = outcome.ok() ? *outcome : 1;
  if (!outcome.ok()) {
    streams.err.Write(ErrorText(outcome.status())).IgnoreError("nowhere to report it");
  }
  const Status flushed = streams.out.Flush();
  if (!flushed.ok()) {
    exit_status = 1;
    streams.err.Write(ErrorText(flushed)).IgnoreError("nowhere to report it");
  }
  streams.err.Flush().IgnoreError("nowhere to report it");
  return exit_status;
}

}  // namespace
}  // namespace dashi

int main(int argc, char** argv) { return dashi::Main({argv + (argc > 0 ? 1 : 0), argv + argc}); }
