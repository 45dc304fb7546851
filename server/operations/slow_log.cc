#include "server/operations/slow_log.h"

#include <nlohmann/json.hpp>

namespace dashi {

void SlowLog::Note(const ClientIdentity& client, std::uint32_t session,
                   const StatementReport& report) {
  if (!report.slow || !file_.is_open()) {
    return;
  }
  nlohmann::ordered_json json = {{"seconds", static_cast<double>(report.duration.count()) * 1e-6}};
  json["session"] = session;
  json["role"] = client.user;
  json["address"] = client.address;
  json["kind"] = std::string(report.kind);
  json["rows"] = report.num_rows;
  json["outcome"] = report.sqlstate == "00000" ? "ok" : std::string(report.sqlstate);
  json["statement"] = std::string(report.statement);
  if (!report.plan.empty()) {
    json["plan"] = report.plan;
  }
  file_.Write(LogLevel::kWarning, "slow statement", json);
}

}  // namespace dashi
