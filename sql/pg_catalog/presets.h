#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace dashi::sql::pg_catalog {

/// A setting of PostgreSQL's that no statement changes here, and that clients read by
/// current_setting and in pg_settings.
struct Preset {
  std::string_view name;
  std::string_view value;
};

std::span<const Preset> Presets();
/// Names ignore case.
std::optional<std::string_view> FindPreset(std::string_view name);

}  // namespace dashi::sql::pg_catalog
