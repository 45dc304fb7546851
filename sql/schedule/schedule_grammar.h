#pragma once

#include "dashi/status.h"
#include "sql/ast.h"
#include "sql/token_stream.h"

namespace dashi::sql {

/// Parse statements of schedules, from behind the word that begins them (CREATE, ALTER, DROP, RUN):
///
///     CREATE SCHEDULE [IF NOT EXISTS] name CRON 'expression' [TIME ZONE 'zone'] [IF (query)]
///         [WITH (option = value, ...)] AS statement | 'statement; ...' | $$statement; ...$$
///     ALTER SCHEDULE name [the same clauses, SET in place of WITH] [DROP IF] [RENAME TO name]
///     PAUSE | RESUME | RUN SCHEDULE name,  DROP SCHEDULE [IF EXISTS] name
///
/// Errors: as TokenStream; the statements inside are parsed as the outer one is, with positions in
///         its text where they stand in it as they are.
Result<StatementNode> ParseCreateSchedule(TokenStream& tokens);
Result<StatementNode> ParseAlterSchedule(TokenStream& tokens);
Result<StatementNode> ParseDropSchedule(TokenStream& tokens);
Result<StatementNode> ParsePauseSchedule(TokenStream& tokens, bool resumes);
Result<StatementNode> ParseRunSchedule(TokenStream& tokens);

}  // namespace dashi::sql
