#include "tests/crash/kill_choice.h"

#include <array>
#include <cmath>

namespace dashi::crash {
namespace {

constexpr std::array kFailpoints = {
#include "tests/crash/failpoints.inc"
};

}  // namespace

std::vector<std::string> FailpointsInSources() { return {kFailpoints.begin(), kFailpoints.end()}; }

std::int64_t RandomMicros(double least, double most, Random* random) {
  return static_cast<std::int64_t>(least *
                                   std::exp(random->UniformReal() * std::log(most / least)));
}

}  // namespace dashi::crash
