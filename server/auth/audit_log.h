#pragma once

#include <string>

#include "dashi/session_options.h"
#include "dashi/status.h"
#include "server/auth/client_identity.h"
#include "server/operations/log_file.h"

namespace dashi {

/// What happened that matters for security, a JSON object a line: logins and failed ones, changes
/// of roles and definitions, publications, backups and other uses of the server's files, and
/// statements that were refused for lack of rights. No text of a statement and no message of an
/// error stands in it, and so no password.
///
/// Threads: all methods may be called at once.
class AuditLog {
 public:
  AuditLog() : file_("audit log") {}

  /// As LogFile::Open.
  Status Open(const std::string& path) { return file_.Open(path); }

  void Login(const LoginEvent& event);
  void Statement(const ClientIdentity& client, const AuditedStatement& statement);

 private:
  LogFile file_;
};

}  // namespace dashi
