#include "server/auth/audit_log.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace {

constexpr mode_t kMode = 0600;

std::string LineOf(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

nlohmann::ordered_json Begun(const char* event) {
  return {{"time", FormatTimestamp(Clock::System().NowMicros())}, {"event", event}};
}

}  // namespace

class AuditLog::OpenFile {
 public:
  OpenFile(int descriptor, bool closes) : descriptor_(descriptor), closes_(closes) {}
  ~OpenFile() {
    if (closes_) {
      ::close(descriptor_);
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
  const bool closes_;
};

Status AuditLog::Open(const std::string& path) {
  std::shared_ptr<OpenFile> file;
  if (path == "stderr") {
    file = std::make_shared<OpenFile>(STDERR_FILENO, /*closes=*/false);
  } else if (!path.empty()) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
    if (descriptor < 0) {
      return Status::IoError(
          fmt::format("cannot open the audit log: {}: {}", path, std::strerror(errno)));
    }
    file = std::make_shared<OpenFile>(descriptor, /*closes=*/true);
  }
  const MutexLock lock(mutex_);
  file_ = std::move(file);
  return Status();
}

void AuditLog::Login(const LoginEvent& event) {
  nlohmann::ordered_json json = Begun(event.outcome.ok() ? "login" : "login failed");
  json["role"] = event.user;
  json["address"] = event.address;
  json["database"] = event.database;
  json["encrypted"] = event.encrypted;
  json["rule"] = event.rule;
  json["outcome"] = event.outcome.ok() ? "ok" : event.outcome.sqlstate();
  Write(LineOf(json));
}

void AuditLog::Statement(const ClientIdentity& client, const AuditedStatement& statement) {
  nlohmann::ordered_json json = Begun("statement");
  json["role"] = client.user;
  json["address"] = client.address;
  json["kind"] = statement.kind;
  json["object"] = statement.object;
  json["outcome"] = statement.sqlstate == "00000" ? "ok" : statement.sqlstate;
  Write(LineOf(json));
}

void AuditLog::Write(const std::string& line) {
  std::shared_ptr<OpenFile> file;
  {
    const MutexLock lock(mutex_);
    file = file_;
  }
  if (file == nullptr) {
    return;
  }
  const ssize_t written = ::write(file->descriptor(), line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    LogError("the audit log cannot be written: {}",
             written < 0 ? std::strerror(errno) : "a line was cut");
  }
}

}  // namespace dashi
