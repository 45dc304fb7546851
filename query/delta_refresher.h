#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/on_demand_thread.h"
#include "base/thread_pool.h"
#include "dashi/status.h"
#include "query/delta_picture.h"
#include "storage/store.h"

namespace dashi::query {

class ReleaseCache;
struct ServingRelease;

/// How far the embeddings of a release are behind the rows.
struct RefreshState {
  std::uint64_t sequence = 0;  ///< commits up to it are embedded
  double lag_seconds = 0;      ///< since the oldest commit that is not; 0: there is none
};

/// Embeds rows that came after the releases that serve, by itself, on a thread of its own, so that
/// no statement has to; and keeps the embeddings in the database, so that the next process has
/// them.
///
/// A release is looked after from its first use on, while it is loaded and published. What fails
/// is logged and tried again.
///
/// Threads: all methods may be called at once.
/// Cost:    a look at the last commit ten times a second, while a release is looked after.
class DeltaRefresher {
 public:
  /// Both are borrowed. Does nothing in a database that is open for reading only.
  DeltaRefresher(storage::Store* store, ReleaseCache* releases);
  DeltaRefresher(const DeltaRefresher&) = delete;
  DeltaRefresher& operator=(const DeltaRefresher&) = delete;

  /// Says that a release was loaded.
  void Wake();
  /// nullopt when the release of that job is not looked after.
  std::optional<RefreshState> StateOf(std::uint64_t job) const DASHI_EXCLUDES(mutex_);

  /// Embeds what a release lacks of a view, and keeps it: labels, and documents where nearest() has
  /// loaded those. Returns how many rows the release lacks. `check_stop` and `rows_done` may be
  /// empty.
  Result<std::uint64_t> Refresh(const storage::View& view, const ServingRelease& release,
                                const std::function<Status()>& check_stop,
                                const RowsDone& rows_done = {}) DASHI_EXCLUDES(save_mutex_);

 private:
  struct Followed {
    RefreshState state;
    /// When a commit beyond `state.sequence` was first seen.  Units: monotonic microseconds.
    std::optional<std::int64_t> behind_since;
    std::uint64_t sealed_sequence = 0;  ///< of the labels when embeddings were last kept
  };
  /// A release that was loaded. It is held only while there is something to do: one that nobody
  /// uses may be unloaded.
  struct LookedAt {
    std::string model;
    std::uint32_t number = 0;
    std::uint64_t job = 0;
    std::weak_ptr<const ServingRelease> release;
  };
  using Loaded = std::vector<std::shared_ptr<const ServingRelease>>;
  using TextHashes = std::unordered_map<std::uint32_t, std::uint64_t>;  // By ordinal.

  std::optional<std::chrono::milliseconds> Step() DASHI_EXCLUDES(mutex_, save_mutex_);
  /// Refreshes all that is behind. Returns whether a release is looked after.
  Result<bool> Look() DASHI_EXCLUDES(mutex_, save_mutex_);
  std::vector<LookedAt> LoadedReleases() DASHI_EXCLUDES(mutex_, save_mutex_);
  /// Forgets releases that are not loaded any more.
  void Forget(const Loaded& loaded) DASHI_EXCLUDES(mutex_, save_mutex_);
  /// Notes that there are commits up to `sequence`. Says whether there is something to do: rows to
  /// embed, or embeddings to remove that were sealed.
  bool IsBehind(const ServingRelease& release, std::uint64_t sequence) DASHI_EXCLUDES(mutex_);
  Status Save(const storage::View& view, const storage::ReleaseRecord& record,
              storage::EntityKind kind, const DeltaPicture& picture) DASHI_EXCLUDES(save_mutex_);
  Status RemoveOld(const storage::ReleaseRecord& record, storage::EntityKind kind,
                   const DeltaPicture& picture, TextHashes* saved) DASHI_REQUIRES(save_mutex_);

  storage::Store* const store_;
  ReleaseCache* const releases_;
  Mutex save_mutex_;
  /// The texts, by their hashes, that kept embeddings of a version are of.
  std::map<std::pair<std::uint64_t, storage::EntityKind>, TextHashes> saved_
      DASHI_GUARDED_BY(save_mutex_);
  mutable Mutex mutex_;
  std::map<std::uint64_t, Followed> followed_ DASHI_GUARDED_BY(mutex_);  // By job.
  std::string last_error_;                                               // Of the thread alone.
  OnDemandThread thread_;  // Last: it uses what stands before it.
};

}  // namespace dashi::query
