#include "tests/crash/backup_maker.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "storage/backup.h"
#include "storage/check.h"

namespace dashi::crash {

BackupMaker::BackupMaker(Database* database, CrashEventWriter* events, const std::string& directory)
    : session_(database, events, kSharedOwner),
      backups_(directory + "/backups"),
      restored_(directory + "/restored.db") {}

void BackupMaker::Run(const std::function<bool()>& stop) {
  while (!stop()) {
    MakeBackup();
    RestoreNewest();
  }
}

void BackupMaker::MakeBackup() {
  session_.MustRun(fmt::format("BACKUP TO {} WITH (keep = 2)", Quoted(backups_)));
}

void BackupMaker::RestoreNewest() {
  std::error_code ignored;
  std::filesystem::remove_all(restored_, ignored);
  const auto backups = storage::ListBackups(backups_);
  if (!backups.ok() || backups->empty() || !backups->back().damage.empty()) {
    session_.SendProblem("the backups cannot be listed: " + backups.status().ToString());
    return;
  }
  storage::SilentMonitor monitor;
  const auto restored =
      storage::RestoreBackup(backups_, backups->back().number, restored_, monitor);
  if (!restored.ok()) {
    session_.SendProblem("a backup cannot be restored: " + restored.status().ToString());
    return;
  }
  const auto report = storage::CheckDirectory(restored_, monitor);
  if (!report.ok()) {
    session_.SendProblem("a restored backup cannot be checked: " + report.status().ToString());
    return;
  }
  for (const storage::CheckProblem& problem : report->problems) {
    session_.SendProblem(fmt::format("a restored backup is damaged: {}: {}: {}", problem.object,
                                     problem.problem, problem.detail));
  }
}

}  // namespace dashi::crash
