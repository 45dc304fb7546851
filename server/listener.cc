#include "server/listener.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr mode_t kSocketMode = 0700;

Status CannotListen(const std::string& where, const error_code& error) {
  return Status::IoError(fmt::format("cannot listen on {}: {}", where, error.message()));
}

// Removes a socket on which nobody listens any more.
Status RemoveAbandoned(asio::io_context& io_context,
                       const asio::local::stream_protocol::endpoint& endpoint) {
  struct stat about = {};
  const std::string path = endpoint.path();
  if (::lstat(path.c_str(), &about) != 0 || !S_ISSOCK(about.st_mode)) {
    return Status();  // What else may be there, bind says.
  }
  asio::local::stream_protocol::socket probe(io_context);
  error_code error;
  probe.connect(endpoint, error);
  if (error != asio::error::connection_refused) {
    return Status::IoError(fmt::format("cannot listen on {}: another server does", path));
  }
  ::unlink(path.c_str());
  return Status();
}

}  // namespace

Result<std::string> IpAddressOf(const std::string& host) {
  error_code error;
  const asio::ip::address address =
      asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) {
    return Status::InvalidArgument(fmt::format("not an IP address: {}", host))
        .WithHint("Use 127.0.0.1, ::1 or localhost.");
  }
  return address.to_string();
}

Listener::Listener(asio::io_context& io_context, Strand strand, Accepted accepted)
    : io_context_(io_context),
      strand_(std::move(strand)),
      accepted_(std::move(accepted)),
      acceptor_(strand_),
      timer_(strand_) {}

Listener::~Listener() {
  if (spare_fd_ >= 0) {
    ::close(spare_fd_);
  }
  if (!socket_path_.empty()) {
    ::unlink(socket_path_.c_str());
  }
}

Status Listener::OpenPort(const std::string& host, std::uint16_t port) {
  DASHI_ASSIGN_OR_RETURN(const std::string address, IpAddressOf(host));
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address), port);
  const std::string where = fmt::format("{}:{}", host, port);
  Status opened = Open(endpoint, /*reuses_address=*/true, where);
  if (!opened.ok()) {
    return std::move(opened).WithHint("Another server may have this port; choose one with --port.");
  }
  error_code error;
  const Endpoint bound = acceptor_.local_endpoint(error);
  asio::ip::tcp::endpoint local;
  if (!error && bound.size() <= local.capacity()) {
    std::memcpy(local.data(), bound.data(), bound.size());
    port_ = local.port();
  }
  return error ? CannotListen(where, error) : Status();
}

Status Listener::OpenSocket(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Status::InvalidArgument(fmt::format("the path of a Unix socket has at most {} bytes: {}",
                                               sizeof(sockaddr_un::sun_path) - 1, path));
  }
  const asio::local::stream_protocol::endpoint endpoint(path);
  DASHI_RETURN_IF_ERROR(RemoveAbandoned(io_context_, endpoint));
  // The socket is not to be open to others even for a moment.
  const mode_t mask = ::umask(static_cast<mode_t>(~kSocketMode & 0777U));
  Status opened = Open(endpoint, /*reuses_address=*/false, path);
  ::umask(mask);
  if (opened.ok()) {
    socket_path_ = path;
  }
  return opened;
}

Status Listener::OpenInherited(const InheritedSocket& socket) {
  const bool is_local = socket.family == AF_UNIX;
  error_code error;
  acceptor_.assign(
      asio::generic::stream_protocol(socket.family, is_local ? 0 : static_cast<int>(IPPROTO_TCP)),
      socket.descriptor, error);
  if (!error) {
    acceptor_.non_blocking(true, error);
  }
  spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  port_ = socket.port;
  return error ? CannotListen(socket.ToString(), error) : Status();
}

Status Listener::Open(const Endpoint& endpoint, bool reuses_address, const std::string& where) {
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error && reuses_address) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(endpoint, error);
  }
  if (!error) {
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
  }
  if (!error) {
    acceptor_.non_blocking(true, error);
  }
  spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return error ? CannotListen(where, error) : Status();
}

void Listener::Start() {
  asio::post(strand_, [this] { Accept(); });
}

void Listener::Stop() {
  stopped_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  timer_.cancel();
}

void Listener::Accept() {
  if (stopped_) {
    return;
  }
  acceptor_.async_accept(io_context_, [this](const error_code& error, ClientStream::Socket socket) {
    if (stopped_ || error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      HandleError(error);
      return;
    }
    Accept();
    accepted_(std::move(socket));
  });
}

void Listener::HandleError(const error_code& error) {
  LogWarning("cannot accept a connection: {}", error.message());
  const bool out_of_descriptors = error == asio::error::no_descriptors || error.value() == ENFILE;
  if (out_of_descriptors && spare_fd_ >= 0) {
    // Give up the spare descriptor for a moment, so that the client is turned away, not left.
    ::close(spare_fd_);
    error_code ignored;
    { const ClientStream::Socket turned_away = acceptor_.accept(io_context_, ignored); }
    spare_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  timer_.expires_after(kAcceptPause);
  timer_.async_wait([this](const error_code& timer_error) {
    if (!timer_error) {
      Accept();
    }
  });
}

}  // namespace dashi
