#pragma once

namespace dashi {

/// How far threads of the background give way to those that people wait for.
enum class ThreadPriority {
  kBehind,  ///< a tenth of a processor's time where both want it
  kLast,    ///< next to nothing then
};

/// Lowers the priority of the calling thread for good. A hint: what fails is ignored.
void LowerThreadPriority(ThreadPriority priority);

}  // namespace dashi
