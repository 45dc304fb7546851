#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"

namespace dashi::crash {

/// A new database is made after so many kills, so that what comes first in one is killed too.
inline constexpr std::uint64_t kKillsPerDatabase = 40;
/// How often a failpoint is tried that no kill has met.
inline constexpr int kAttemptsPerFailpoint = 4;

/// The names of all failpoints that stand in the sources.
std::vector<std::string> FailpointsInSources();

/// A moment that is uniform in the logarithm: as many in the first hundredth of a range of four
/// powers of ten as in its last nine tenths.
std::int64_t RandomMicros(double least, double most, Random* random);

}  // namespace dashi::crash
