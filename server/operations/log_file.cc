#include "server/operations/log_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/logging.h"
#include "base/status.h"

namespace dashi {

namespace {
constexpr mode_t kMode = 0600;

std::string_view NameInLog(std::string_view field) {
  return field == "role" ? "user" : field == "address" ? "client" : field;
}

nlohmann::ordered_json LineOf(LogLevel level, std::string_view event,
                              const nlohmann::ordered_json& fields) {
  const std::int64_t now = Clock::System().NowMicros();
  nlohmann::ordered_json line;
  if (CurrentLogFormat() == LogFormat::kText) {
    line = {{"time", FormatTimestamp(now)}, {"event", std::string(event)}};
    for (const auto& [name, value] : fields.items()) {
      line[name] = value;
    }
    return line;
  }
  line = {{"time", FormatRfc3339(now)},
          {"level", std::string(LogLevelName(level))},
          {"message", std::string(event)}};
  const std::uint32_t session = CurrentLogSubject().session;
  if (session != 0) {
    line["session"] = session;
  }
  for (const auto& [name, value] : fields.items()) {
    line[std::string(NameInLog(name))] = value;
  }
  return line;
}

}  // namespace

class LogFile::OpenFile {
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

Status LogFile::Open(const std::string& path) {
  std::shared_ptr<OpenFile> file;
  if (path == "stderr") {
    file = std::make_shared<OpenFile>(STDERR_FILENO, /*closes=*/false);
  } else if (!path.empty()) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
    if (descriptor < 0) {
      return Status::IoError(
          fmt::format("cannot open the {}: {}: {}", name_, path, std::strerror(errno)));
    }
    file = std::make_shared<OpenFile>(descriptor, /*closes=*/true);
  }
  const MutexLock lock(mutex_);
  file_ = std::move(file);
  return Status();
}

bool LogFile::is_open() const {
  const MutexLock lock(mutex_);
  return file_ != nullptr;
}

void LogFile::Write(LogLevel level, std::string_view event, const nlohmann::ordered_json& fields) {
  std::shared_ptr<OpenFile> file;
  {
    const MutexLock lock(mutex_);
    file = file_;
  }
  if (file == nullptr) {
    return;
  }
  const std::string text =
      LineOf(level, event, fields)
          .dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) +
      "\n";
  const ssize_t written = ::write(file->descriptor(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    LogError("the {} cannot be written: {}", name_,
             written < 0 ? std::strerror(errno) : "a line was cut");
  }
}

}  // namespace dashi
