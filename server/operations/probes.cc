#include "server/operations/probes.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "server/operations/database_metrics.h"
#include "server/operations/prometheus_text.h"

namespace dashi {

namespace {

// Of the database's answer to a probe.
constexpr std::chrono::milliseconds kProbeTimeMax{2000};

Result<std::unique_ptr<Session>> NewSession(Database& database) {
  SessionOptions options;
  options.user = "dashi_probe";
  return database.NewSession(options);
}

Status ReadSomething(Database& database) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, NewSession(database));
  session->SetTimeLimit(kProbeTimeMax);
  DASHI_ASSIGN_OR_RETURN(ResultSet rows, session->Execute("SELECT id FROM labels LIMIT 1"));
  Row row;
  return rows.Next(&row).status();
}

void AppendServerMetrics(const Server::Counters& counters, PrometheusText* out) {
  out->Gauge("dashi_connections", "open connections",
             static_cast<double>(counters.num_connections));
  out->Gauge("dashi_connections_unauthenticated", "of them, those that are not let in yet",
             static_cast<double>(counters.num_unauthenticated));
  out->Counter("dashi_connections_accepted_total", "connections that were accepted",
               counters.num_accepted);
  out->Counter("dashi_connections_turned_away_total",
               "connections that were closed because too many were not let in yet",
               counters.num_turned_away);
  out->Gauge("dashi_workers", "threads that run statements",
             static_cast<double>(counters.num_workers));
  out->Gauge("dashi_workers_blocked", "of them, those that wait for their clients",
             static_cast<double>(counters.num_workers_blocked));
  out->Gauge("dashi_requests_waiting", "requests that wait for a worker",
             static_cast<double>(counters.num_jobs_waiting));
}

}  // namespace

Status Probes::Start(const std::string& host, std::uint16_t port) {
  if (port == 0) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(
      http_, HttpServer::Start(host, port, [this](std::string_view path) { return Answer(path); }));
  return Status();
}

HttpReply Probes::Answer(std::string_view path) {
  HttpReply reply;
  if (path == "/healthz") {
    reply.body = "ok\n";
  } else if (path == "/readyz") {
    reply = Ready();
  } else if (path == "/metrics") {
    reply = Metrics();
  } else {
    reply.status = 404;
    reply.body = "there are /healthz, /readyz and /metrics\n";
  }
  return reply;
}

HttpReply Probes::Ready() {
  HttpReply reply;
  reply.status = 503;
  if (stopping_) {
    reply.body = "the server stops\n";
    return reply;
  }
  for (const auto& database : databases_.all()) {
    const Status status = ReadSomething(*database);
    if (!status.ok()) {
      reply.body =
          fmt::format("the database {} does not answer: {}\n", database->name(), status.message());
      return reply;
    }
  }
  reply.status = 200;
  reply.body = "ready\n";
  return reply;
}

HttpReply Probes::Metrics() {
  PrometheusText text;
  AppendProcessMetrics(&text);
  AppendServerMetrics(server_.counters(), &text);
  statements_.Append(&text);
  for (const auto& database : databases_.all()) {
    const Result<std::unique_ptr<Session>> session = NewSession(*database);
    if (session.ok()) {
      (*session)->SetTimeLimit(kProbeTimeMax);
      text.SetDatabase(databases_.all().size() == 1 ? "" : database->name());
      AppendDatabaseMetrics(**session, &text);
    }
  }
  HttpReply reply;
  reply.type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = text.text();
  return reply;
}

}  // namespace dashi
