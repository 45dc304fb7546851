#include "server/maintenance_commands.h"

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/backup_statement.h"
#include "sql/check_statement.h"
#include "sql/own_columns.h"
#include "sql/progress_meter.h"
#include "sql/shell/display_width.h"
#include "sql/shell/progress_bar.h"
#include "sql/shell/result_writer.h"
#include "sql/shell/signal_watcher.h"
#include "storage/backup.h"
#include "storage/check.h"

namespace dashi {

namespace {

// Draws a storage operation's progress on a terminal, and stops it at the first Ctrl-C.
class CommandMonitor : public storage::TaskMonitor {
 public:
  static Result<std::unique_ptr<CommandMonitor>> Start(std::string operation,
                                                       const Console& console) {
    std::unique_ptr<CommandMonitor> monitor(new CommandMonitor(std::move(operation), console));
    DASHI_ASSIGN_OR_RETURN(
        monitor->watcher_,
        SignalWatcher::Start({SIGINT, SIGTERM}, [self = monitor.get()](int /*signal*/) {
          self->interrupted_ = true;
        }));
    return monitor;
  }
  ~CommandMonitor() override { bar_.Clear(); }

  void BeginPhase(std::string_view phase, std::string_view unit, std::uint64_t total) override {
    meter_.BeginPhase(std::string(phase), std::string(unit), total);
  }
  Status Advance(std::uint64_t done) override {
    meter_.Update(done);
    return interrupted_ ? Status::Cancelled("interrupted").WithSqlState("57014") : Status::Ok();
  }
  void EndPhase(std::uint64_t done) override { meter_.EndPhase(done); }

 private:
  CommandMonitor(std::string operation, const Console& console)
      : bar_(console.err),
        draw_(console.err_is_terminal ? ProgressCallback([this](const Progress& progress) {
          bar_.Draw(progress, TerminalWidth());
        })
                                      : ProgressCallback()),
        meter_(draw_, std::move(operation)) {}

  ProgressBar bar_;
  const ProgressCallback draw_;
  sql::ProgressMeter meter_;
  std::atomic<bool> interrupted_ = false;
  std::unique_ptr<SignalWatcher> watcher_;
};

Status WriteRows(const std::vector<Column>& columns, const std::vector<Row>& rows,
                 OutputFormat format, const Console& console) {
  WriterOptions options;
  options.format = format;
  options.terminal_width = console.out_is_terminal ? TerminalWidth() : 0;
  options.color = console.color && console.out_is_terminal;
  const std::unique_ptr<ResultWriter> writer = MakeResultWriter(options, console.out);
  DASHI_RETURN_IF_ERROR(writer->Begin(columns));
  for (const Row& row : rows) {
    DASHI_RETURN_IF_ERROR(writer->Write(row));
  }
  return writer->End();
}

}  // namespace

Result<int> RunCheck(const CommandLine& command_line, const Console& console) {
  storage::CheckReport report;
  {
    DASHI_ASSIGN_OR_RETURN(const auto monitor, CommandMonitor::Start("check", console));
    DASHI_ASSIGN_OR_RETURN(report, storage::CheckDirectory(command_line.directory, *monitor));
  }
  if (report.num_problems > 0) {
    DASHI_RETURN_IF_ERROR(WriteRows(sql::OwnColumns(sql::CheckDatabaseStatement()),
                                    sql::CheckRows(report), command_line.format, console));
  }
  for (const std::string& notice : sql::CheckNotices(report)) {
    DASHI_RETURN_IF_ERROR(console.err.Write("NOTICE:  " + PrintableText(notice) + "\n"));
  }
  return report.num_problems == 0 ? 0 : 1;
}

Result<int> RunListBackups(const CommandLine& command_line, const Console& console) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::BackupInfo> backups,
                         storage::ListBackups(command_line.backup_directory));
  DASHI_RETURN_IF_ERROR(WriteRows(sql::OwnColumns(sql::ShowBackupsStatement()),
                                  sql::BackupListRows(backups), command_line.format, console));
  return 0;
}

Result<int> RunRestore(const CommandLine& command_line, const Console& console) {
  storage::RestoreSummary restored;
  {
    DASHI_ASSIGN_OR_RETURN(const auto monitor, CommandMonitor::Start("restore", console));
    DASHI_ASSIGN_OR_RETURN(
        restored, storage::RestoreBackup(command_line.backup_directory, command_line.backup_number,
                                         command_line.directory, *monitor));
  }
  DASHI_RETURN_IF_ERROR(console.err.Write(fmt::format(
      "RESTORE {}: {} files of {} bytes, verified; the database is at commit {}\n", restored.number,
      restored.num_files, restored.num_bytes, restored.commit_sequence)));
  return 0;
}

}  // namespace dashi
