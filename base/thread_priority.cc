#include "base/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace dashi {

void LowerThreadPriority(ThreadPriority priority) {
  constexpr int kBehind = 10;
  constexpr int kLast = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()),
                priority == ThreadPriority::kLast ? kLast : kBehind);
}

}  // namespace dashi
