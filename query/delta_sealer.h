#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "dashi/status.h"
#include "query/delta_picture.h"
#include "storage/store.h"

namespace dashi::query {

class ReleaseCache;
struct ServingRelease;

/// Seals labels that came after a release, when they have become too many to be scanned by every
/// search: writes their embeddings as a version of their own and a graph over them, names both in
/// the release's record in the place of what was sealed before, and has searches use them.
///
/// What a crash leaves of it is either named by the record or removed at the next open.
///
/// Threads: all methods may be called at once.
/// Cost:    of n sealed rows: n embeddings are written, and those that were not sealed before are
///          inserted into the graph (InsertRows); memory for all n vectors and their graph.
class DeltaSealer {
 public:
  /// Both are borrowed.
  DeltaSealer(storage::Store* store, ReleaseCache* releases);

  /// Whether a picture has enough rows in its blocks, or enough dead ones among those sealed.
  /// `seal_rows`: of the model.
  static bool IsWanted(const DeltaPicture& picture, std::size_t seal_rows);
  /// Seals what a release lacks of the newest commit.
  ///
  /// Errors: kAborted when commits were in the way: later it may succeed; kNotFound when the
  /// release
  ///         was dropped; kCancelled; those of writing.
  Status Seal(const ServingRelease& release, const std::function<bool()>& should_stop)
      DASHI_EXCLUDES(mutex_);

 private:
  Status Write(const storage::ReleaseRecord& record, const DeltaRows& rows,
               const std::function<bool()>& should_stop, storage::SealedRows* sealed) const;
  Status WriteGraph(const storage::ReleaseRecord& owner, const DeltaRows& rows,
                    const storage::SealedRows& before, const std::string& path,
                    const std::function<bool()>& should_stop) const;
  /// Puts what was sealed into the record.
  Status Name(const storage::ReleaseRecord& record, const storage::SealedRows& sealed) const;
  /// Removes what a record does not name any more, or not yet.
  void Remove(const storage::SealedRows& sealed) const;

  storage::Store* const store_;
  ReleaseCache* const releases_;
  Mutex mutex_;  // One at a time.
};

}  // namespace dashi::query
