#include "sql/pg_catalog/presets.h"

#include <algorithm>
#include <iterator>

#include "sql/token.h"

namespace dashi::sql::pg_catalog {

namespace {

constexpr Preset kPresets[] = {
    {"block_size", "8192"},       {"default_table_access_method", "heap"},
    {"default_tablespace", ""},   {"jit", "off"},
    {"max_function_args", "100"}, {"max_index_keys", "32"},
};

}  // namespace

std::span<const Preset> Presets() { return kPresets; }

std::optional<std::string_view> FindPreset(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kPresets), std::end(kPresets),
                   [&](const Preset& one) { return EqualsIgnoreCase(one.name, name); });
  return found == std::end(kPresets) ? std::nullopt : std::optional(found->value);
}

}  // namespace dashi::sql::pg_catalog
