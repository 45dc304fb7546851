#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi::sql {

/// Documentation of one setting.
struct SettingInfo {
  std::string_view name;
  std::string_view default_value;
  bool read_only = false;
  std::string_view description;
};

/// The settings of one session: dashi's own and those that PostgreSQL drivers send when they
/// connect. The latter are accepted where they change nothing that a client could see, and refused
/// where they would.
///
/// Threads: one thread at a time.
class Settings {
 public:
  /// Every setting, by name.
  static std::span<const SettingInfo> All();

  /// Reads a setting; names ignore case.
  ///
  /// Errors: kNotFound (42704) with the nearest known name as a hint.
  Result<std::string> Get(std::string_view name) const;
  /// Sets it; nullopt restores the default.
  ///
  /// Errors: as Get; kInvalidArgument (22023) for a value that is not allowed, saying which are;
  ///         55P02 for a read-only setting.
  Status Set(std::string_view name, const std::optional<std::string>& value);
  /// All but what SetFixed set.
  void ResetAll();
  /// What a setting is that was not changed.
  std::string DefaultOf(const SettingInfo& setting) const;
  /// Gives the session a default of its own.
  ///
  /// Errors: as Set.
  Status SetDefault(std::string_view name, std::string_view value);
  /// Says what a read-only setting of this session is.
  void SetFixed(std::string_view name, std::string value);

  /// The limit of a statement's time; 0 means none.
  std::int64_t statement_timeout_ms() const;
  /// The limit of what a statement allocates; 0 means none.
  std::uint64_t statement_memory_bytes() const;
  /// The limit of the time between two statements, of a transaction block or outside of one; 0
  /// means none.
  std::int64_t idle_timeout_ms(bool in_block) const {
    return DurationMs(in_block ? "idle_in_transaction_session_timeout" : "idle_session_timeout");
  }
  /// The limit of what a statement waits for others; 0 means none.
  std::int64_t lock_timeout_ms() const;
  bool default_transaction_read_only() const { return IsOn("default_transaction_read_only"); }
  bool synchronous_commit() const { return IsOn("synchronous_commit"); }
  /// What searches do unless their options say otherwise: see query::TopKOptions.
  bool ann_exact() const { return IsOn("ann.exact"); }
  std::size_t ann_ef() const;
  bool ann_require_index() const { return IsOn("ann.require_index"); }

 private:
  /// The value of a setting that is a duration.
  std::int64_t DurationMs(std::string_view name) const;
  /// The value of a setting of on and off.
  bool IsOn(std::string_view name) const;

  // Values in their canonical form.
  std::map<std::string, std::string, std::less<>> changed_;
  std::map<std::string, std::string, std::less<>> defaults_;  // Where they are the session's own.
};

/// Reads '200ms', '5s', '2min', '1h', '1d', '30' (milliseconds). Returns nullopt for anything else.
std::optional<std::int64_t> ParseDurationMs(std::string_view text);

}  // namespace dashi::sql
