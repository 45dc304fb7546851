#include "sql/schedule/time_zone.h"

#include <chrono>

#include "base/status.h"

namespace dashi::sql {

namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

cctz::time_point<cctz::seconds> PointOf(std::int64_t micros) {
  const std::int64_t rest = ((micros % kMicrosPerSecond) + kMicrosPerSecond) % kMicrosPerSecond;
  return cctz::time_point<cctz::seconds>(cctz::seconds((micros - rest) / kMicrosPerSecond));
}

std::int64_t MicrosOf(const cctz::time_point<cctz::seconds>& point) {
  return point.time_since_epoch().count() * kMicrosPerSecond;
}

}  // namespace

Result<TimeZone> TimeZone::Load(std::string_view name) {
  TimeZone zone;
  zone.name_ = std::string(name);
  // A name is a path below the database's folder: one that leads elsewhere is no name. A file that
  // could be read instead of the database begins with a colon.
  const bool plain = !name.empty() && name.front() != '/' && name.front() != ':' &&
                     name.front() != '.' && name.find("..") == std::string_view::npos &&
                     name.find('\0') == std::string_view::npos;
  if (!plain || !cctz::load_time_zone(zone.name_, &zone.zone_)) {
    return Status::InvalidArgument("unknown time zone: " + std::string(name))
        .WithSqlState("22023")
        .WithHint(
            "Time zones are named as in 'Europe/Berlin' or 'UTC'; the package tzdata has them.");
  }
  return zone;
}

cctz::civil_second TimeZone::LocalTime(std::int64_t micros) const {
  return zone_.lookup(PointOf(micros)).cs;
}

cctz::time_zone::civil_lookup TimeZone::Lookup(const cctz::civil_second& local) const {
  return zone_.lookup(local);
}

std::int64_t TimeZone::NextTransition(std::int64_t micros) const {
  cctz::time_zone::civil_transition transition;
  if (!zone_.next_transition(PointOf(micros), &transition)) {
    return INT64_MAX;
  }
  return MicrosOf(zone_.lookup(transition.to).trans);
}

}  // namespace dashi::sql
