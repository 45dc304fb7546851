#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/commit_watermark.h"

namespace dashi::storage {

struct RecoverRequest {
  std::string from;          ///< a database's directory; nothing in it is changed
  std::string to;            ///< the directory to make
  bool accept_loss = false;  ///< keep the copy even when acknowledged commits are missing from it
};

/// A commit that stands behind the place where the log is damaged.
struct DroppedCommit {
  std::uint64_t sequence = 0;
  std::string changes;  ///< "documents: 3 inserted, 1 deleted"
};

/// What became of a database's copy.
struct RecoverReport {
  std::uint64_t num_files = 0;
  std::uint64_t num_bytes = 0;
  std::string damaged_log;  ///< the log that could not be read to its end; empty when all were
  std::string lost_logs;    ///< the logs that are gone or were cut, in words; empty when none is
  std::string
      rebuilt_current;  ///< the manifest that CURRENT was made to name; empty when it was sound
  std::uint64_t last_commit = 0;                ///< kept, and all before it
  std::uint64_t num_dropped = 0;                ///< commits that can still be read, and are dropped
  std::vector<DroppedCommit> dropped;           ///< the first kNumDroppedMax of them
  std::optional<Watermark> watermark;           ///< what is known to have been acknowledged
  std::uint64_t num_acknowledged_lost_max = 0;  ///< of the commits up to the watermark
  std::uint64_t num_acknowledged_changes_lost = 0;  ///< where commits cannot be counted
  bool kept = false;                                ///< whether there is a copy

  bool lost_acknowledged() const {
    return num_acknowledged_lost_max > 0 || num_acknowledged_changes_lost > 0;
  }
  static constexpr std::size_t kNumDroppedMax = 100;
};

/// Called now and then with bytes copied; an error stops the copying.
using CopyProgress = std::function<Status(std::uint64_t done, std::uint64_t total)>;

/// Copies a database that does not open, and brings the copy to the last state before the damage of
/// its logs: every commit up to there, none behind it. The copy then opens as any database. When
/// acknowledged commits are missing and that is not accepted, there is no copy in the end.
///
/// Errors: kNotFound (3D000) when there is no database; kAlreadyExists when the target exists;
///         kInvalidArgument when it lies inside the database; kUnavailable (55006) while a process
///         has the database open; kResourceExhausted (53100) when the copy would not fit;
///         kCorruption (XX001) naming the file when no whole state can be had, as when a table is
///         damaged. The target is removed after an error.
Result<RecoverReport> RecoverCopy(const RecoverRequest& request, const CopyProgress& on_progress);

}  // namespace dashi::storage
