#pragma once

#include <memory>
#include <string>

#include "base/mutex.h"
#include "dashi/session_options.h"
#include "dashi/status.h"
#include "server/auth/client_identity.h"

namespace dashi {

/// What happened that matters for security, a JSON object a line: logins and failed ones, changes
/// of roles and definitions, publications, backups and other uses of the server's files, and
/// statements that were refused for lack of rights. No text of a statement and no message of an
/// error stands in it, and so no password.
///
/// Threads: all methods may be called at once; a line is written by one call, so that several
///          processes may share a file.
class AuditLog {
 public:
  /// Appends to a file, which is made, for its owner alone, when absent. `stderr` is the log
  /// stream; an empty path writes nothing.
  ///
  /// Errors: kIoError when the file cannot be opened.
  Status Open(const std::string& path) DASHI_EXCLUDES(mutex_);

  void Login(const LoginEvent& event) DASHI_EXCLUDES(mutex_);
  void Statement(const ClientIdentity& client, const AuditedStatement& statement)
      DASHI_EXCLUDES(mutex_);

 private:
  class OpenFile;

  void Write(const std::string& line) DASHI_EXCLUDES(mutex_);

  Mutex mutex_;
  // Sharers: writes that began before the file was opened anew.
  std::shared_ptr<OpenFile> file_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi
