#pragma once

#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "dashi/status.h"
#include "sql/interruption.h"

namespace dashi::sql {

/// Whose turn it is to load: a store takes one bulk load at a time, and a COPY that waits for
/// another one's end can be cancelled.
///
/// Threads: all methods may be called at once.
class LoadTurns {
 public:
  /// Gives the turn back as it goes.
  class Turn {
   public:
    explicit Turn(LoadTurns& turns) : turns_(turns) {}
    ~Turn() { turns_.GiveBack(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    LoadTurns& turns_;
  };

  /// Waits for the turn, which must not outlive this.
  ///
  /// Errors: those of `interruption`; 55P03 when it took longer than `timeout_ms`, 0 of which is
  ///         any time.
  Result<std::unique_ptr<Turn>> Take(const Interruption& interruption, std::int64_t timeout_ms)
      DASHI_EXCLUDES(mutex_);

 private:
  void GiveBack() DASHI_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar given_back_;
  bool taken_ DASHI_GUARDED_BY(mutex_) = false;
};

}  // namespace dashi::sql
