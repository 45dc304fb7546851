#include "server/operations/http_server.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kTimeMax{5};
constexpr std::uint32_t kHeaderBytesMax = 8192;
constexpr std::uint64_t kBodyBytesMax = 1024;
constexpr int kConnectionsMax = 16;
constexpr std::chrono::milliseconds kAcceptPause{100};

/// One request and its reply.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(tcp::socket socket, const HttpServer::Handler& handler, int& num_open)
      : stream_(std::move(socket)), handler_(handler), num_open_(num_open) {
    ++num_open_;
    parser_.header_limit(kHeaderBytesMax);
    parser_.body_limit(kBodyBytesMax);
  }
  ~Exchange() { --num_open_; }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void Start() {
    stream_.expires_after(kTimeMax);
    http::async_read(stream_, buffer_, parser_,
                     [self = shared_from_this()](const error_code& error, std::size_t /*bytes*/) {
                       if (!error) {
                         self->Reply();
                       }
                     });
  }

 private:
  void Reply() {
    const auto& request = parser_.get();
    const bool is_head = request.method() == http::verb::head;
    HttpReply reply;
    if (request.method() != http::verb::get && !is_head) {
      reply = {405, "text/plain; charset=utf-8", "only GET and HEAD are answered\n"};
    } else {
      const Result<HttpReply> handled = CatchAsStatus("HTTP request", [&]() -> Result<HttpReply> {
        const std::string_view target(request.target().data(), request.target().size());
        return handler_(target.substr(0, target.find('?')));
      });
      reply =
          handled.ok() ? *handled : HttpReply{500, "text/plain; charset=utf-8", "internal error\n"};
    }
    response_.version(11);
    response_.result(static_cast<unsigned>(reply.status));
    response_.set(http::field::content_type, reply.type);
    response_.set(http::field::connection, "close");
    response_.set(http::field::cache_control, "no-store");
    if (reply.status == 405) {
      response_.set(http::field::allow, "GET, HEAD");
    }
    response_.content_length(reply.body.size());
    if (!is_head) {
      response_.body() = std::move(reply.body);
    }
    stream_.expires_after(kTimeMax);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](const error_code& /*error*/, std::size_t) {
                        error_code ignored;
                        self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                      });
  }

  beast::tcp_stream stream_;
  const HttpServer::Handler& handler_;
  int& num_open_;
  beast::flat_buffer buffer_{kHeaderBytesMax + kBodyBytesMax};
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Handler handler) : handler_(std::move(handler)) {}

  ~Impl() {
    io_context_.stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  Status Start(const std::string& host, std::uint16_t port) {
    error_code error;
    const asio::ip::address address =
        asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
    if (error) {
      return Status::InvalidArgument(fmt::format("not an IP address: {}", host));
    }
    const tcp::endpoint endpoint(address, port);
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
      port_ = acceptor_.local_endpoint(error).port();
    }
    if (error) {
      return Status::IoError(
          fmt::format("cannot listen on {}:{}: {}", host, port, error.message()));
    }
    Accept();
    return CatchAsStatus("start of the HTTP thread", [this] {
      thread_ = std::thread([this] {
        CatchAsStatus("HTTP server", [this] {
          io_context_.run();
        }).IgnoreError("the probes find nobody");
      });
    });
  }

  std::uint16_t port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error) {
        LogWarning("cannot accept an HTTP connection: {}", error.message());
        timer_.expires_after(kAcceptPause);
        timer_.async_wait([this](const error_code& /*error*/) { Accept(); });
        return;
      }
      if (num_open_ < kConnectionsMax) {
        // Sharers: the handlers that wait.
        std::make_shared<Exchange>(std::move(socket), handler_, num_open_)->Start();
      }
      Accept();
    });
  }

  const Handler handler_;
  int num_open_ = 0;  // of the thread
  asio::io_context io_context_;
  tcp::acceptor acceptor_{io_context_};
  asio::steady_timer timer_{io_context_};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, std::uint16_t port,
                                                      Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(handler));
  DASHI_RETURN_IF_ERROR(impl->Start(host, port));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port(); }

}  // namespace dashi
