#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "server/server_options.h"

namespace dashi {

/// Returns a variable of the environment.
using EnvironmentReader = std::function<std::optional<std::string>(const std::string& name)>;

/// Where the settings of a server come from. What stands further down wins:
///   the defaults; the file; variables DASHI_<NAME> of the environment; flags.
struct ConfigurationSources {
  std::string file;  ///< empty: none
  EnvironmentReader environment;
  std::vector<std::pair<std::string, std::string>> flags;  ///< names of settings, and values
};

/// The settings in effect.
struct Configuration {
  ServerOptions options;
  /// By the name of each setting that is not at its default: `dashi.conf:3`, `DASHI_PORT`,
  /// `--port`.
  std::map<std::string, std::string, std::less<>> origins;
};

/// Reads the settings.
///
/// Errors: those of the file, which name it and the line; of a value, naming where it comes from.
Result<Configuration> LoadConfiguration(const ConfigurationSources& sources);

/// Returns all settings as lines of a configuration file, each with where it comes from.
std::string FormatConfiguration(const Configuration& configuration);

/// What becomes of a running server's settings when its sources are read again.
struct ConfigurationChange {
  Configuration next;  ///< what is in effect from now on
  std::vector<std::string> changed;
  std::vector<std::string> need_restart;  ///< differ, and are left as they are
};

/// Compares what runs with what was loaded.
ConfigurationChange ChangeOf(const Configuration& running, const Configuration& loaded);

}  // namespace dashi
