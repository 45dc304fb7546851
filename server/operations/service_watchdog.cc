#include "server/operations/service_watchdog.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"

namespace dashi {

namespace {

using std::chrono::milliseconds;

milliseconds PauseOf(const ServiceNotifier& notifier) {
  const auto interval = notifier.watchdog_interval();
  return interval
             ? std::max(std::chrono::duration_cast<milliseconds>(*interval / 2), milliseconds(1))
             : milliseconds(0);
}

}  // namespace

ServiceWatchdog::ServiceWatchdog(ServiceNotifier& notifier, Check check)
    : notifier_(notifier),
      check_(std::move(check)),
      pause_(PauseOf(notifier)),
      thread_([this] { return Step(); }) {
  if (pause_.count() > 0) {
    thread_.Wake();
  }
}

std::optional<milliseconds> ServiceWatchdog::Step() {
  // A pause and a check together are shorter than the manager's interval.
  if (check_(std::max(pause_ / 2, milliseconds(1)))) {
    notifier_.TellAlive();
  } else {
    LogError("the server does not answer; the service manager is not told that it lives");
  }
  return pause_;
}

}  // namespace dashi
