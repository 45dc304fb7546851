#include "server/server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "server/connection.h"
#include "server/connection_registry.h"
#include "server/connection_setup.h"
#include "server/listener.h"
#include "server/peer_address.h"
#include "server/worker_pool.h"

namespace dashi {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kCancelAgain{50};
// The most that num_unauthenticated_max can become by a reload.
constexpr int kUnauthenticatedMax = 10'000;

int NumCores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

Status CheckAddress(const PeerAddress& address, const std::string& where,
                    const ServerOptions& options) {
  const bool is_near = address.is_loopback() || address.family == PeerAddress::Family::kLocal;
  const bool asks = !options.access_file.empty() || !options.tls_certificate_file.empty();
  if (!is_near && !asks) {
    return Status::InvalidArgument(
               fmt::format("only loopback addresses can be served without TLS and access rules: "
                           "got {}",
                           where))
        .WithHint("Give tls_certificate_file and tls_key_file, or an access_file.");
  }
  return Status();
}

}  // namespace

Status CheckServerOptions(const ServerOptions& options,
                          const std::vector<InheritedSocket>& sockets) {
  for (const InheritedSocket& socket : sockets) {
    DASHI_RETURN_IF_ERROR(CheckAddress(socket.address, socket.ToString(), options));
  }
  if (!sockets.empty()) {
    return Status();  // The host is not used.
  }
  DASHI_ASSIGN_OR_RETURN(const std::string text, IpAddressOf(options.host));
  DASHI_ASSIGN_OR_RETURN(const PeerAddress address, ParseAddress(text));
  return CheckAddress(address, options.host, options);
}

class Server::Impl {
 public:
  Impl(CurrentSetup::Pointer setup, ServerHooks hooks, std::unique_ptr<WorkerPool> workers)
      : secrets_(hooks.secrets),
        registry_(static_cast<std::size_t>(setup->options.num_connections_max),
                  static_cast<std::size_t>(setup->options.num_reserved_connections)),
        workers_(std::move(workers)),
        options_(setup->options),
        context_{CurrentSetup(std::move(setup)), std::move(hooks), *workers_, registry_},
        work_(asio::make_work_guard(io_context_)),
        accept_strand_(asio::make_strand(io_context_)) {}

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
  }

  Status Start(const std::vector<InheritedSocket>& sockets) {
    DASHI_RETURN_IF_ERROR(sockets.empty() ? ListenAtOptions() : ListenAt(sockets));
    for (const auto& listener : listeners_) {
      listener->Start();
    }
    return CatchAsStatus("start of the I/O threads", [this] {
      const int num_threads = NumCores() <= 2 ? 1 : 2;
      for (int i = 0; i < num_threads; ++i) {
        threads_.emplace_back([this] { RunIo(); });
      }
    });
  }

  void Reload(CurrentSetup::Pointer setup) { context_.setup.Set(std::move(setup)); }

  std::uint16_t port() const {
    const auto tcp = std::find_if(listeners_.begin(), listeners_.end(),
                                  [](const auto& listener) { return listener->port() != 0; });
    return tcp == listeners_.end() ? 0 : (*tcp)->port();
  }
  const std::string& socket_path() const { return socket_path_; }
  ConnectionRegistry& registry() { return registry_; }
  Counters counters() const {
    Counters counters;
    counters.num_connections = registry_.size();
    counters.num_unauthenticated = registry_.num_unadmitted();
    const WorkerPool::Load load = workers_->load();
    counters.num_workers = load.num_threads;
    counters.num_workers_blocked = load.num_blocked;
    counters.num_jobs_waiting = load.num_waiting;
    counters.num_accepted = num_accepted_;
    counters.num_turned_away = num_turned_away_;
    return counters;
  }

  void BeginStop() {
    if (stopping_.exchange(true)) {
      return;
    }
    asio::post(accept_strand_, [this] {
      for (const auto& listener : listeners_) {
        listener->Stop();
      }
      for (const auto& connection : registry_.All()) {
        connection->BeginStop();
      }
    });
  }

  bool IsResponsive(std::chrono::milliseconds timeout) {
    // Sharers: this call, and the handler, which may come later.
    const auto answer = std::make_shared<std::promise<void>>();
    const std::future<void> answered = answer->get_future();
    asio::post(accept_strand_, [answer] { answer->set_value(); });
    return answered.wait_for(timeout) == std::future_status::ready;
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

  Listener& NewListener() {
    listeners_.push_back(std::make_unique<Listener>(io_context_, accept_strand_, Greeter()));
    return *listeners_.back();
  }

  Status ListenAtOptions() {
    DASHI_RETURN_IF_ERROR(NewListener().OpenPort(options_.host, options_.port));
    if (!options_.unix_socket_directory.empty()) {
      socket_path_ = fmt::format("{}/.s.PGSQL.{}", options_.unix_socket_directory, port());
      DASHI_RETURN_IF_ERROR(NewListener().OpenSocket(socket_path_));
    }
    return Status();
  }

  Status ListenAt(const std::vector<InheritedSocket>& sockets) {
    for (const InheritedSocket& socket : sockets) {
      DASHI_RETURN_IF_ERROR(NewListener().OpenInherited(socket));
    }
    return Status();
  }

  Listener::Accepted Greeter() {
    return [this](ClientStream::Socket socket) { Greet(std::move(socket)); };
  }

  void Greet(ClientStream::Socket socket) {
    const auto num_max =
        static_cast<std::size_t>(context_.setup.Get()->options.num_unauthenticated_max);
    if (stopping_) {
      ++num_turned_away_;
      return;  // The socket closes as it goes.
    }
    // Whoever has waited longest makes room, so that clients that say nothing keep nobody out.
    while (registry_.num_unadmitted() >= num_max) {
      if (const auto oldest = registry_.TakeOldestUnadmitted()) {
        oldest->Drop();
      }
      ++num_turned_away_;
    }
    ++num_accepted_;
    error_code ignored;  // A Unix socket has neither.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto connection =
        Connection::Make(io_context_, std::move(socket), context_, next_process_id_++, secrets_());
    connection->Start();
  }

  const SecretSource secrets_;
  ConnectionRegistry registry_;
  std::unique_ptr<WorkerPool> workers_;
  const ServerOptions options_;  // those of the start
  ConnectionContext context_;
  asio::io_context io_context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::strand<asio::io_context::executor_type> accept_strand_;
  std::vector<std::unique_ptr<Listener>> listeners_;  // The same from the start on.
  std::string socket_path_;
  std::vector<std::thread> threads_;
  std::uint32_t next_process_id_ = 1;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> num_accepted_ = 0;
  std::atomic<std::uint64_t> num_turned_away_ = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                              RunnerFactory make_runner, SecretSource secrets) {
  ServerHooks hooks;
  hooks.make_runner = [make = std::move(make_runner)](const ClientIdentity& /*client*/,
                                                      const ClientControls& /*controls*/) {
    return make();
  };
  hooks.secrets = std::move(secrets);
  return Start(options, std::move(hooks));
}

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options, ServerHooks hooks,
                                              const std::vector<InheritedSocket>& sockets) {
  DASHI_RETURN_IF_ERROR(CheckServerOptions(options, sockets));
  const int num_workers =
      options.num_workers > 0 ? options.num_workers : std::max(8, 2 * NumCores());
  // One job a connection at a time, and one to let its session go.
  const std::size_t num_waiting_max =
      2 * static_cast<std::size_t>(options.num_connections_max + options.num_reserved_connections +
                                   kUnauthenticatedMax);
  DASHI_ASSIGN_OR_RETURN(auto workers, WorkerPool::Start(num_workers, num_waiting_max));
  DASHI_ASSIGN_OR_RETURN(CurrentSetup::Pointer setup, ConnectionSetup::Load(options));
  auto impl = std::make_unique<Impl>(std::move(setup), std::move(hooks), std::move(workers));
  DASHI_RETURN_IF_ERROR(impl->Start(sockets));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Status Server::Reload(const ServerOptions& options) {
  DASHI_ASSIGN_OR_RETURN(CurrentSetup::Pointer setup, ConnectionSetup::Load(options));
  impl_->Reload(std::move(setup));
  return Status();
}

std::uint16_t Server::port() const { return impl_->port(); }

const std::string& Server::socket_path() const { return impl_->socket_path(); }

std::size_t Server::num_connections() const { return impl_->registry().size(); }

Server::Counters Server::counters() const { return impl_->counters(); }

bool Server::IsResponsive(std::chrono::milliseconds timeout) {
  const Result<bool> answered = CatchAsStatus(
      "check of the server", [&]() -> Result<bool> { return impl_->IsResponsive(timeout); });
  return answered.ok() && *answered;
}

void Server::BeginStop() { impl_->BeginStop(); }

bool Server::WaitUntilIdle(std::chrono::milliseconds timeout) {
  return impl_->registry().WaitUntilEmpty(timeout);
}

void Server::CancelAll() { impl_->CancelAll(); }

}  // namespace dashi
