#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_account.h"
#include "dashi/copy_streams.h"
#include "dashi/progress.h"
#include "dashi/session_options.h"
#include "sql/interruption.h"
#include "sql/roles/roles.h"
#include "sql/row_source.h"
#include "sql/settings.h"
#include "sql/transaction_block.h"

namespace dashi::internal {
class DatabaseImpl;
}

namespace dashi::sql {

class SessionEntry;

/// What the statements of a session share.
struct SessionState {
  explicit SessionState(internal::DatabaseImpl& the_database) : database(the_database) {}

  internal::DatabaseImpl& database;
  Settings settings;
  TransactionBlock block;
  Interruption interruption;
  ProgressCallback on_progress;
  /// A training whose statement is interrupted is paused, so that it can go on, not cancelled.
  bool pauses_jobs = false;
  /// What COPY ... FROM STDIN and TO STDOUT use, while a statement that was given them runs.
  const CopyStreams* streams = nullptr;

  /// Who the session is: see SessionOptions.
  std::string user = "dashi";
  bool unrestricted = true;
  std::optional<std::vector<std::string>> file_directories;
  std::function<void(const AuditedStatement& statement)> on_audited;
  std::vector<std::string> other_databases;
  /// What the role may, as of the roles' version; not used when unrestricted.
  Rights rights;
  std::uint64_t rights_version = 0;
  /// What the session holds; in it, what each of its statements does. Sharers: what still holds
  /// memory of it, and who looks at it.
  MemoryAccountRef memory;
  MemoryAccountRef role_memory;  ///< of all sessions of the role; empty when unrestricted
  /// What others see of the session, and what is told of its statements.
  // Sharers: the database's directory and who looks at it.
  std::shared_ptr<SessionEntry> entry;
  std::function<void(const StatementReport& report)> on_statement;
  std::optional<std::chrono::microseconds> slow_statement;
  /// A statement may have changed roles since the last commit.
  bool roles_changed = false;

  /// A statement has written, or may have, since `needed_sequence` was set.
  bool has_written = false;
  /// The session's own commits are not beyond this one.
  std::uint64_t needed_sequence = 0;

  /// The settings as they were at BEGIN: a rolled back block undoes SET.
  Settings settings_at_begin;
  /// What SET LOCAL replaced, to be put back when the block ends; nullopt was the default.
  std::vector<std::pair<std::string, std::optional<std::string>>> local_settings;
};

/// What a statement of dashi's own returns.
using StatementResult = Result<std::unique_ptr<internal::RowSource>>;

/// Makes the result of a statement that has run to its end.
StatementResult Finished(std::string command_tag, std::vector<std::string> notices = {});
StatementResult Finished(std::string command_tag, std::vector<Column> columns,
                         std::vector<Row> rows, std::vector<std::string> notices = {},
                         MemoryCharge memory = {});

/// Fails with 25001 inside a transaction block.
Status RefuseInBlock(const SessionState& session, const char* statement);
/// Fails with 25006 when the database or the transaction is read-only.
Status RequireWritable(const SessionState& session, const char* statement);

/// Gives a statement a view: the block's, or a new snapshot.
Result<std::shared_ptr<const storage::View>> ReadView(SessionState& session);

/// What `synchronous_commit` asks for.
storage::Durability CommitDurability(const SessionState& session);

/// Runs `write` in the block, undoing it alone when it fails, or in a transaction of its own.
Status WriteAtomically(SessionState& session,
                       const std::function<Status(storage::Transaction&)>& write);

}  // namespace dashi::sql
