#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>

#include "server/peer_address.h"
#include "server/tls_context.h"

namespace dashi {

/// The bytes from and to one client: a TCP or Unix socket, plain or, once it has shaken hands, TLS.
///
/// Threads: all calls but WriteNow come from the strand, and so do the handlers. One read and one
/// write may be
///          under way at once.
class ClientStream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using Done = std::function<void(const boost::system::error_code&)>;
  using DoneBytes = std::function<void(const boost::system::error_code&, std::size_t)>;

  ClientStream(Socket socket, Strand strand);

  /// Begins TLS. Nothing may be under way. `tls` is to outlive the stream.
  void ShakeHands(TlsContext& tls, Done done);
  void ReadSome(boost::asio::mutable_buffer buffer, DoneBytes done);
  void WriteSome(boost::asio::const_buffer buffer, DoneBytes done);
  /// Writes what the socket takes without waiting, and returns how much that was: 0 too where only
  /// WriteSome can write, or tell what is wrong. Any thread may call it between two writes, once
  /// the handshake, if there is one, is over and before Close begins.
  std::size_t WriteNow(std::string_view bytes);
  /// Tells the client that nothing comes any more; of a plain socket that is nothing. Reads that
  /// are under way end with an error.
  void SayEnd(Done done);
  void Close();

  /// Where the client comes from; `local` too where it has gone.
  PeerAddress peer() const;
  bool encrypted() const { return tls_ != nullptr; }

 private:
  using TlsStream = boost::asio::ssl::stream<Socket&>;

  Strand strand_;
  Socket socket_;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace dashi
