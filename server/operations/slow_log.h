#pragma once

#include <cstdint>
#include <string>

#include "dashi/session_options.h"
#include "dashi/status.h"
#include "server/auth/client_identity.h"
#include "server/operations/log_file.h"

namespace dashi {

/// The statements that took long, with their plans, as lines of JSON. The values of parameters do
/// not stand in it, but those that are written into a statement do.
///
/// Threads: all methods may be called at once.
class SlowLog {
 public:
  SlowLog() : file_("log of slow statements") {}

  /// As LogFile::Open.
  Status Open(const std::string& path) { return file_.Open(path); }
  /// Writes a line when the statement was slow.
  void Note(const ClientIdentity& client, std::uint32_t session, const StatementReport& report);

 private:
  LogFile file_;
};

}  // namespace dashi
