#pragma once

#include <vector>

#include "dashi/result_set.h"
#include "sql/ast.h"

namespace dashi::sql {

/// The columns of the rows that dashi's own statements report: those that run them use these, so
/// that a statement that was prepared tells them before.
std::vector<dashi::Column> OwnColumns(const TrainModelStatement& train);
std::vector<dashi::Column> OwnColumns(const EvaluateModelStatement& evaluate);
std::vector<dashi::Column> OwnColumns(const CompareStatement& compare);
std::vector<dashi::Column> OwnColumns(const ExportModelStatement& exported);
std::vector<dashi::Column> OwnColumns(const ImportModelStatement& transfer);
std::vector<dashi::Column> OwnColumns(const RefreshModelStatement& refresh);
std::vector<dashi::Column> OwnColumns(const PublishStatement& publish);
std::vector<dashi::Column> OwnColumns(const RevertModelStatement& revert);
std::vector<dashi::Column> OwnColumns(const WaitJobStatement& wait);
std::vector<dashi::Column> OwnColumns(const ResumeJobStatement& resume);
std::vector<dashi::Column> OwnColumns(const BackupStatement& backup);
std::vector<dashi::Column> OwnColumns(const ShowBackupsStatement& show);
std::vector<dashi::Column> OwnColumns(const CheckDatabaseStatement& check);
std::vector<dashi::Column> OwnColumns(const ShowModelStatement& show);
std::vector<dashi::Column> OwnColumns(const ShowSettingStatement& show);
std::vector<dashi::Column> OwnColumns(const DescribeStatement& describe);
std::vector<dashi::Column> OwnColumns(const RunScheduleStatement& run);

/// The same of any statement of dashi's own; empty for those that report none.
std::vector<dashi::Column> ColumnsBeforeRun(const StatementNode& node);

/// The one column of EXPLAIN.
std::vector<dashi::Column> PlanColumns();

}  // namespace dashi::sql
