#include "sql/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/byte_size.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "query/top_k.h"
#include "sql/token.h"

namespace dashi::sql {

namespace {

constexpr std::uint64_t kByteSizeMax = std::uint64_t{1} << 50U;

/// Turns a value into its canonical form, or returns nullopt when it is not allowed.
using Canonicalise = std::optional<std::string> (*)(std::string_view value);

struct Setting {
  SettingInfo info;
  Canonicalise canonicalise = nullptr;  ///< null: any text
  std::string_view allowed;             ///< for the error message
};

std::optional<std::string> Duration(std::string_view value) {
  const std::optional<std::int64_t> ms = ParseDurationMs(value);
  if (!ms) {
    return std::nullopt;
  }
  return *ms == 0 ? "0" : std::to_string(*ms) + "ms";
}

std::optional<std::string> ByteSize(std::string_view value) {
  const std::optional<std::uint64_t> bytes = ParseByteSize(value);
  const bool good = bytes && *bytes <= kByteSizeMax;
  return good ? std::optional(ByteSizeText(*bytes)) : std::nullopt;
}

std::optional<std::string> Boolean(std::string_view value) {
  for (const std::string_view yes : {"on", "true", "yes", "1"}) {
    if (EqualsIgnoreCase(value, yes)) {
      return "on";
    }
  }
  for (const std::string_view no : {"off", "false", "no", "0"}) {
    if (EqualsIgnoreCase(value, no)) {
      return "off";
    }
  }
  return std::nullopt;
}

std::optional<std::string> OnOnly(std::string_view value) {
  return Boolean(value) == "on" ? std::optional<std::string>("on") : std::nullopt;
}

std::optional<std::string> Utf8Only(std::string_view value) {
  for (const std::string_view name : {"utf8", "utf-8", "unicode", "sql_ascii"}) {
    if (EqualsIgnoreCase(value, name)) {
      return "UTF8";
    }
  }
  return std::nullopt;
}

std::optional<std::string> IsoDates(std::string_view value) {
  // Dates are always written as ISO; the second part would only decide how input is read.
  const std::string lower = ToLowerAscii(value);
  const std::size_t comma = lower.find(',');
  const bool order_only = lower == "mdy" || lower == "dmy" || lower == "ymd";
  return order_only || lower.substr(0, comma) == "iso" ? std::optional<std::string>("ISO, MDY")
                                                       : std::nullopt;
}

std::optional<std::string> FloatDigits(std::string_view value) {
  int digits = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), digits);
  const bool good =
      error == std::errc() && end == value.data() + value.size() && digits >= -15 && digits <= 3;
  return good ? std::optional<std::string>(std::to_string(digits)) : std::nullopt;
}

std::optional<std::size_t> BeamWidth(std::string_view value) {
  std::size_t width = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), width);
  const bool good =
      error == std::errc() && end == value.data() + value.size() && width <= query::kTopKMax;
  return good ? std::optional(width) : std::nullopt;
}

std::optional<std::string> Beam(std::string_view value) {
  const std::optional<std::size_t> width = BeamWidth(value);
  return width ? std::optional(std::to_string(*width)) : std::nullopt;
}

std::optional<std::string> Isolation(std::string_view value) {
  const std::string lower = ToLowerAscii(value);
  const bool met =
      lower == "repeatable read" || lower == "read committed" || lower == "read uncommitted";
  return met ? std::optional<std::string>("repeatable read") : std::nullopt;
}

std::optional<std::string> MessageLevel(std::string_view value) {
  static constexpr std::string_view kLevels[] = {"debug5", "debug4", "debug3",  "debug2", "debug1",
                                                 "log",    "notice", "warning", "error"};
  const std::string lower = ToLowerAscii(value);
  return std::find(std::begin(kLevels), std::end(kLevels), lower) != std::end(kLevels)
             ? std::optional<std::string>(lower)
             : std::nullopt;
}

std::optional<std::string> HexOnly(std::string_view value) {
  return EqualsIgnoreCase(value, "hex") ? std::optional<std::string>("hex") : std::nullopt;
}

std::optional<std::string> PostgresOnly(std::string_view value) {
  return EqualsIgnoreCase(value, "postgres") ? std::optional<std::string>("postgres")
                                             : std::nullopt;
}

std::optional<std::string> ScramOnly(std::string_view value) {
  return EqualsIgnoreCase(value, "scram-sha-256") ? std::optional<std::string>("scram-sha-256")
                                                  : std::nullopt;
}

constexpr std::string_view kDurations = "a duration such as 200ms, 5s, 2min or 0 for none";
constexpr std::string_view kBooleans = "on or off";
constexpr std::string_view kByteSizes = "a size to 1024TB, such as 256MB, or 0 for none";

static_assert(query::kTopKMax == 100'000, "as kBeams says");
constexpr std::string_view kBeams = "a whole number from 0, the index's own beam, to 100000";

constexpr Setting kSettings[] = {
    {{"ann.ef", "0", false,
      "how wide a beam searches of a graph have; 0: as the index has it, or a query's options"},
     Beam,
     kBeams},
    {{"ann.exact", "off", false, "whether searches scan all that may be found"},
     Boolean,
     kBooleans},
    {{"ann.require_index", "off", false,
      "whether searches fail rather than scan in place of an index or more than about 3 ms"},
     Boolean,
     kBooleans},
    {{"application_name", "", false, "a name that the client gives itself"}, nullptr, ""},
    {{"bytea_output", "hex", false, "how bytes are written"}, HexOnly, "hex"},
    {{"client_encoding", "UTF8", false, "the encoding of text: always UTF8"}, Utf8Only, "UTF8"},
    {{"client_min_messages", "notice", false, "accepted for drivers; every notice is sent"},
     MessageLevel,
     "debug5 to debug1, log, notice, warning or error"},
    {{"datestyle", "ISO, MDY", false, "how dates are written: always ISO"}, IsoDates, "ISO"},
    {{"default_transaction_isolation", "repeatable read", false,
      "transactions see the database as of their start; weaker levels are met by that"},
     Isolation,
     "repeatable read, read committed or read uncommitted"},
    {{"default_transaction_read_only", "off", false, "whether transactions refuse writes"},
     Boolean,
     kBooleans},
    {{"extra_float_digits", "1", false, "accepted for drivers; numbers are written in full"},
     FloatDigits,
     "-15 to 3"},
    {{"idle_in_transaction_session_timeout", "0", false,
      "a server ends sessions that wait longer in a transaction block; 0 means never"},
     Duration,
     kDurations},
    {{"idle_session_timeout", "0", false,
      "a server ends sessions that wait longer outside of one; 0 means never"},
     Duration,
     kDurations},
    {{"in_hot_standby", "off", true, "always off"}, nullptr, ""},
    {{"integer_datetimes", "on", true, "always on"}, nullptr, ""},
    {{"intervalstyle", "postgres", false, "accepted for drivers"}, PostgresOnly, "postgres"},
    {{"is_superuser", "on", true, "whether this session may do everything"}, nullptr, ""},
    {{"lock_timeout", "0", false,
      "ends statements that wait longer, for another session's COPY; 0 means never"},
     Duration,
     kDurations},
    {{"max_identifier_length", "63", true, "for drivers"}, nullptr, ""},
    {{"password_encryption", "scram-sha-256", false,
      "how passwords are kept: always as SCRAM verifiers"},
     ScramOnly,
     "scram-sha-256"},
    {{"search_path", "\"$user\", public", false, "accepted for drivers; there is one schema"},
     nullptr,
     ""},
    {{"server_encoding", "UTF8", true, "always UTF8"}, nullptr, ""},
    {{"server_version", "15.0", true, "the PostgreSQL version whose protocol is spoken"},
     nullptr,
     ""},
    {{"server_version_num", "150000", true, "the same as a number"}, nullptr, ""},
    {{"session_authorization", "dashi", true, "the user of this session"}, nullptr, ""},
    {{"standard_conforming_strings", "on", false, "backslashes in strings are plain: always on"},
     OnOnly,
     "on"},
    {{"statement_memory", "0", false,
      "ends statements that allocate more, as far as it is counted; 0 means no limit"},
     ByteSize,
     kByteSizes},
    {{"statement_timeout", "0", false, "ends statements that run longer; 0 means never"},
     Duration,
     kDurations},
    {{"synchronous_commit", "on", false,
      "on: commits are on disk when acknowledged; off: within about a second"},
     Boolean,
     kBooleans},
    {{"timezone", "UTC", false,
      "accepted for drivers; times are written in UTC, with their offset"},
     nullptr,
     ""},
    {{"transaction_isolation", "repeatable read", false, "the level of this transaction"},
     Isolation,
     "repeatable read, read committed or read uncommitted"},
};

Result<const Setting*> Find(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : kSettings) {
    if (EqualsIgnoreCase(setting.info.name, name)) {
      return &setting;
    }
    names.push_back(setting.info.name);
  }
  Status status = Status::NotFound("unknown setting: " + std::string(name));
  const std::string_view nearest = NearestName(name, names);
  return nearest.empty() ? std::move(status).WithHint("SHOW SETTINGS lists them.")
                         : std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
}

}  // namespace

std::optional<std::int64_t> ParseDurationMs(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"", 1},         {"us", 0.001},    {"ms", 1},        {"s", 1000},
      {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr double kMsMax = 2'147'483'647;  // As in PostgreSQL.
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) {
    return std::nullopt;
  }
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  for (const auto& [name, factor] : kUnits) {
    if (name == unit && number * factor <= kMsMax) {
      const double ms = number * factor;
      return ms > 0 && ms < 1 ? 1 : static_cast<std::int64_t>(ms);
    }
  }
  return std::nullopt;
}

std::span<const SettingInfo> Settings::All() {
  static const auto infos = [] {
    std::array<SettingInfo, std::size(kSettings)> all;
    std::transform(std::begin(kSettings), std::end(kSettings), all.begin(),
                   [](const Setting& setting) { return setting.info; });
    return all;
  }();
  return infos;
}

Result<std::string> Settings::Get(std::string_view name) const {
  DASHI_ASSIGN_OR_RETURN(const Setting* setting, Find(name));
  const auto changed = changed_.find(setting->info.name);
  return changed != changed_.end() ? changed->second : DefaultOf(setting->info);
}

std::string Settings::DefaultOf(const SettingInfo& setting) const {
  const auto own = defaults_.find(setting.name);
  return own != defaults_.end() ? own->second : std::string(setting.default_value);
}

Status Settings::SetDefault(std::string_view name, std::string_view value) {
  Settings trial;
  DASHI_RETURN_IF_ERROR(trial.Set(name, std::string(value)));
  defaults_.merge(std::move(trial.changed_));
  return Status();
}

Status Settings::Set(std::string_view name, const std::optional<std::string>& value) {
  DASHI_ASSIGN_OR_RETURN(const Setting* setting, Find(name));
  if (setting->info.read_only) {
    return Status::InvalidArgument("the setting cannot be changed: " +
                                   std::string(setting->info.name))
        .WithSqlState("55P02");
  }
  if (!value) {
    changed_.erase(std::string(setting->info.name));
    return Status();
  }
  std::optional<std::string> canonical =
      setting->canonicalise == nullptr ? *value : setting->canonicalise(*value);
  if (!canonical) {
    return Status::InvalidArgument("invalid value for " + std::string(setting->info.name) + ": \"" +
                                   *value + "\"")
        .WithHint("Allowed: " + std::string(setting->allowed) + ".");
  }
  changed_[std::string(setting->info.name)] = std::move(*canonical);
  return Status();
}

void Settings::ResetAll() {
  std::erase_if(changed_, [](const auto& changed) {
    const Result<const Setting*> setting = Find(changed.first);
    return !setting.ok() || !(*setting)->info.read_only;
  });
}

void Settings::SetFixed(std::string_view name, std::string value) {
  changed_[std::string(name)] = std::move(value);
}

std::int64_t Settings::lock_timeout_ms() const { return DurationMs("lock_timeout"); }

std::int64_t Settings::statement_timeout_ms() const { return DurationMs("statement_timeout"); }

std::uint64_t Settings::statement_memory_bytes() const {
  constexpr std::string_view kName = "statement_memory";
  const auto changed = changed_.find(kName);
  const auto own = defaults_.find(kName);
  if (changed == changed_.end() && own == defaults_.end()) {
    return 0;
  }
  return ParseByteSize(changed != changed_.end() ? changed->second : own->second).value_or(0);
}

std::int64_t Settings::DurationMs(std::string_view name) const {
  const auto changed = changed_.find(name);
  return changed == changed_.end() ? 0 : ParseDurationMs(changed->second).value_or(0);
}

std::size_t Settings::ann_ef() const {
  const auto changed = changed_.find("ann.ef");
  return changed == changed_.end() ? 0 : BeamWidth(changed->second).value_or(0);
}

bool Settings::IsOn(std::string_view name) const {
  const auto changed = changed_.find(name);
  const auto* setting =
      std::find_if(std::begin(kSettings), std::end(kSettings),
                   [name](const Setting& each) { return each.info.name == name; });
  return (changed == changed_.end() ? setting->info.default_value : changed->second) == "on";
}

}  // namespace dashi::sql
