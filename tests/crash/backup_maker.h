#pragma once

#include <functional>
#include <string>

#include "tests/crash/crash_session.h"

namespace dashi::crash {

/// The one thread that makes backups beside the writers, restores each, and checks what came of it.
///
/// Threads: one thread at a time.
class BackupMaker {
 public:
  /// `directory` is where the backups and the restored database go.
  BackupMaker(Database* database, CrashEventWriter* events, const std::string& directory);

  /// Works until `stop` says so.
  void Run(const std::function<bool()>& stop);

 private:
  void MakeBackup();
  void RestoreNewest();

  CrashSession session_;
  const std::string backups_;
  const std::string restored_;
};

}  // namespace dashi::crash
