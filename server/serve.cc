#include "server/serve.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/status.h"
#include "sql/shell/session_runner.h"

namespace dashi {

namespace {

constexpr std::chrono::milliseconds kDrainStep{50};

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

void Drain(Server& server, std::chrono::milliseconds drain_time,
           const StopRequests& stop_requests) {
  server.BeginStop();
  std::chrono::milliseconds waited{0};
  while (waited < drain_time && stop_requests.count() < 2) {
    if (server.WaitUntilIdle(kDrainStep)) {
      return;
    }
    waited += kDrainStep;
  }
  server.CancelAll();
}

}  // namespace

void StopRequests::Add() {
  const MutexLock lock(mutex_);
  ++count_;
  added_.NotifyAll();
}

int StopRequests::count() const {
  const MutexLock lock(mutex_);
  return count_;
}

void StopRequests::Wait() {
  const MutexLock lock(mutex_);
  while (count_ == 0) {
    added_.Wait(mutex_);
  }
}

Status Serve(Database& database, const ServerOptions& options, StopRequests& stop_requests,
             ByteSink& log) {
  const auto make_runner = [&database]() -> Result<std::unique_ptr<StatementRunner>> {
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, database.NewSession());
    return std::unique_ptr<StatementRunner>(std::make_unique<SessionRunner>(std::move(session)));
  };
  DASHI_ASSIGN_OR_RETURN(const auto server, Server::Start(options, make_runner, UnguessableNumber));
  DASHI_RETURN_IF_ERROR(
      Tell(log, fmt::format("dashi: serving {} on {} port {}. Connect with: psql -h {} -p {}",
                            database.directory(), options.host, server->port(), options.host,
                            server->port())));
  stop_requests.Wait();
  DASHI_RETURN_IF_ERROR(Tell(log, "dashi: stopping"));
  Drain(*server, options.drain_time, stop_requests);
  return Status();
}

}  // namespace dashi
