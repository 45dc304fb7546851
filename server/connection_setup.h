#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "dashi/status.h"
#include "server/auth/access_rules.h"
#include "server/server_options.h"
#include "server/tls_context.h"

namespace dashi {

/// What a connection begins with and keeps: the options, and what the files that they name hold.
struct ConnectionSetup {
  ServerOptions options;
  /// Sharers: the setups and connections. Null: there is no TLS.
  std::shared_ptr<TlsContext> tls;
  AccessRules access = AccessRules::Default();
  std::vector<std::string> file_directories;

  /// Reads the files.
  ///
  /// Errors: those of the files; kInvalidArgument for a certificate without a key.
  static Result<std::shared_ptr<const ConnectionSetup>> Load(const ServerOptions& options);
};

/// The setup of connections that begin now.
///
/// Threads: all methods may be called at once.
class CurrentSetup {
 public:
  // Sharers: this and the connections that began with it.
  using Pointer = std::shared_ptr<const ConnectionSetup>;

  explicit CurrentSetup(Pointer setup);
  Pointer Get() const DASHI_EXCLUDES(mutex_);
  void Set(Pointer setup) DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  Pointer setup_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi
