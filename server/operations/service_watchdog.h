#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/on_demand_thread.h"
#include "server/operations/service_notifier.h"

namespace dashi {

/// Tells the service manager, twice in each of its intervals, that the server is alive, as long as
/// it is: a manager that hears nothing for an interval starts it anew. Does nothing where nobody
/// watches.
class ServiceWatchdog {
 public:
  /// Returns whether the server has shown within `timeout` that it lives. Called by a thread of the
  /// watchdog's.
  using Check = std::function<bool(std::chrono::milliseconds timeout)>;

  /// `notifier` and what `check` uses must outlive it.
  ServiceWatchdog(ServiceNotifier& notifier, Check check);

 private:
  std::optional<std::chrono::milliseconds> Step();

  ServiceNotifier& notifier_;
  const Check check_;
  const std::chrono::milliseconds pause_;  // between two checks; 0: none
  OnDemandThread thread_;
};

}  // namespace dashi
