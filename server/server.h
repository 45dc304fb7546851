#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dashi/status.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5433;  ///< 0 takes any free one
  int num_connections_max = 100;
  int num_workers = 0;  ///< threads that run SQL; 0: two per core, at least 8
  /// From accepting a connection to letting the client in.
  std::chrono::milliseconds startup_deadline{10'000};
  /// Bytes on their way to one client before its query waits.
  std::size_t send_queue_bytes_max = std::size_t{4} << 20;
  /// A client that reads nothing for this long is dropped.
  std::chrono::milliseconds send_stalled_max{60'000};
  /// A client that keeps others from loading because its COPY sends nothing for this long is
  /// refused it.
  std::chrono::milliseconds copy_stalled_max{60'000};
  /// How long Stop lets running queries go on before it cancels them.
  std::chrono::milliseconds drain_time{10'000};
};

/// Returns ok when `options` can be served.
///
/// Errors: kInvalidArgument for a host that is no address or not a loopback one: there is no
///         authentication yet.
Status CheckServerOptions(const ServerOptions& options);

/// Makes what runs the statements of a new connection. Called by many threads at once.
using RunnerFactory = std::function<Result<std::unique_ptr<StatementRunner>>()>;
/// Returns numbers that nobody can guess. Called by many threads at once.
using SecretSource = std::function<std::uint32_t()>;

/// Answers PostgreSQL clients on a TCP port.
///
/// Threads: all methods may be called at once.
class Server {
 public:
  /// Binds the port and starts to answer.
  ///
  /// Errors: those of CheckServerOptions; kIoError when the port cannot be had.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                               RunnerFactory make_runner, SecretSource secrets);
  /// Stops, with no time to drain.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::size_t num_connections() const;

  /// Takes no more connections, tells idle clients, lets running queries end.
  void BeginStop();
  /// Waits until all connections have ended or `timeout` is over; returns whether they have.
  bool WaitUntilIdle(std::chrono::milliseconds timeout);
  /// Cancels what still runs.
  void CancelAll();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi
