#include "sql/backup_statement.h"

#include <charconv>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/statement_monitor.h"

namespace dashi::sql {

namespace {

Value Count(std::uint64_t count) { return Value::Integer(static_cast<std::int64_t>(count)); }

Status ReadKeep(const OptionNode& option, storage::BackupOptions* options) {
  const char* end = option.value.data() + option.value.size();
  const auto [read, error] = std::from_chars(option.value.data(), end, options->keep);
  if (error != std::errc() || read != end || options->keep == 0) {
    return Status::InvalidArgument("invalid value for the option keep: \"" + option.value + "\"")
        .WithHint("Allowed: a number of backups, from 1.");
  }
  return Status();
}

Status ReadVerify(const OptionNode& option, storage::BackupOptions* options) {
  options->verify_all = option.value == "all";
  if (!options->verify_all && option.value != "new") {
    return Status::InvalidArgument("invalid value for the option verify: \"" + option.value + "\"")
        .WithHint("Allowed: new or all.");
  }
  return Status();
}

Result<storage::BackupOptions> ReadOptions(const ParsedStatement& statement,
                                           const BackupStatement& backup) {
  storage::BackupOptions options;
  for (const OptionNode& option : backup.options) {
    Status read;
    if (option.name == "keep") {
      read = ReadKeep(option, &options);
    } else if (option.name == "verify") {
      read = ReadVerify(option, &options);
    } else {
      static constexpr std::string_view kNames[] = {"keep", "verify"};
      const std::string_view nearest = NearestName(option.name, kNames);
      read = Status::InvalidArgument("unknown option: " + option.name)
                 .WithHint(nearest.empty() ? "The options are keep and verify."
                                           : "Did you mean " + std::string(nearest) + "?");
    }
    if (!read.ok()) {
      return statement.At(std::move(read), option.offset);
    }
  }
  return options;
}

}  // namespace

std::vector<Row> BackupListRows(const std::vector<storage::BackupInfo>& backups) {
  std::vector<Row> rows;
  for (const storage::BackupInfo& backup : backups) {
    if (!backup.damage.empty()) {
      rows.push_back({Count(backup.number), Value::Null(), Value::Null(), Value::Null(),
                      Value::Null(), Value::Null(), Value::Null(), Value::Text(backup.damage)});
      continue;
    }
    rows.push_back({Count(backup.number), Value::Text(FormatTimestamp(backup.created_at_micros)),
                    Count(backup.commit_sequence), Count(backup.num_files), Count(backup.num_bytes),
                    Count(backup.num_files_shared), Count(backup.num_bytes_shared), Value::Null()});
  }
  return rows;
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const BackupStatement& backup) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "BACKUP"));
  DASHI_ASSIGN_OR_RETURN(const storage::BackupOptions options, ReadOptions(statement, backup));
  StatementMonitor monitor(session, "BACKUP");
  DASHI_ASSIGN_OR_RETURN(storage::BackupSummary summary,
                         session.database.store().Backup(backup.path, options, monitor));
  std::vector<std::string> notices = std::move(summary.notes);
  if (summary.num_deleted > 0) {
    notices.push_back("backups deleted: " + std::to_string(summary.num_deleted));
  }
  notices.push_back("commits waited at most " + std::to_string(summary.pause_micros / 1000) +
                    " ms");
  return Finished("BACKUP " + std::to_string(summary.number), OwnColumns(backup),
                  {{Count(summary.number), Count(summary.commit_sequence), Count(summary.num_files),
                    Count(summary.num_bytes), Count(summary.num_files_copied),
                    Count(summary.num_bytes_copied)}},
                  std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& /*session*/, const ParsedStatement& /*statement*/,
                                    const ShowBackupsStatement& show) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::BackupInfo> backups,
                         storage::ListBackups(show.path));
  return Finished("SHOW", OwnColumns(show), BackupListRows(backups));
}

}  // namespace dashi::sql
