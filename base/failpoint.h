#pragma once

#include <string>
#include <string_view>

namespace dashi {

/// Marks a place where a test can kill the process: DASHI_FAILPOINT("copy.applied").
///
/// The environment variable DASHI_FAILPOINTS ("copy.applied" or "copy.chunk:3") names one point and
/// how often it is passed first; there the process ends at once, as kill -9 would. Without the
/// variable a point costs one load.
#define DASHI_FAILPOINT(name)                   \
  do {                                          \
    if (::dashi::internal::FailpointsArmed()) { \
      ::dashi::internal::HitFailpoint(name);    \
    }                                           \
  } while (false)

namespace internal {
bool FailpointsArmed();
void HitFailpoint(std::string_view name);
}  // namespace internal

}  // namespace dashi
