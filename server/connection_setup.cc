#include "server/connection_setup.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi {

Result<std::shared_ptr<const ConnectionSetup>> ConnectionSetup::Load(const ServerOptions& options) {
  auto setup = std::make_shared<ConnectionSetup>();
  setup->options = options;
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return Status::InvalidArgument(
        "tls_certificate_file and tls_key_file are given together or not at all");
  }
  if (!options.tls_certificate_file.empty()) {
    DASHI_ASSIGN_OR_RETURN(setup->tls,
                           TlsContext::Load(options.tls_certificate_file, options.tls_key_file));
    if (setup->tls->expired()) {
      LogWarning("the certificate has expired: {}", options.tls_certificate_file);
    }
  }
  return std::shared_ptr<const ConnectionSetup>(std::move(setup));
}

CurrentSetup::CurrentSetup(Pointer setup) : setup_(std::move(setup)) {}

CurrentSetup::Pointer CurrentSetup::Get() const {
  const MutexLock lock(mutex_);
  return setup_;
}

void CurrentSetup::Set(Pointer setup) {
  const MutexLock lock(mutex_);
  setup_ = std::move(setup);
}

}  // namespace dashi
