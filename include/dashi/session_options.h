#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dashi {

/// A statement that matters for security, once it has run: of roles and definitions, publications,
/// uses of the server's files, and every one that was refused for lack of rights.
struct AuditedStatement {
  std::string kind;      ///< `CREATE ROLE`
  std::string object;    ///< the role, model, table or path that it names; may be empty
  std::string sqlstate;  ///< 00000: it succeeded, as far as the block in which it stands does
};

/// What a statement came to, once its last row was read or it ended otherwise.
struct StatementReport {
  /// `SELECT`, `CREATE MODEL`; `` of a text that is no statement, or one that cannot be prepared.
  std::string_view kind;
  std::string_view statement;             ///< without secrets; `` where there is no kind
  std::chrono::microseconds duration{0};  ///< up to its last row, as it was read
  std::uint64_t num_rows = 0;             ///< that were read
  std::string_view sqlstate;              ///< 00000: it succeeded
  bool slow = false;                      ///< it took SessionOptions::slow_statement or longer
  std::vector<std::string> plan;  ///< of a slow one: lines, as EXPLAIN has them; empty without one
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

  /// What the table `sessions` shows: a number, 0 for one of the database's choice, and where the
  /// client is.
  std::uint32_t id = 0;
  std::string client;
  /// The names of the other databases that the client could have asked for: pg_database lists them.
  std::vector<std::string> other_databases;
  /// How CANCEL SESSION and TERMINATE SESSION end what it runs and the session, in place of
  /// Session::Cancel and nothing. They are called by other threads, must not wait for the session,
  /// and are not called once it is destroyed.
  std::function<void()> on_cancel;
  std::function<void()> on_terminate;
  /// Is told of every statement that has ended, on the session's thread; the views are gone when it
  /// returns. It must not throw, nor use the session.
  std::function<void(const StatementReport& report)> on_statement;
  /// What takes so long is slow; nullopt: nothing is.
  std::optional<std::chrono::milliseconds> slow_statement;
  /// The default of the setting statement_memory, the limit of what a statement allocates; 0 means
  /// none.
  std::uint64_t statement_memory_bytes_max = 0;
};

}  // namespace dashi
