#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "server/operations/http_server.h"
#include "server/operations/statement_metrics.h"
#include "server/served_databases.h"
#include "server/server.h"

namespace dashi {

/// What a server tells over HTTP:
///
///   /healthz  200 while the process answers
///   /readyz   200 while clients are let in and each database can be read; else 503 with the reason
///   /metrics  for Prometheus; where several databases are served, what is one's own has the label
///             `database`
///
/// Threads: all methods may be called at once.
class Probes {
 public:
  /// All must outlive it.
  Probes(const ServedDatabases& databases, Server& server, const StatementMetrics& statements)
      : databases_(databases), server_(server), statements_(statements) {}

  /// Listens, unless `port` is 0.
  ///
  /// Errors: those of HttpServer::Start.
  Status Start(const std::string& host, std::uint16_t port);
  /// The server is not ready any more.
  void BeginStop() { stopping_ = true; }
  HttpReply Answer(std::string_view path);

 private:
  HttpReply Ready();
  HttpReply Metrics();

  const ServedDatabases& databases_;
  Server& server_;
  const StatementMetrics& statements_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace dashi
