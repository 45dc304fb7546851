#pragma once

#include "base/mutex.h"
#include "dashi/database.h"
#include "dashi/status.h"
#include "server/server.h"
#include "sql/shell/byte_sink.h"

namespace dashi {

/// How often the process was asked to stop.
///
/// Threads: all methods may be called at once.
class StopRequests {
 public:
  void Add() DASHI_EXCLUDES(mutex_);
  int count() const DASHI_EXCLUDES(mutex_);
  /// Waits for the first one.
  void Wait() DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  CondVar added_;
  int count_ DASHI_GUARDED_BY(mutex_) = 0;
};

/// Serves `database` until it is asked to stop; running queries then have options.drain_time to
/// end, less when it is asked again. `log` gets a line when the server answers, and one when it
/// stops.
Status Serve(Database& database, const ServerOptions& options, StopRequests& stop_requests,
             ByteSink& log);

}  // namespace dashi
