#include "server/connection_setup.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/logging.h"
#include "base/status.h"
#include "server/config_file.h"

namespace dashi {

namespace {

// a:b -> a, b
std::vector<std::string> FoldersOf(std::string_view list) {
  std::vector<std::string> folders;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(':'), list.size());
    if (end > 0) {
      folders.emplace_back(list.substr(0, end));
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return folders;
}

}  // namespace

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
  if (!options.access_file.empty()) {
    DASHI_ASSIGN_OR_RETURN(const std::string text, ReadConfigText(options.access_file));
    DASHI_ASSIGN_OR_RETURN(setup->access, AccessRules::Parse(text, options.access_file));
  }
  setup->file_directories = FoldersOf(options.file_directories);
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
