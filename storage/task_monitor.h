#pragma once

#include <cstdint>
#include <string_view>

#include "dashi/status.h"

namespace dashi::storage {

/// Watches a long operation of the store: it is told how far the operation is, and may stop it.
///
/// Threads: called from the thread that runs the operation.
class TaskMonitor {
 public:
  virtual ~TaskMonitor() = default;
  /// Begins a phase of `total` units; 0 when unknown.
  virtual void BeginPhase(std::string_view phase, std::string_view unit, std::uint64_t total) = 0;
  /// Errors: any; the operation undoes what it has begun and ends with it.
  virtual Status Advance(std::uint64_t done) = 0;
  virtual void EndPhase(std::uint64_t done) = 0;
};

/// A monitor that tells nobody and never stops.
class SilentMonitor : public TaskMonitor {
 public:
  void BeginPhase(std::string_view /*phase*/, std::string_view /*unit*/,
                  std::uint64_t /*total*/) override {}
  Status Advance(std::uint64_t /*done*/) override { return Status::Ok(); }
  void EndPhase(std::uint64_t /*done*/) override {}
};

}  // namespace dashi::storage
