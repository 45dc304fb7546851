#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/copy_streams.h"
#include "dashi/status.h"
#include "dashi/value.h"
#include "server/portal_store.h"
#include "server/statement_kind.h"
#include "server/statement_store.h"
#include "server/wire_encoder.h"
#include "sql/shell/statement_runner.h"

namespace dashi {

/// What a connection has of the database: its session, prepared statements, portals and cursors,
/// and the transaction of statements that came without one.
///
/// Statements that are sent together (one Query message, or the messages up to a Sync) are one
/// transaction, which begins and ends around them unless one is open: the *series transaction*. A
/// BEGIN among them makes it the client's own; COMMIT and ROLLBACK end it, and the next statement
/// begins another. A statement alone needs none.
///
/// Threads: one thread at a time.
class ClientSession {
 public:
  using Outcome = Result<std::unique_ptr<StatementResult>>;
  /// Whether others belong to the series of a statement, and how they are sent.
  enum class Place : std::uint8_t { kAlone, kInQuery, kInSeries };
  /// Names and values of settings.
  using Settings = std::vector<std::pair<std::string, std::string>>;

  /// `reported` is what the client knows of the settings.
  ClientSession(std::unique_ptr<StatementRunner> runner, Settings reported);
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  StatementRunner& runner() { return *runner_; }
  StatementStore& statements() { return statements_; }
  PortalStore& portals() { return portals_; }
  /// Closes a portal. Returns whether there was one.
  ///
  /// Errors: 24000 for the one that is being run.
  Result<bool> ClosePortal(std::string_view name);
  /// Closes all portals but the one that is being run.
  void CloseAllPortals() { portals_.CloseAllBut(running_); }

  /// Prepares a statement of the database, or a ClientStatement.
  Result<std::unique_ptr<PreparedQuery>> Prepare(std::string_view statement);
  /// Runs a statement, which a COPY reads or writes by `streams`.
  Outcome Run(std::string_view statement, Place place, const CopyStreams& streams);
  /// Runs the statement of a portal, whose rows it gets.
  Status Open(Portal& portal, Place place, const CopyStreams& streams);
  /// Decides the columns of a portal whose rows are open: their types by its first rows where none
  /// are declared.
  Status DecideColumns(Portal& portal);

  /// Has a text counted that never comes to the database, since it is no statement (42601).
  void NoteSyntaxError();
  /// Errors: 25P02 in a failed transaction block, which takes only what ends it.
  Status CheckTakes(StatementKind kind) const;
  /// Has what an error undoes undone: the series transaction; a block fails.
  void Fail();
  /// Ends the series transaction, and the portals where no block goes on.
  ///
  /// Errors: those of COMMIT; then nothing has happened.
  Status EndSeries();

  TransactionStatus transaction_status() const;
  /// Whether the series transaction is open.
  bool in_series() const { return in_series_; }
  /// Whether a cursor may be declared that ends with its transaction.
  bool in_block() const;
  /// Has settings compared with what the client knows of them.
  void ReportSettings();
  /// Appends what the client is to know of settings that have changed.
  void AppendReports(std::string* out);

 private:
  /// The server's own query that a statement is; null when it is the database's. A text that is no
  /// statement is counted as the database counts its own.
  Result<std::unique_ptr<PreparedQuery>> MakeOwn(std::string_view statement);
  Outcome RunAt(StatementKind kind, Place place, const std::function<Outcome()>& run);
  Outcome RunInSeries(StatementKind kind, const std::function<Outcome()>& run);
  Status RunQuietly(std::string_view statement);
  void RollBack();

  std::unique_ptr<StatementRunner> runner_;
  StatementStore statements_;
  PortalStore portals_;
  const Portal* running_ = nullptr;
  Settings reported_;
  bool reports_due_ = false;
  bool in_series_ = false;
  bool series_is_query_ = false;  // of one Query message
};

}  // namespace dashi
