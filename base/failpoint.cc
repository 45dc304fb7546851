#include "base/failpoint.h"

#include <atomic>
#include <csignal>
#include <cstdlib>

namespace dashi::internal {
namespace {

struct ArmedPoint {
  std::string name;
  std::atomic<long> passes_left{0};
  bool armed = false;

  ArmedPoint() {
    const char* text = std::getenv("DASHI_FAILPOINTS");
    if (text == nullptr || *text == '\0') {
      return;
    }
    const std::string_view spec(text);
    const std::size_t colon = spec.find(':');
    name = spec.substr(0, colon);
    if (colon != std::string_view::npos) {
      passes_left = std::strtol(std::string(spec.substr(colon + 1)).c_str(), nullptr, 10) - 1;
    }
    armed = true;
  }
};

ArmedPoint& Point() {
  static ArmedPoint* point = new ArmedPoint();
  return *point;
}

}  // namespace

bool FailpointsArmed() { return Point().armed; }

void HitFailpoint(std::string_view name) {
  ArmedPoint& point = Point();
  if (name == point.name && point.passes_left.fetch_sub(1) <= 0) {
    std::raise(SIGKILL);
  }
}

}  // namespace dashi::internal
