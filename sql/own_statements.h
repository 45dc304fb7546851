#pragma once

#include "sql/ast.h"
#include "sql/parser.h"
#include "sql/session_state.h"

namespace dashi::sql {

/// Run dashi's own statements. Errors name the option, file or model, with its position.
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CopyFromStatement& copy);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterTableStatement& alter);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateIndexStatement& create);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropIndexStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateGraphStatement& create);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropGraphStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateModelStatement& create);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterModelStatement& alter);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropModelStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropReleaseStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PinReleaseStatement& pin);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const RefreshModelStatement& refresh);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const TrainModelStatement& train);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const EvaluateModelStatement& evaluate);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ExportModelStatement& exported);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ImportModelStatement& transfer);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CompareStatement& compare);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PublishStatement& publish);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const RevertModelStatement& revert);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const WaitJobStatement& wait);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CancelJobStatement& cancel);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const EndSessionStatement& end);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PauseJobStatement& pause);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ResumeJobStatement& resume);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CheckDatabaseStatement& check);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const BackupStatement& backup);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ShowBackupsStatement& show);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ShowModelStatement& show);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DescribeStatement& describe);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CommentStatement& comment);

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateRoleStatement& create);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterRoleStatement& alter);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropRoleStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const GrantStatement& grant);

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateScheduleStatement& create);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterScheduleStatement& alter);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropScheduleStatement& drop);
StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PauseScheduleStatement& pause);

}  // namespace dashi::sql
