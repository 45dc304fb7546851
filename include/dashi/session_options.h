#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dashi {

/// A statement that matters for security, once it has run: of roles and definitions, publications,
/// uses of the server's files, and every one that was refused for lack of rights.
struct AuditedStatement {
  std::string kind;      ///< `CREATE ROLE`
  std::string object;    ///< the role, model, table or path that it names; may be empty
  std::string sqlstate;  ///< 00000: it succeeded, as far as the block in which it stands does
};

/// Who a session is, for programs that let others in. Without it a session may do everything.
struct SessionOptions {
  /// What current_user tells.
  std::string user = "dashi";
  /// May do everything. Otherwise what the role named `user` may, as it is when a statement begins;
  /// nothing when there is none.
  bool unrestricted = true;
  /// The folders in which statements may name files (COPY, BACKUP, IMPORT MODEL and others);
  /// nullopt: wherever the process may.
  std::optional<std::vector<std::string>> file_directories;
  /// Is told of such statements, on the session's thread. It must not throw, nor use the session.
  std::function<void(const AuditedStatement& statement)> on_audited;
};

}  // namespace dashi
