#include "server/serve.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/logging.h"
#include "base/status.h"
#include "server/auth/audit_log.h"
#include "server/connection_setup.h"
#include "server/operations/probes.h"
#include "server/operations/service_watchdog.h"
#include "server/operations/slow_log.h"
#include "server/operations/statement_metrics.h"
#include "server/server.h"
#include "sql/roles/role_directory.h"
#include "sql/schedule/scheduler.h"
#include "sql/shell/session_runner.h"

namespace dashi {

namespace {

constexpr std::chrono::milliseconds kDrainStep{50};

constexpr std::string_view kNotReloaded = "not reloaded, the settings stay as they are: ";

std::uint32_t UnguessableNumber() {
  std::uint32_t number = 0;
  const int done = RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof(number));
  DASHI_CHECK(done == 1);  // OpenSSL fails only when the system has no randomness at all.
  return number;
}

Status Tell(ByteSink& log, const std::string& message) {
  const LogFormat format = CurrentLogFormat();
  DASHI_RETURN_IF_ERROR(
      log.Write(format == LogFormat::kText
                    ? fmt::format("dashi: {}\n", message)
                    : FormatLogLine(format, LogLevel::kInfo, Clock::System().NowMicros(), message,
                                    CurrentLogSubject())));
  return log.Flush();
}

/// What the sessions of clients tell, and what they begin with.
struct Observers {
  AuditLog audit;
  SlowLog slow_log;
  StatementMetrics metrics;
  std::atomic<std::int64_t> slow_ms = 0;
  std::atomic<std::uint64_t> statement_memory_bytes_max = 0;

  Status Open(const ServerOptions& options) {
    DASHI_RETURN_IF_ERROR(audit.Open(options.audit_log_file));
    DASHI_RETURN_IF_ERROR(slow_log.Open(options.slow_log_file));
    slow_ms = options.slow_statement.count();
    statement_memory_bytes_max = options.statement_memory_bytes_max;
    return Status();
  }
};

// The session of a client that was let in.
Result<std::unique_ptr<StatementRunner>> MakeRunner(const ServedDatabases& databases,
                                                    Observers& observers,
                                                    const ClientIdentity& client,
                                                    const ClientControls& controls) {
  DASHI_ASSIGN_OR_RETURN(Database* const database, databases.Find(client.database));
  SessionOptions options;
  options.other_databases = databases.Others(*database);
  options.user = client.user;
  options.unrestricted = client.unrestricted;
  options.file_directories = client.file_directories;
  options.on_audited = [&observers, client](const AuditedStatement& statement) {
    observers.audit.Statement(client, statement);
  };
  options.id = controls.process_id;
  options.client = client.address;
  options.on_cancel = controls.cancel;
  options.on_terminate = controls.terminate;
  options.on_statement = [&observers, client,
                          id = controls.process_id](const StatementReport& report) {
    observers.metrics.Note(report);
    observers.slow_log.Note(client, id, report);
  };
  if (const std::int64_t slow_ms = observers.slow_ms; slow_ms > 0) {
    options.slow_statement = std::chrono::milliseconds(slow_ms);
  }
  options.statement_memory_bytes_max = observers.statement_memory_bytes_max;
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, database->NewSession(options));
  return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(session)));
}

ServerHooks HooksOf(const ServedDatabases& databases, Observers& observers) {
  ServerHooks hooks;
  hooks.make_runner = [&](const ClientIdentity& client, const ClientControls& controls) {
    return MakeRunner(databases, observers, client, controls);
  };
  hooks.secrets = UnguessableNumber;
  hooks.find_role = [&databases](const std::string& name,
                                 const std::string& user) -> Result<internal::RoleLogin> {
    DASHI_ASSIGN_OR_RETURN(Database* const database, databases.Find(name));
    return internal::RoleDirectory::Find(*database, user, Clock::System().NowMicros());
  };
  hooks.on_login = [&observers](const LoginEvent& event) { observers.audit.Login(event); };
  return hooks;
}

// The schedules of each database, which go by the settings of the start.
Result<std::vector<std::unique_ptr<sql::Scheduler>>> StartSchedulers(
    const ServedDatabases& databases, const ServerOptions& options, Observers& observers) {
  DASHI_ASSIGN_OR_RETURN(const auto setup, ConnectionSetup::Load(options));
  std::vector<std::unique_ptr<sql::Scheduler>> schedulers;
  schedulers.reserve(databases.all().size());
  for (const std::unique_ptr<Database>& database : databases.all()) {
    sql::ScheduleRunner::Options runner;
    runner.file_directories = setup->file_directories;
    runner.on_audited = [&observers, name = database->name()](const std::string& role,
                                                              const AuditedStatement& statement) {
      ClientIdentity client;
      client.user = role;
      client.database = name;
      client.address = "schedule";
      observers.audit.Statement(client, statement);
    };
    Result<std::unique_ptr<sql::Scheduler>> scheduler =
        sql::Scheduler::Start(*database, std::move(runner));
    if (scheduler.ok()) {
      schedulers.push_back(*std::move(scheduler));
    } else {  // Clients are served all the same.
      LogError("the schedules of {} do not run: {}", database->directory(),
               scheduler.status().message());
    }
  }
  return schedulers;
}

// Returns what became of it. Whatever the sources say wrong, the server goes on.
std::string Reload(Server& server, Observers& observers, const ConfigurationSources& sources,
                   const std::vector<InheritedSocket>& sockets, Configuration* running) {
  Result<Configuration> loaded = LoadConfiguration(sources);
  const Status usable =
      loaded.ok() ? CheckServerOptions(loaded->options, sockets) : loaded.status();
  if (!usable.ok()) {
    return fmt::format("{}{}", kNotReloaded, usable.message());
  }
  ConfigurationChange change = ChangeOf(*running, *loaded);
  // What is wrong with a file is found before anything changes.
  Status reloaded = ConnectionSetup::Load(change.next.options).status();
  if (reloaded.ok()) {
    reloaded = observers.Open(change.next.options);
  }
  if (reloaded.ok()) {
    reloaded = server.Reload(change.next.options);
  }
  if (!reloaded.ok()) {
    return fmt::format("{}{}", kNotReloaded, reloaded.message());
  }
  *running = std::move(change.next);
  SetLogFormat(running->options.log_format);
  std::string line = "reloaded";
  line += change.changed.empty() ? "; no setting changed"
                                 : fmt::format("; changed: {}", fmt::join(change.changed, ", "));
  if (!change.need_restart.empty()) {
    line += fmt::format("; needs a restart: {}", fmt::join(change.need_restart, ", "));
  }
  return line;
}

// Where clients find the server.
std::string Whereabouts(const Server& server, const std::string& host,
                        const std::vector<InheritedSocket>& sockets) {
  if (sockets.empty()) {
    const std::string socket =
        server.socket_path().empty() ? "" : fmt::format(" and {}", server.socket_path());
    return fmt::format("{} port {}{}. Connect with: psql -h {} -p {}", host, server.port(), socket,
                       host, server.port());
  }
  std::vector<std::string> names;
  names.reserve(sockets.size());
  for (const InheritedSocket& socket : sockets) {
    names.push_back(fmt::format("{} ({})", socket.ToString(), socket.name));
  }
  return fmt::format(
      "the service manager's sockets {}, not on host, port and "
      "unix_socket_directory",
      fmt::join(names, ", "));
}

void Drain(Server& server, std::chrono::milliseconds drain_time, const ServeRequests& requests) {
  server.BeginStop();
  std::chrono::milliseconds waited{0};
  while (waited < drain_time && requests.num_stops() < 2) {
    if (server.WaitUntilIdle(kDrainStep)) {
      return;
    }
    waited += kDrainStep;
  }
  server.CancelAll();
}

}  // namespace

void ServeRequests::Add(Kind kind) {
  const MutexLock lock(mutex_);
  num_stops_ += kind == Kind::kStop ? 1 : 0;
  reload_ = reload_ || kind == Kind::kReload;
  added_.NotifyAll();
}

int ServeRequests::num_stops() const {
  const MutexLock lock(mutex_);
  return num_stops_;
}

ServeRequests::Kind ServeRequests::Wait() {
  const MutexLock lock(mutex_);
  while (num_stops_ == 0 && !reload_) {
    added_.Wait(mutex_);
  }
  if (num_stops_ > 0) {
    return Kind::kStop;
  }
  reload_ = false;
  return Kind::kReload;
}

Status Serve(ServedDatabases& databases, Configuration configuration,
             const ConfigurationSources& sources, ServiceManager& manager, ServeRequests& requests,
             ByteSink& log) {
  Observers observers;
  DASHI_RETURN_IF_ERROR(observers.Open(configuration.options));
  const std::string host = configuration.options.host;
  // Before there are clients, whose RUN SCHEDULE would pass for what another process has left.
  std::vector<std::unique_ptr<sql::Scheduler>> schedulers;
  if (configuration.options.runs_schedules && !configuration.options.read_only &&
      !configuration.options.follow) {
    DASHI_ASSIGN_OR_RETURN(schedulers,
                           StartSchedulers(databases, configuration.options, observers));
  }
  DASHI_ASSIGN_OR_RETURN(
      const auto server,
      Server::Start(configuration.options, HooksOf(databases, observers), manager.sockets));
  Probes probes(databases, *server, observers.metrics);
  DASHI_RETURN_IF_ERROR(
      probes.Start(configuration.options.http_host, configuration.options.http_port));
  DASHI_RETURN_IF_ERROR(Tell(log, fmt::format("serving {} on {}", databases.ToString(),
                                              Whereabouts(*server, host, manager.sockets))));
  const std::string served = fmt::format("Serving {}", databases.ToString());
  manager.notifier->TellReady(served);
  const ServiceWatchdog watchdog(*manager.notifier, [&server](std::chrono::milliseconds timeout) {
    return server->IsResponsive(timeout);
  });
  while (requests.Wait() == ServeRequests::Kind::kReload) {
    manager.notifier->TellReloading();
    const std::string outcome =
        Reload(*server, observers, sources, manager.sockets, &configuration);
    DASHI_RETURN_IF_ERROR(Tell(log, outcome));
    manager.notifier->TellReady(fmt::format("{}; {}", served, outcome));
  }
  probes.BeginStop();
  manager.notifier->TellStopping();
  DASHI_RETURN_IF_ERROR(Tell(log, "stopping"));
  Drain(*server, configuration.options.drain_time, requests);
  schedulers.clear();
  return Status();
}

}  // namespace dashi
