#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/on_demand_thread.h"
#include "dashi/release_event.h"
#include "dashi/status.h"
#include "query/release_picture.h"
#include "query/release_subscriber.h"
#include "storage/store.h"

namespace dashi::query {

/// How many events wait for callbacks that do not return; the oldest are left out beyond that.
inline constexpr std::size_t kReleaseEventsMax = 10'000;

/// Tells subscribers what becomes of releases, in the order of the commits, each event once and
/// after its commit, on a thread of its own that lives while there is something to tell.
///
/// Where another process writes, nobody tells of commits: the thread then looks at the catalog four
/// times a second, as long as there are subscribers, and tells the difference.
///
/// Threads: all methods may be called at once, and from callbacks, but for the destructor.
class ReleaseEvents {
 public:
  /// `follows`: another process writes, and each snapshot of the store shows its commits.
  ReleaseEvents(storage::Store* store, bool follows);
  /// Waits for a callback that runs. What is not told by then is not told.
  ~ReleaseEvents();
  ReleaseEvents(const ReleaseEvents&) = delete;
  ReleaseEvents& operator=(const ReleaseEvents&) = delete;

  /// The callback is told of all that is committed after this, or, where another process writes,
  /// becomes visible.
  ///
  /// Errors: those of a snapshot.
  Result<std::shared_ptr<internal::ReleaseSubscriber>> Subscribe(ReleaseCallback callback)
      DASHI_EXCLUDES(order_mutex_, mutex_);
  /// Runs `commit`, which commits and says what it did, and has the subscribers told.
  Status Commit(const std::function<Status(std::vector<ReleaseEvent>* done)>& commit)
      DASHI_EXCLUDES(order_mutex_, mutex_);
  /// Whether this is the thread that calls callbacks.
  bool is_calling_thread() const { return caller_.load() == std::this_thread::get_id(); }

 private:
  struct Waiting {
    std::uint64_t number = 0;
    ReleaseEvent event;
  };

  std::optional<std::chrono::milliseconds> Step() DASHI_EXCLUDES(order_mutex_, mutex_);
  /// Finds out what another process has committed.
  void Look() DASHI_EXCLUDES(order_mutex_, mutex_);
  void Enqueue(std::vector<ReleaseEvent> events) DASHI_REQUIRES(order_mutex_)
      DASHI_EXCLUDES(mutex_);
  void Append(std::vector<ReleaseEvent> events) DASHI_EXCLUDES(mutex_);
  /// Tells the oldest event that waits. Returns false when there is none.
  bool TellNext() DASHI_EXCLUDES(mutex_);
  void RemoveCancelled() DASHI_REQUIRES(mutex_);

  storage::Store* const store_;
  const bool follows_;
  std::atomic<std::thread::id> caller_{};
  Mutex order_mutex_;  // Makes the order of events that of commits; taken before mutex_.
  ReleasePicture picture_ DASHI_GUARDED_BY(order_mutex_);  // Of follows_: what was told.
  std::string last_error_ DASHI_GUARDED_BY(order_mutex_);
  Mutex mutex_;
  // Sharers: their Subscriptions.
  std::vector<std::shared_ptr<internal::ReleaseSubscriber>> subscribers_ DASHI_GUARDED_BY(mutex_);
  std::deque<Waiting> waiting_ DASHI_GUARDED_BY(mutex_);
  std::uint64_t num_events_ DASHI_GUARDED_BY(mutex_) = 0;
  OnDemandThread thread_;  // Last: it uses what stands before it.
};

/// Commits a transaction that changes releases. `events` may be null: nobody is told then.
Status CommitAndTell(storage::Transaction& transaction, ReleaseEvents* events,
                     std::vector<ReleaseEvent> done);

}  // namespace dashi::query
