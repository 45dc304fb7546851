#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "server/auth/client_identity.h"
#include "server/operations/inherited_sockets.h"
#include "server/server_options.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// Returns ok when `options` can be served, at `sockets` where there are some.
///
/// Errors: kInvalidArgument for a host that is no address, and for one, or a socket, that is not a
///         loopback one without TLS and without an access_file.
Status CheckServerOptions(const ServerOptions& options,
                          const std::vector<InheritedSocket>& sockets = {});

/// Makes what runs the statements of a new connection. Called by many threads at once.
using RunnerFactory = std::function<Result<std::unique_ptr<StatementRunner>>()>;
/// Makes the same for a client that was let in.
using ClientRunnerFactory = std::function<Result<std::unique_ptr<StatementRunner>>(
    const ClientIdentity& client, const ClientControls& controls)>;
/// Returns numbers that nobody can guess. Called by many threads at once.
using SecretSource = std::function<std::uint32_t()>;

/// What a server calls.
struct ServerHooks {
  ClientRunnerFactory make_runner;
  SecretSource secrets;
  RoleLookup find_role;    ///< empty: there are no roles
  LoginObserver on_login;  ///< may be empty
};

/// Answers PostgreSQL clients on a TCP port, and on a Unix socket where the options name one; or on
/// sockets that listen already.
///
/// Threads: all methods may be called at once.
class Server {
 public:
  /// Binds the port and starts to answer; where there are `sockets`, takes those in place of what
  /// the options name.
  ///
  /// Errors: those of CheckServerOptions and of the files that the options name; kIoError when the
  ///         port or socket cannot be had.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options, ServerHooks hooks,
                                               const std::vector<InheritedSocket>& sockets = {});
  /// The same without roles.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                               RunnerFactory make_runner, SecretSource secrets);
  /// Stops, with no time to drain.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Has connections that come from now on use these options, as far as a running server takes
  /// others: not the addresses and the numbers of workers and connections. The files that they name
  /// are read again.
  ///
  /// Errors: those of the files; nothing has changed then.
  Status Reload(const ServerOptions& options);

  /// The first TCP port; 0 without one.
  std::uint16_t port() const;
  /// The path of the Unix socket that the options name; empty without one.
  const std::string& socket_path() const;
  std::size_t num_connections() const;
  /// What the server has and does now, and has done since it began.
  struct Counters {
    std::size_t num_connections = 0;
    std::size_t num_unauthenticated = 0;  ///< of them
    std::size_t num_workers = 0;
    std::size_t num_workers_blocked = 0;  ///< that wait for their clients
    std::size_t num_jobs_waiting = 0;     ///< for a worker
    std::uint64_t num_accepted = 0;
    std::uint64_t num_turned_away = 0;  ///< because there were too many
  };
  Counters counters() const;

  /// Returns whether the threads that serve the sockets did something small within `timeout`.
  bool IsResponsive(std::chrono::milliseconds timeout);

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
