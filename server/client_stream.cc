#include "server/client_stream.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <utility>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

namespace dashi {

namespace asio = boost::asio;
using boost::system::error_code;

ClientStream::ClientStream(Socket socket, Strand strand)
    : strand_(std::move(strand)), socket_(std::move(socket)) {}

PeerAddress ClientStream::peer() const {
  error_code error;
  const auto endpoint = socket_.remote_endpoint(error);
  return error ? PeerAddress() : PeerAddressOf(endpoint.data());
}

void ClientStream::ShakeHands(TlsContext& tls, Done done) {
  tls_ = std::make_unique<TlsStream>(socket_, tls.context());
  tls_->async_handshake(asio::ssl::stream_base::server,
                        asio::bind_executor(strand_, std::move(done)));
}

void ClientStream::ReadSome(asio::mutable_buffer buffer, DoneBytes done) {
  auto handler = asio::bind_executor(strand_, std::move(done));
  if (tls_ != nullptr) {
    tls_->async_read_some(buffer, std::move(handler));
  } else {
    socket_.async_read_some(buffer, std::move(handler));
  }
}

void ClientStream::WriteSome(asio::const_buffer buffer, DoneBytes done) {
  auto handler = asio::bind_executor(strand_, std::move(done));
  if (tls_ != nullptr) {
    tls_->async_write_some(buffer, std::move(handler));
  } else {
    socket_.async_write_some(buffer, std::move(handler));
  }
}

std::size_t ClientStream::WriteNow(std::string_view bytes) {
  if (tls_ != nullptr) {
    return 0;
  }
  const ssize_t num_written =
      ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return num_written < 0 ? 0 : static_cast<std::size_t>(num_written);
}

void ClientStream::SayEnd(Done done) {
  if (tls_ != nullptr) {
    tls_->async_shutdown(asio::bind_executor(strand_, std::move(done)));
  } else {
    asio::post(strand_, [done = std::move(done)] { done(error_code()); });
  }
}

void ClientStream::Close() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace dashi
