#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/log_line.h"
#include "dashi/status.h"
#include "server/server_options.h"

namespace dashi {

/// The field of ServerOptions that a setting stands for. Its type is the setting's type: text, on
/// or off, a port, a whole number, bytes, a duration, one of some words.
using ServerSettingField =
    std::variant<std::string ServerOptions::*, bool ServerOptions::*,
                 std::uint16_t ServerOptions::*, int ServerOptions::*, std::size_t ServerOptions::*,
                 std::chrono::milliseconds ServerOptions::*, LogFormat ServerOptions::*>;

/// One setting of the server. Its default is that of its field.
struct ServerSetting {
  std::string_view name;
  ServerSettingField field;
  std::uint64_t min = 0;  ///< of numbers, bytes and durations (ms)
  std::uint64_t max = 0;
  bool reloads = false;  ///< whether a running server takes a new value
  std::string_view description;

  /// `--max-connections`
  std::string flag() const;
  /// `DASHI_MAX_CONNECTIONS`
  std::string environment_variable() const;
  /// `number`
  std::string_view type() const;
  /// What values are allowed: `a whole number from 1 to 10000`.
  std::string allowed() const;
};

/// All settings, by name. The configuration file, the environment, the flags of `dashi serve`, its
/// help and the documents take them from here.
std::span<const ServerSetting> ServerSettings();

/// Returns the setting of this name.
///
/// Errors: kNotFound (42704) with the nearest name as a hint.
Result<const ServerSetting*> FindServerSetting(std::string_view name);

/// Sets the field of `setting` to what `text` says.
///
/// Errors: kInvalidArgument (22023) for a value that is not allowed.
Status SetServerSetting(const ServerSetting& setting, std::string_view text,
                        ServerOptions* options);

/// Returns the value as text, as SetServerSetting reads it.
std::string ServerSettingText(const ServerSetting& setting, const ServerOptions& options);

}  // namespace dashi
