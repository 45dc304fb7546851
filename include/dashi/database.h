#pragma once

#include <memory>
#include <string>

#include "dashi/options.h"
#include "dashi/release_event.h"
#include "dashi/session.h"
#include "dashi/session_options.h"
#include "dashi/status.h"
#include "dashi/subscription.h"
#include "dashi/version.h"

namespace dashi {

namespace internal {
class DatabaseAccess;
class DatabaseImpl;
class RoleDirectory;
}  // namespace internal

/// An open database directory.
///
/// Sessions may outlive this object: the database is closed, and its directory free for others,
/// when the last of them is gone too.
///
/// No function of dashi throws, whatever the libraries below it do: what they throw becomes a
/// Status, std::bad_alloc as kResourceExhausted (53200). Only where memory for a Status, a Value or
/// a string that is returned is lacking, std::bad_alloc gets out, as out of any std::string. What
/// the application's callbacks throw comes back as a Status as well.
///
/// Threads: all methods may be called at once, but for the destructor.
class Database {
 public:
  /// Opens the database in `directory`.
  ///
  /// Errors: kNotFound when it is absent and create_if_missing is off; kInvalidArgument when the
  ///         directory holds something else; kUnavailable (55006) when another process has it open;
  ///         kUnimplemented (0A000) for a newer format; kCorruption when acknowledged data is
  ///         missing or damaged.
  static Result<std::unique_ptr<Database>> Open(const std::string& directory,
                                                const OpenOptions& options = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Makes a session that may do everything.
  Result<std::unique_ptr<Session>> NewSession();
  /// Makes a session with the rights of a role, for a program that lets others in.
  ///
  /// Errors: kNotFound (28000) when there is no such role.
  Result<std::unique_ptr<Session>> NewSession(const SessionOptions& session_options);
  /// Has `callback` told of every release that is published, reverted to or dropped from now on, by
  /// whichever session, until the subscription ends. There may be any number of subscriptions; each
  /// is told of each event once, in the order of the commits.
  ///
  /// When:    after the commit, which is on the disk: a statement that begins in the callback sees
  ///          it. (The commit of a drop is as durable as synchronous_commit says.) Events wait for
  ///          callbacks, so that none is lost when releases are published quickly one after the
  ///          other, up to 10,000: see ReleaseEvent::missed.
  /// Threads: called on a thread of the database's own, one event and one callback at a time. A
  ///          slow callback delays the others, and never the session that publishes. It may do
  ///          anything with the database: run statements, publish, subscribe, cancel. It may even
  ///          let go of the Database and its sessions, which are closed behind it then. What it
  ///          throws is logged, and it stays subscribed.
  /// Follow:  opened with read_only and follow, the database looks four times a second at what the
  ///          writing process has committed and tells the difference: publications of releases that
  ///          are still there and the release that serves at the end are told, a REVERT or DROP
  ///          that was undone or overtaken in between is not. Opened with read_only alone, nothing
  ///          ever changes.
  /// Errors:  kInvalidArgument for an empty callback; those of reading the catalog.
  Result<Subscription> SubscribeToReleases(ReleaseCallback callback);
  const std::string& directory() const;
  /// The last part of the directory, as current_database() has it.
  const std::string& name() const;

 private:
  friend class internal::DatabaseAccess;
  friend class internal::RoleDirectory;
  explicit Database(std::shared_ptr<internal::DatabaseImpl> impl);

  // Sharers: the sessions.
  std::shared_ptr<internal::DatabaseImpl> impl_;
};

}  // namespace dashi
