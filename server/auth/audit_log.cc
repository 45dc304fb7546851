#include "server/auth/audit_log.h"

#include <nlohmann/json.hpp>

namespace dashi {

void AuditLog::Login(const LoginEvent& event) {
  nlohmann::ordered_json json = {{"role", event.user}};
  json["address"] = event.address;
  json["database"] = event.database;
  json["encrypted"] = event.encrypted;
  json["rule"] = event.rule;
  json["outcome"] = event.outcome.ok() ? "ok" : event.outcome.sqlstate();
  file_.Write(event.outcome.ok() ? LogLevel::kInfo : LogLevel::kWarning,
              event.outcome.ok() ? "login" : "login failed", json);
}

void AuditLog::Statement(const ClientIdentity& client, const AuditedStatement& statement) {
  nlohmann::ordered_json json = {{"role", client.user}};
  json["address"] = client.address;
  json["kind"] = statement.kind;
  json["object"] = statement.object;
  json["outcome"] = statement.sqlstate == "00000" ? "ok" : statement.sqlstate;
  file_.Write(statement.sqlstate == "00000" ? LogLevel::kInfo : LogLevel::kWarning, "statement",
              json);
}

}  // namespace dashi
