#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include "dashi/status.h"

namespace dashi::sql {

/// A time zone of the system's database, such as 'Europe/Berlin'.
///
/// Threads: a value type; its methods are pure.
class TimeZone {
 public:
  /// What UTC is until another one is loaded.
  TimeZone() = default;

  /// Errors: kInvalidArgument (22023) for a name that the system's database does not have.
  static Result<TimeZone> Load(std::string_view name);

  const std::string& name() const { return name_; }

  /// What clocks of the zone show at a moment, in microseconds since 1970.
  cctz::civil_second LocalTime(std::int64_t micros) const;

  /// Where a local time stands. A time that clocks skip, and one that they show twice, have two
  /// moments: see cctz::time_zone::civil_lookup.
  cctz::time_zone::civil_lookup Lookup(const cctz::civil_second& local) const;

  /// The first moment behind this one at which clocks are put forward or back; INT64_MAX: none.
  std::int64_t NextTransition(std::int64_t micros) const;

 private:
  std::string name_ = "UTC";
  cctz::time_zone zone_ = cctz::utc_time_zone();
};

}  // namespace dashi::sql
