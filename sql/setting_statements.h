#pragma once

#include "sql/ast.h"
#include "sql/parser.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// SHOW name, SET and RESET. Errors as Settings, with the position of the name.
StatementResult ExecuteShowSetting(SessionState& session, const ParsedStatement& statement,
                                   const ShowSettingStatement& show);
StatementResult ExecuteSet(SessionState& session, const ParsedStatement& statement,
                           const SetStatement& set);
StatementResult ExecuteReset(SessionState& session, const ParsedStatement& statement,
                             const ResetStatement& reset);

}  // namespace dashi::sql
