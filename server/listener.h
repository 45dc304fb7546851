#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "dashi/status.h"
#include "server/client_stream.h"
#include "server/operations/inherited_sockets.h"

namespace dashi {

/// Accepts clients at one address, also when the process runs out of file descriptors: it then
/// turns them away.
///
/// Threads: Open and the destructor while nothing runs; Stop from the strand.
class Listener {
 public:
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;
  using Strand = ClientStream::Strand;
  /// Gets each client, on the strand.
  using Accepted = std::function<void(ClientStream::Socket socket)>;

  Listener(boost::asio::io_context& io_context, Strand strand, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Listens at an IP address. `host` is for messages.
  ///
  /// Errors: kIoError when it cannot be had.
  Status OpenPort(const std::string& host, std::uint16_t port);
  /// Listens at a Unix socket, which nobody but this user may use. One that a process left that is
  /// gone is replaced.
  ///
  /// Errors: kIoError when it cannot be had; kInvalidArgument for a path that is too long.
  Status OpenSocket(const std::string& path);
  /// Takes a socket that listens already; its file, if it has one, stays when the listener goes.
  ///
  /// Errors: kIoError when it cannot be had.
  Status OpenInherited(const InheritedSocket& socket);
  /// Begins to accept. The listener is to live until the handlers have run.
  void Start();
  void Stop();

  std::uint16_t port() const { return port_; }

 private:
  Status Open(const Endpoint& endpoint, bool reuses_address, const std::string& where);
  void Accept();
  void HandleError(const boost::system::error_code& error);

  boost::asio::io_context& io_context_;
  Strand strand_;
  const Accepted accepted_;
  boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol> acceptor_;
  boost::asio::steady_timer timer_;
  std::uint16_t port_ = 0;
  std::string socket_path_;  // to be removed
  int spare_fd_ = -1;        // kept for the day when there are no more
  bool stopped_ = false;
};

/// Returns the IP address that `host` names: `localhost` is 127.0.0.1.
///
/// Errors: kInvalidArgument.
Result<std::string> IpAddressOf(const std::string& host);

}  // namespace dashi
