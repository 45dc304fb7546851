#include "server/server_settings.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/byte_size.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/settings.h"
#include "sql/shell/ascii_case.h"

namespace dashi {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;

const ServerSetting kSettings[] = {
    {"access_file", &ServerOptions::access_file, 0, 0, true,
     "file of the rules that say who is let in how; empty: the default rules"},
    {"audit_log_file", &ServerOptions::audit_log_file, 0, 0, true,
     "file to which logins, changes of roles and definitions and the like are added; stderr: the "
     "log; empty: none"},
    {"authentication_timeout", &ServerOptions::startup_deadline, kSecond, kHour / 6, true,
     "how long a client may take from connecting to being let in"},
    {"copy_timeout", &ServerOptions::copy_stalled_max, kSecond, 24 * kHour, true,
     "how long the client of a COPY may send nothing while others cannot load because of it"},
    {"file_directories", &ServerOptions::file_directories, 0, 0, true,
     "folders, separated by colons, in which statements may name files of the server; empty: none"},
    {"follow", &ServerOptions::follow, 0, 0, false,
     "read-only, and each statement sees what the other process has committed"},
    {"host", &ServerOptions::host, 0, 0, false,
     "address to listen on; others than loopback ones need TLS or an access_file"},
    {"http_host", &ServerOptions::http_host, 0, 0, false,
     "address of the probes and metrics; they have no password, and tell nothing of rows"},
    {"http_port", &ServerOptions::http_port, 0, 65'535, false,
     "TCP port of /healthz, /readyz and /metrics; 0 is none"},
    {"log_format", &ServerOptions::log_format, 0, 0, true,
     "how lines of the server's log, the audit log and that of slow statements are written"},
    {"max_connections", &ServerOptions::num_connections_max, 1, 10'000, false, "clients at a time"},
    {"max_unauthenticated_connections", &ServerOptions::num_unauthenticated_max, 1, 10'000, true,
     "clients that are connected and not let in; for each more the one that waits longest is "
     "dropped"},
    {"memory_limit", &ServerOptions::memory_bytes_max, 16 * kMegabyte, std::uint64_t{1} << 50U,
     false,
     "memory for cache, loaded releases and uncommitted changes; training has its own beside it"},
    {"port", &ServerOptions::port, 0, 65'535, false, "TCP port; 0 takes any free one"},
    {"queue_timeout", &ServerOptions::queue_wait_max, 0, kHour, true,
     "how long a request waits for a worker before it is refused"},
    {"read_only", &ServerOptions::read_only, 0, 0, false,
     "open without writing, even while another process writes"},
    {"reserved_connections", &ServerOptions::num_reserved_connections, 0, 1'000, false,
     "places beside max_connections that only admins get"},
    {"schedules", &ServerOptions::runs_schedules, 0, 0, false,
     "whether the schedules of the databases run here; not where they are open without writing"},
    {"send_queue_limit", &ServerOptions::send_queue_bytes_max, kMegabyte / 16, 1024 * kMegabyte,
     true, "bytes on their way to one client before its query waits"},
    {"send_timeout", &ServerOptions::send_stalled_max, kSecond, 24 * kHour, true,
     "how long a client may read nothing of what is sent before it is dropped"},
    {"shutdown_timeout", &ServerOptions::drain_time, 0, kHour, true,
     "how long running queries may go on when the server is asked to stop"},
    {"slow_log_file", &ServerOptions::slow_log_file, 0, 0, true,
     "file of slow statements and their plans, one JSON object a line; stderr is the log stream"},
    {"slow_statement", &ServerOptions::slow_statement, 0, 24 * kHour, true,
     "statements that take as long are slow; 0 is none"},
    {"statement_memory", &ServerOptions::statement_memory_bytes_max, 0, std::uint64_t{1} << 50U,
     true,
     "what a statement may allocate, unless its session sets the setting of this name; 0 is no "
     "limit"},
    {"threads", &ServerOptions::num_threads, 0, 1024, false,
     "threads for encoding and training; 0 is one per core"},
    {"tls_certificate_file", &ServerOptions::tls_certificate_file, 0, 0, true,
     "PEM file of the certificate, with those that vouch for it behind it; empty: no TLS"},
    {"tls_key_file", &ServerOptions::tls_key_file, 0, 0, true,
     "PEM file of its private key, which nobody but its owner may read"},
    {"unix_socket_directory", &ServerOptions::unix_socket_directory, 0, 0, false,
     "folder of a Unix socket, .s.PGSQL.PORT, for this user alone; empty: none"},
    {"workers", &ServerOptions::num_workers, 0, 1024, false,
     "threads that run statements; 0 is two per core, at least 8"},
};

std::optional<std::uint64_t> WholeNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<bool> OnOrOff(std::string_view text) {
  const std::string word = LowerAscii(text);
  if (word == "on" || word == "true" || word == "yes" || word == "1") {
    return true;
  }
  const bool off = word == "off" || word == "false" || word == "no" || word == "0";
  return off ? std::optional(false) : std::nullopt;
}

std::optional<std::uint64_t> Milliseconds(std::string_view text) {
  const std::optional<std::int64_t> ms = sql::ParseDurationMs(text);
  return ms ? std::optional(static_cast<std::uint64_t>(*ms)) : std::nullopt;
}

std::string DurationText(std::uint64_t ms) {
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"h", kHour}, {"min", 60 * kSecond}, {"s", kSecond}};
  for (const auto& [name, factor] : kUnits) {
    if (ms != 0 && ms % factor == 0) {
      return fmt::format("{}{}", ms / factor, name);
    }
  }
  return ms == 0 ? "0" : fmt::format("{}ms", ms);
}

// How values of each type of field are read, written and described.

Status Refused(const ServerSetting& setting, std::string_view text) {
  return Status::InvalidArgument(fmt::format("invalid value for {}: \"{}\"", setting.name, text))
      .WithSqlState("22023")
      .WithHint(fmt::format("Allowed: {}.", setting.allowed()));
}

template <typename Value, typename Made>
Status Take(const ServerSetting& setting, std::string_view text,
            const std::optional<std::uint64_t>& number, Value* value) {
  if (!number || *number < setting.min || *number > setting.max) {
    return Refused(setting, text);
  }
  *value = Value{static_cast<Made>(*number)};
  return Status();
}

Status Read(const ServerSetting& /*setting*/, std::string_view text, std::string* value) {
  *value = text;
  return Status();
}
Status Read(const ServerSetting& setting, std::string_view text, bool* value) {
  const std::optional<bool> on = OnOrOff(text);
  if (!on) {
    return Refused(setting, text);
  }
  *value = *on;
  return Status();
}
Status Read(const ServerSetting& setting, std::string_view text, std::uint16_t* value) {
  return Take<std::uint16_t, std::uint16_t>(setting, text, WholeNumber(text), value);
}
Status Read(const ServerSetting& setting, std::string_view text, int* value) {
  return Take<int, int>(setting, text, WholeNumber(text), value);
}
Status Read(const ServerSetting& setting, std::string_view text, std::size_t* value) {
  return Take<std::size_t, std::size_t>(setting, text, ParseByteSize(text), value);
}
Status Read(const ServerSetting& setting, std::string_view text, milliseconds* value) {
  return Take<milliseconds, milliseconds::rep>(setting, text, Milliseconds(text), value);
}
Status Read(const ServerSetting& setting, std::string_view text, LogFormat* value) {
  const std::string word = LowerAscii(text);
  if (word != "text" && word != "json") {
    return Refused(setting, text);
  }
  *value = word == "json" ? LogFormat::kJson : LogFormat::kText;
  return Status();
}

std::string Written(const std::string& value) { return value; }
std::string Written(bool value) { return value ? "on" : "off"; }
std::string Written(std::uint16_t value) { return std::to_string(value); }
std::string Written(int value) { return std::to_string(value); }
std::string Written(std::size_t value) { return ByteSizeText(value); }
std::string Written(milliseconds value) {
  return DurationText(static_cast<std::uint64_t>(value.count()));
}
std::string Written(LogFormat value) { return value == LogFormat::kJson ? "json" : "text"; }

// In the order of the alternatives of ServerSettingField.
constexpr std::string_view kTypes[] = {"text", "boolean",  "number", "number",
                                       "size", "duration", "word"};
static_assert(std::size(kTypes) == std::variant_size_v<ServerSettingField>);

std::string WithNames(std::string_view name, char separator, char (*letter)(char)) {
  std::string out;
  out.reserve(name.size());
  for (const char each : name) {
    out.push_back(each == '_' ? separator : letter(each));
  }
  return out;
}

}  // namespace

std::string ServerSetting::flag() const {
  return "--" + WithNames(name, '-', [](char letter) { return letter; });
}

std::string ServerSetting::environment_variable() const {
  return "DASHI_" + WithNames(name, '_', [](char letter) {
           return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
         });
}

std::string_view ServerSetting::type() const { return kTypes[field.index()]; }

std::string ServerSetting::allowed() const {
  const std::string_view kind = type();
  if (kind == "boolean") {
    return "on or off";
  }
  if (kind == "word") {
    return "text or json";
  }
  if (kind == "size") {
    return fmt::format("a size from {} to {}, such as 64MB", ByteSizeText(min), ByteSizeText(max));
  }
  if (kind == "duration") {
    return fmt::format("a duration from {} to {}, such as 500ms, 5s or 2min", DurationText(min),
                       DurationText(max));
  }
  return kind == "number" ? fmt::format("a whole number from {} to {}", min, max) : "any text";
}

std::span<const ServerSetting> ServerSettings() { return kSettings; }

Result<const ServerSetting*> FindServerSetting(std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(std::size(kSettings));
  for (const ServerSetting& setting : kSettings) {
    if (setting.name == name) {
      return &setting;
    }
    names.push_back(setting.name);
  }
  Status status = Status::NotFound(fmt::format("unknown setting: {}", name)).WithSqlState("42704");
  const std::string_view nearest = NearestName(name, names);
  return nearest.empty() ? std::move(status).WithHint("dashi serve --help lists them.")
                         : std::move(status).WithHint(fmt::format("Did you mean {}?", nearest));
}

Status SetServerSetting(const ServerSetting& setting, std::string_view text,
                        ServerOptions* options) {
  return std::visit([&](auto member) { return Read(setting, text, &(options->*member)); },
                    setting.field);
}

std::string ServerSettingText(const ServerSetting& setting, const ServerOptions& options) {
  return std::visit([&](auto member) { return Written(options.*member); }, setting.field);
}

}  // namespace dashi
