#include "storage/graph/edge.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dashi::storage {

double WeightAt(const EdgeValues& values, std::int64_t half_life_micros, std::int64_t now_micros) {
  if (half_life_micros <= 0 || now_micros <= values.last_seen_micros) {
    return values.weight;
  }
  // Subtracted as doubles: times may be anything.
  const double age = static_cast<double>(now_micros) - static_cast<double>(values.last_seen_micros);
  return values.weight * std::exp2(-age / static_cast<double>(half_life_micros));
}

EdgeValues SumOf(const EdgeValues& a, const EdgeValues& b, std::int64_t half_life_micros) {
  EdgeValues sum;
  sum.last_seen_micros = std::max(a.last_seen_micros, b.last_seen_micros);
  sum.weight = std::min(WeightAt(a, half_life_micros, sum.last_seen_micros) +
                            WeightAt(b, half_life_micros, sum.last_seen_micros),
                        std::numeric_limits<double>::max());
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - a.clicks;
  sum.clicks = a.clicks + std::min(b.clicks, room);
  return sum;
}

}  // namespace dashi::storage
