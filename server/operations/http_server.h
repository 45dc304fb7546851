#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi {

struct HttpReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

/// Answers GET and HEAD of HTTP/1.1 on a port of its own, one reply a connection: for probes and
/// for metrics. A client has 5 s for its request and as much for the reply; of more than 16 at a
/// time the rest is turned away.
///
/// Threads: all methods may be called at once; the handler is called by one thread.
class HttpServer {
 public:
  /// Returns what a path has; status 404 where there is nothing.
  using Handler = std::function<HttpReply(std::string_view path)>;

  /// Errors: kInvalidArgument when `host` is no IP address; kIoError when the port cannot be had.
  static Result<std::unique_ptr<HttpServer>> Start(const std::string& host, std::uint16_t port,
                                                   Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi
