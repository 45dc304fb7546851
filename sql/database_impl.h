#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "dashi/options.h"
#include "dashi/status.h"
#include "query/release_cache.h"
#include "query/release_events.h"
#include "sql/activity/session_directory.h"
#include "sql/index_builder.h"
#include "sql/load_turns.h"
#include "sql/roles/role_memory.h"
#include "sql/schedule/running_schedules.h"
#include "storage/store.h"
#include "trainer/job_manager.h"

namespace dashi::internal {

/// What the sessions of one database share. Opening makes the store alone; the rest is made when a
/// statement first needs it, so that a short-lived process stays quick.
///
/// Threads: all methods may be called at once.
class DatabaseImpl {
 public:
  /// Sharers: the Database object and the sessions.
  static Result<std::shared_ptr<DatabaseImpl>> Open(const std::string& directory,
                                                    const OpenOptions& options);
  DatabaseImpl(const DatabaseImpl&) = delete;
  DatabaseImpl& operator=(const DatabaseImpl&) = delete;

  storage::Store& store() { return *store_; }
  sql::IndexBuilder& index_builder() { return *index_builder_; }
  /// Has the index builder look for work when there is some.
  void WakeIndexBuilder();
  query::ReleaseCache& releases();
  query::ReleaseEvents& release_events() { return *release_events_; }
  sql::SessionDirectory& sessions() { return sessions_; }
  sql::LoadTurns& load_turns() { return load_turns_; }
  sql::RunningSchedules& running_schedules() { return running_schedules_; }
  sql::RoleMemory& role_memory() { return role_memory_; }
  trainer::JobManager& jobs();
  /// The job manager when there is one, else nullptr: no job runs then.
  trainer::JobManager* jobs_or_null();
  const std::string& torch_module_path() const { return options_.torch_module_path; }
  /// Changes when roles may have changed.
  std::uint64_t roles_version() const { return roles_version_; }
  void NoteRolesChanged() { ++roles_version_; }
  /// The last part of the directory's path: what current_database() answers.
  const std::string& name() const { return name_; }

 private:
  DatabaseImpl(std::unique_ptr<storage::Store> store, const OpenOptions& options, std::string name);
  static void Close(DatabaseImpl* database);

  OpenOptions options_;
  std::string name_;
  sql::SessionDirectory sessions_;
  sql::LoadTurns load_turns_;
  sql::RunningSchedules running_schedules_;
  sql::RoleMemory role_memory_;
  std::atomic<std::uint64_t> roles_version_ = 1;
  // Declared in the order of dependence: each member uses those above it.
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<sql::IndexBuilder> index_builder_;
  Mutex mutex_;
  std::unique_ptr<ThreadPool> pool_ DASHI_GUARDED_BY(mutex_);
  std::unique_ptr<query::ReleaseCache> releases_ DASHI_GUARDED_BY(mutex_);
  std::unique_ptr<trainer::JobManager> jobs_ DASHI_GUARDED_BY(mutex_);
  std::unique_ptr<query::ReleaseEvents> release_events_;  // Its thread calls the application.
};

}  // namespace dashi::internal
