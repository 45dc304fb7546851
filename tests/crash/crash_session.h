#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/database.h"
#include "tests/crash/crash_event.h"

namespace dashi::crash {

/// A session that reports what it commits to the parent.
///
/// Threads: one thread at a time.
class CrashSession {
 public:
  CrashSession(Database* database, CrashEventWriter* events, int owner);

  Result<std::vector<Row>> Query(std::string_view sql, std::span<const Value> values = {});
  Status Run(std::string_view sql) { return Query(sql).status(); }
  /// Runs a statement that must not fail.
  void MustRun(std::string_view sql);
  /// Runs a statement that must fail with `sqlstate`, and changes nothing.
  void MustFail(std::string_view sql, std::string_view sqlstate);
  /// Runs the statement that commits `changes`, and reports it before and after. Returns whether
  /// it did; a conflict with another session (40001) is the only refusal that is right.
  bool Commit(std::string_view sql, const RowChanges& changes);

  /// Whether the database knows a statement, and does not refuse it as not supported (0A000).
  /// The statement must be one that fails otherwise, or that changes nothing.
  bool Understands(std::string_view sql);

  void SendProblem(std::string_view text) { events_->SendProblem(text); }

 private:
  CrashEventWriter* const events_;
  const int owner_;
  std::unique_ptr<Session> session_;
};

/// A text as an SQL literal.
std::string Quoted(std::string_view text);

}  // namespace dashi::crash
