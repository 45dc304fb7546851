#pragma once

#include <cstdint>

#include "base/status.h"
#include "storage/task_monitor.h"

namespace dashi::storage {

/// Lets so many looks pass, and cancels the work at the next one.
class StoppingMonitor : public SilentMonitor {
 public:
  explicit StoppingMonitor(int looks) : looks_(looks) {}
  Status Advance(std::uint64_t /*done*/) override {
    return --looks_ < 0 ? Status::Cancelled("enough") : Status::Ok();
  }

 private:
  int looks_;
};

}  // namespace dashi::storage
