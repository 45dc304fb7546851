#pragma once

#include <memory>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/configuration.h"
#include "server/operations/inherited_sockets.h"
#include "server/operations/service_notifier.h"
#include "server/served_databases.h"
#include "sql/shell/byte_sink.h"

namespace dashi {

/// What the process was asked to do by signals.
///
/// Threads: all methods may be called at once.
class ServeRequests {
 public:
  enum class Kind { kStop, kReload };

  void Add(Kind kind) DASHI_EXCLUDES(mutex_);
  int num_stops() const DASHI_EXCLUDES(mutex_);
  /// Waits for something to do; a stop comes first, and again and again.
  Kind Wait() DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  CondVar added_;
  int num_stops_ DASHI_GUARDED_BY(mutex_) = 0;
  bool reload_ DASHI_GUARDED_BY(mutex_) = false;
};

/// What the service manager that started the process, such as systemd, is for the server.
struct ServiceManager {
  std::unique_ptr<ServiceNotifier> notifier;  ///< never null; tells nobody where there is none
  std::vector<InheritedSocket> sockets;       ///< where to listen, if not empty
};

/// Serves `databases` until it is asked to stop; running queries then have options.drain_time to
/// end, less when it is asked again. Asked to reload, it reads `sources` again and takes what a
/// running server can; what they say wrong changes nothing. `log` gets a line when the server
/// answers, when it stops, and on what a reload came to; `manager` is told the same.
Status Serve(ServedDatabases& databases, Configuration configuration,
             const ConfigurationSources& sources, ServiceManager& manager, ServeRequests& requests,
             ByteSink& log);

}  // namespace dashi
