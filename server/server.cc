#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <optional>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "server/connection.h"
#include "server/connection_registry.h"
#include "server/worker_pool.h"

namespace dashi {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Connections above num_connections_max that may still ask to cancel, or be told "too many".
constexpr std::size_t kUnadmittedConnectionsMax = 64;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kCancelAgain{50};

int NumCores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

Result<asio::ip::address> AddressOf(const std::string& host) {
  error_code error;
  const asio::ip::address address =
      asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) {
    return Status::InvalidArgument(fmt::format("not an IP address: {}", host))
        .WithHint("Use 127.0.0.1, ::1 or localhost.");
  }
  if (!address.is_loopback()) {
    return Status::InvalidArgument(
               fmt::format("only loopback addresses can be served without authentication: got {}",
                           host))
        .WithHint("Listen on 127.0.0.1 and let others in through an SSH tunnel.");
  }
  return address;
}

}  // namespace

Status CheckServerOptions(const ServerOptions& options) { return AddressOf(options.host).status(); }

class Server::Impl {
 public:
  Impl(const ServerOptions& options, RunnerFactory make_runner, SecretSource secrets,
       std::unique_ptr<WorkerPool> workers)
      : secrets_(std::move(secrets)),
        registry_(static_cast<std::size_t>(options.num_connections_max)),
        workers_(std::move(workers)),
        options_(options),
        context_{CurrentOptions(std::make_shared<const ServerOptions>(options)),
                 std::move(make_runner), *workers_, registry_},
        work_(asio::make_work_guard(io_context_)),
        accept_strand_(asio::make_strand(io_context_)),
        acceptor_(accept_strand_),
        accept_timer_(accept_strand_) {}

  ~Impl() {
    BeginStop();
    // A cancel that comes between two statements is forgotten, so it is said again.
    do {
      CancelAll();
    } while (!registry_.WaitUntilEmpty(kCancelAgain));
    workers_->Stop();
    work_.reset();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    if (spare_fd_ >= 0) {
      ::close(spare_fd_);
    }
  }

  Status Start() {
    DASHI_ASSIGN_OR_RETURN(const asio::ip::address address, AddressOf(options_.host));
    const tcp::endpoint endpoint(address, options_.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
      acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (!error) {
      acceptor_.non_blocking(true, error);
      port_ = acceptor_.local_endpoint(error).port();
    }
    if (error) {
      return Status::IoError(fmt::format("cannot listen on {}:{}: {}", options_.host, options_.port,
                                         error.message()))
          .WithHint("Another server may have this port; choose one with --port.");
    }
    spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    asio::post(accept_strand_, [this] { Accept(); });
    return CatchAsStatus("start of the I/O threads", [this] {
      const int num_threads = NumCores() <= 2 ? 1 : 2;
      for (int i = 0; i < num_threads; ++i) {
        threads_.emplace_back([this] { RunIo(); });
      }
    });
  }

  void Reload(const ServerOptions& options) {
    context_.options.Set(std::make_shared<const ServerOptions>(options));
  }

  std::uint16_t port() const { return port_; }
  ConnectionRegistry& registry() { return registry_; }

  void BeginStop() {
    if (stopping_.exchange(true)) {
      return;
    }
    asio::post(accept_strand_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      accept_timer_.cancel();
      for (const auto& connection : registry_.All()) {
        connection->BeginStop();
      }
    });
  }

  void CancelAll() {
    for (const auto& connection : registry_.All()) {
      connection->CancelQuery();
    }
  }

 private:
  void RunIo() {
    while (true) {
      const Status status = CatchAsStatus("server I/O", [this] { io_context_.run(); });
      if (status.ok()) {
        return;
      }
      // The handler that failed let go of its connection, which is thereby closed.
      LogError("{}", status.ToString());
    }
  }

  void Accept() {
    if (stopping_) {
      return;
    }
    acceptor_.async_accept(io_context_, [this](const error_code& error, tcp::socket socket) {
      if (stopping_ || error == asio::error::operation_aborted) {
        return;
      }
      if (error) {
        HandleAcceptError(error);
        return;
      }
      Accept();
      Greet(std::move(socket));
    });
  }

  void Greet(tcp::socket socket) {
    const std::size_t num_max =
        static_cast<std::size_t>(options_.num_connections_max) + kUnadmittedConnectionsMax;
    if (registry_.size() >= num_max) {
      return;  // The socket closes as it goes.
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto connection =
        Connection::Make(io_context_, std::move(socket), context_, next_process_id_++, secrets_());
    connection->Start();
  }

  void HandleAcceptError(const error_code& error) {
    LogWarning("cannot accept a connection: {}", error.message());
    const bool out_of_descriptors = error == asio::error::no_descriptors || error.value() == ENFILE;
    if (out_of_descriptors && spare_fd_ >= 0) {
      // Give up the spare descriptor for a moment, so that the client is turned away, not left.
      ::close(spare_fd_);
      error_code ignored;
      { const tcp::socket turned_away = acceptor_.accept(io_context_, ignored); }
      spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    accept_timer_.expires_after(kAcceptPause);
    accept_timer_.async_wait([this](const error_code& timer_error) {
      if (!timer_error) {
        Accept();
      }
    });
  }

  const SecretSource secrets_;
  ConnectionRegistry registry_;
  std::unique_ptr<WorkerPool> workers_;
  const ServerOptions options_;  // those of the start
  ConnectionContext context_;
  asio::io_context io_context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::strand<asio::io_context::executor_type> accept_strand_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  std::uint32_t next_process_id_ = 1;
  int spare_fd_ = -1;  // kept for the day when there are no more
  std::atomic<bool> stopping_ = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                              RunnerFactory make_runner, SecretSource secrets) {
  DASHI_RETURN_IF_ERROR(CheckServerOptions(options));
  const int num_workers =
      options.num_workers > 0 ? options.num_workers : std::max(8, 2 * NumCores());
  // One job a connection at a time, and one to let its session go.
  const std::size_t num_waiting_max =
      2 * (static_cast<std::size_t>(options.num_connections_max) + kUnadmittedConnectionsMax);
  DASHI_ASSIGN_OR_RETURN(auto workers, WorkerPool::Start(num_workers, num_waiting_max));
  auto impl = std::make_unique<Impl>(options, std::move(make_runner), std::move(secrets),
                                     std::move(workers));
  DASHI_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::Reload(const ServerOptions& options) { impl_->Reload(options); }

std::uint16_t Server::port() const { return impl_->port(); }

std::size_t Server::num_connections() const { return impl_->registry().size(); }

void Server::BeginStop() { impl_->BeginStop(); }

bool Server::WaitUntilIdle(std::chrono::milliseconds timeout) {
  return impl_->registry().WaitUntilEmpty(timeout);
}

void Server::CancelAll() { impl_->CancelAll(); }

}  // namespace dashi
