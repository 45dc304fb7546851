#include "server/serve.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/status.h"
#include "server/server.h"
#include "sql/shell/session_runner.h"

namespace dashi {

namespace {

constexpr std::chrono::milliseconds kDrainStep{50};

constexpr std::string_view kNotReloaded = "dashi: not reloaded, the settings stay as they are: ";

std::uint32_t UnguessableNumber() {
  std::uint32_t number = 0;
  const int done = RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof(number));
  DASHI_CHECK(done == 1);  // OpenSSL fails only when the system has no randomness at all.
  return number;
}

Status Tell(ByteSink& log, const std::string& line) {
  DASHI_RETURN_IF_ERROR(log.Write(line + "\n"));
  return log.Flush();
}

// Whatever the sources say wrong, the server goes on.
Status Reload(Server& server, const ConfigurationSources& sources, Configuration* running,
              ByteSink& log) {
  Result<Configuration> loaded = LoadConfiguration(sources);
  const Status usable = loaded.ok() ? CheckServerOptions(loaded->options) : loaded.status();
  if (!usable.ok()) {
    return Tell(log, fmt::format("{}{}", kNotReloaded, usable.message()));
  }
  ConfigurationChange change = ChangeOf(*running, *loaded);
  const Status reloaded = server.Reload(change.next.options);
  if (!reloaded.ok()) {
    return Tell(log, fmt::format("{}{}", kNotReloaded, reloaded.message()));
  }
  *running = std::move(change.next);
  std::string line = "dashi: reloaded";
  line += change.changed.empty() ? "; no setting changed"
                                 : fmt::format("; changed: {}", fmt::join(change.changed, ", "));
  if (!change.need_restart.empty()) {
    line += fmt::format("; needs a restart: {}", fmt::join(change.need_restart, ", "));
  }
  return Tell(log, line);
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

Status Serve(Database& database, Configuration configuration, const ConfigurationSources& sources,
             ServeRequests& requests, ByteSink& log) {
  const auto make_runner = [&database]() -> Result<std::unique_ptr<StatementRunner>> {
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, database.NewSession());
    return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(session)));
  };
  const std::string host = configuration.options.host;
  DASHI_ASSIGN_OR_RETURN(const auto server,
                         Server::Start(configuration.options, make_runner, UnguessableNumber));
  const std::string socket =
      server->socket_path().empty() ? "" : fmt::format(" and {}", server->socket_path());
  DASHI_RETURN_IF_ERROR(Tell(
      log, fmt::format("dashi: serving {} on {} port {}{}. Connect with: psql -h {} -p {}",
                       database.directory(), host, server->port(), socket, host, server->port())));
  while (requests.Wait() == ServeRequests::Kind::kReload) {
    DASHI_RETURN_IF_ERROR(Reload(*server, sources, &configuration, log));
  }
  DASHI_RETURN_IF_ERROR(Tell(log, "dashi: stopping"));
  Drain(*server, configuration.options.drain_time, requests);
  return Status();
}

}  // namespace dashi
