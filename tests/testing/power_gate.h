#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_gate.h"
#include "base/mutex.h"
#include "base/random.h"

namespace dashi::testing {

/// A disk whose power can be cut: it knows what was synced and what was not.
///
/// Files lie on the real file system meanwhile; syncs are not made, only noted. After Cut nothing
/// changes any more, and WriteSurvivors makes a folder of what a disk may hold then: of each file
/// what was synced, and perhaps some of the rest; of each folder the names as they were synced, or
/// as they were last.
class PowerGate : public FileGate {
 public:
  /// Follows the files below `folder`, which must be absent or empty.
  explicit PowerGate(std::string_view folder);

  /// Cuts the power at the `nth` change from now on (from 1), before it is made.
  void CutAt(std::uint64_t nth) DASHI_EXCLUDES(mutex_);
  void Cut() DASHI_EXCLUDES(mutex_);
  bool is_cut() const DASHI_EXCLUDES(mutex_);
  std::uint64_t num_changes() const DASHI_EXCLUDES(mutex_);

  enum class Survival {
    kSynced,  ///< nothing but what was synced
    kPrefix,  ///< and a part, of any length, of what each file got since
    kTorn,    ///< and such a part, filled up with zeros to a whole sector of 512 bytes
  };
  /// Makes `target`, which must not exist, as `folder` might be found. Called once, after the cut
  /// and when nothing uses the files any more. Returns what was lost, for messages.
  std::string WriteSurvivors(const std::string& target, Survival survival, Random& random)
      DASHI_EXCLUDES(mutex_);

  int Pass(const FileChange& change, const std::function<int(std::size_t size)>& make) override
      DASHI_EXCLUDES(mutex_);

 private:
  struct Content {
    std::string bytes;   // as the process sees them
    std::string synced;  // as of the last sync
  };
  using Names = std::map<std::string, std::shared_ptr<Content>>;  // Sharers: both sets of names.

  void Note(const FileChange& change) DASHI_REQUIRES(mutex_);
  void NoteRename(const std::string& from, const std::string& to) DASHI_REQUIRES(mutex_);
  void SyncNames(const std::string& folder) DASHI_REQUIRES(mutex_);
  std::string Surviving(const Content& content, Survival survival, Random& random) const;

  const std::string folder_;
  mutable Mutex mutex_;
  std::uint64_t num_changes_ DASHI_GUARDED_BY(mutex_) = 0;
  std::uint64_t cut_at_ DASHI_GUARDED_BY(mutex_) = 0;
  bool cut_ DASHI_GUARDED_BY(mutex_) = false;
  Names names_ DASHI_GUARDED_BY(mutex_);         // as the process sees them; null is a folder
  Names synced_names_ DASHI_GUARDED_BY(mutex_);  // as their folders were synced
};

}  // namespace dashi::testing
