#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/activity/session_directory.h"
#include "sql/parser.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// A statement from its begin to its last row: the session's entry in `sessions` shows it
/// meanwhile, and whoever wants to know is told what it came to.
///
/// Threads: the session's.
class StatementWatch {
 public:
  /// Begins. `session` must outlive it.
  StatementWatch(SessionState& session, const ParsedStatement& statement);
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;

  /// Ends, once. `plan` is asked for the plan's lines when the statement was a slow one.
  void End(const Status& outcome, std::uint64_t num_rows,
           const std::function<std::vector<std::string>()>& plan);

 private:
  SessionState& session_;
  const std::string_view kind_;
  std::string text_;  // as far as it may be shown
  const std::int64_t begun_micros_;
  bool ended_ = false;
};

/// What the session is when no statement of it runs.
SessionActivity::State StateBetweenStatements(const SessionState& session);

/// The statement as others may see it: without what follows the first words where passwords stand.
std::string ShownText(const ParsedStatement& statement);

}  // namespace dashi::sql
