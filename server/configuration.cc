#include "server/configuration.h"

#include <string_view>

#include <fmt/format.h>

#include "base/status.h"
#include "server/config_file.h"
#include "server/server_settings.h"

namespace dashi {

namespace {

Status Set(std::string_view name, std::string_view value, const std::string& origin,
           Configuration* configuration) {
  const Result<const ServerSetting*> setting = FindServerSetting(name);
  Status status =
      setting.ok() ? SetServerSetting(**setting, value, &configuration->options) : setting.status();
  if (!status.ok()) {
    return std::move(status).WithContext(origin);
  }
  configuration->origins[std::string(name)] = origin;
  return Status();
}

Status ReadFile(const std::string& path, Configuration* configuration) {
  DASHI_ASSIGN_OR_RETURN(const std::string text, ReadConfigText(path));
  DASHI_ASSIGN_OR_RETURN(const std::vector<ConfigLine> lines, ParseConfigFile(text, path));
  for (const ConfigLine& line : lines) {
    DASHI_RETURN_IF_ERROR(
        Set(line.name, line.value, fmt::format("{}:{}", path, line.number), configuration));
  }
  return Status();
}

}  // namespace

Result<Configuration> LoadConfiguration(const ConfigurationSources& sources) {
  Configuration configuration;
  if (!sources.file.empty()) {
    DASHI_RETURN_IF_ERROR(ReadFile(sources.file, &configuration));
  }
  for (const ServerSetting& setting : ServerSettings()) {
    const std::string variable = setting.environment_variable();
    const std::optional<std::string> value =
        sources.environment ? sources.environment(variable) : std::nullopt;
    if (value) {
      DASHI_RETURN_IF_ERROR(Set(setting.name, *value, variable, &configuration));
    }
  }
  for (const auto& [name, value] : sources.flags) {
    DASHI_ASSIGN_OR_RETURN(const ServerSetting* setting, FindServerSetting(name));
    DASHI_RETURN_IF_ERROR(Set(name, value, setting->flag(), &configuration));
  }
  return configuration;
}

std::string FormatConfiguration(const Configuration& configuration) {
  std::string text;
  for (const ServerSetting& setting : ServerSettings()) {
    const auto origin = configuration.origins.find(setting.name);
    text += fmt::format(
        "{} = {}  # {}\n", setting.name,
        QuotedConfigValue(ServerSettingText(setting, configuration.options)),
        origin == configuration.origins.end() ? std::string("default") : origin->second);
  }
  return text;
}

ConfigurationChange ChangeOf(const Configuration& running, const Configuration& loaded) {
  ConfigurationChange change;
  change.next = loaded;
  for (const ServerSetting& setting : ServerSettings()) {
    const std::string now = ServerSettingText(setting, running.options);
    if (now == ServerSettingText(setting, loaded.options)) {
      continue;
    }
    std::string name(setting.name);
    if (setting.reloads) {
      change.changed.push_back(std::move(name));
      continue;
    }
    SetServerSetting(setting, now, &change.next.options)
        .IgnoreError("a value in effect is allowed");
    const auto origin = running.origins.find(name);
    if (origin == running.origins.end()) {
      change.next.origins.erase(name);
    } else {
      change.next.origins[name] = origin->second;
    }
    change.need_restart.push_back(std::move(name));
  }
  return change;
}

}  // namespace dashi
