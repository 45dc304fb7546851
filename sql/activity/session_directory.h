#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_account.h"
#include "base/mutex.h"

namespace dashi::sql {

/// What the table `sessions` tells of a session. Times are microseconds since 1970, 0: none.
struct SessionActivity {
  enum class State : std::uint8_t { kIdle, kActive, kInBlock, kInFailedBlock };

  std::uint32_t id = 0;
  std::string user;
  std::string client;       ///< the address of who is served; empty: the program itself
  std::string application;  ///< the setting application_name
  State state = State::kIdle;
  std::string kind;       ///< of the statement that runs or ran last: `SELECT`
  std::string statement;  ///< the first of its bytes; without secrets
  std::int64_t opened_at_micros = 0;
  std::int64_t state_since_micros = 0;
  std::int64_t statement_started_at_micros = 0;
  std::int64_t block_started_at_micros = 0;  ///< of an open transaction block
  std::uint64_t memory_bytes = 0;            ///< what it holds
};

/// `active`, `idle`, `idle in transaction`, `idle in transaction (aborted)`
std::string_view SessionStateName(SessionActivity::State state);

/// A session as others see it.
///
/// Threads: all methods may be called at once.
class SessionEntry {
 public:
  /// How others end what a session does. They are called by other threads, and not once Detach has
  /// returned.
  struct Controls {
    std::function<void()> cancel;
    std::function<void()> terminate;  ///< empty: only the program itself can
  };

  SessionEntry(SessionActivity activity, MemoryAccountRef memory, Controls controls);

  std::uint32_t id() const { return id_; }

  void BeginStatement(std::string_view kind, std::string_view statement, std::int64_t now_micros)
      DASHI_EXCLUDES(mutex_);
  /// What the session is between two statements, unless a request goes on.
  void EndStatement(SessionActivity::State state, std::string_view application,
                    std::int64_t now_micros) DASHI_EXCLUDES(mutex_);
  /// A request of several statements, and what is sent of their rows, counts as one time of work.
  void BeginRequest(std::int64_t now_micros) DASHI_EXCLUDES(mutex_);
  void EndRequest(SessionActivity::State state, std::int64_t now_micros) DASHI_EXCLUDES(mutex_);
  SessionActivity Get() const DASHI_EXCLUDES(mutex_);

  void Cancel() DASHI_EXCLUDES(mutex_);
  /// Returns false when only the program that has the session can end it.
  bool Terminate() DASHI_EXCLUDES(mutex_);
  /// The session goes.
  void Detach() DASHI_EXCLUDES(mutex_);

 private:
  void SetState(SessionActivity::State state, std::int64_t now_micros) DASHI_REQUIRES(mutex_);

  const std::uint32_t id_;
  const MemoryAccountRef memory_;  // Sharers: see SessionState.
  mutable Mutex mutex_;
  SessionActivity activity_ DASHI_GUARDED_BY(mutex_);
  Controls controls_ DASHI_GUARDED_BY(mutex_);
  bool in_request_ DASHI_GUARDED_BY(mutex_) = false;
};

/// The open sessions of a database.
///
/// Threads: all methods may be called at once.
class SessionDirectory {
 public:
  /// Sessions that are given no number count from here.
  static constexpr std::uint32_t kFirstOwnId = 1'000'000'001;

  /// Adds a session, with a number of its own where `activity` has none.
  // Sharers: the session, and whoever looks at it or ends what it does.
  std::shared_ptr<SessionEntry> Open(SessionActivity activity, MemoryAccountRef memory,
                                     SessionEntry::Controls controls) DASHI_EXCLUDES(mutex_);
  void Close(const std::shared_ptr<SessionEntry>& entry) DASHI_EXCLUDES(mutex_);

  /// By their numbers.
  std::vector<SessionActivity> All() const DASHI_EXCLUDES(mutex_);
  /// Null when there is none.
  std::shared_ptr<SessionEntry> Find(std::uint32_t id) const DASHI_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::multimap<std::uint32_t, std::shared_ptr<SessionEntry>> entries_ DASHI_GUARDED_BY(mutex_);
  std::uint32_t next_own_id_ DASHI_GUARDED_BY(mutex_) = kFirstOwnId;
};

}  // namespace dashi::sql
