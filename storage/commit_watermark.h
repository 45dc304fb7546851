#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "dashi/status.h"
#include "storage/synced_files.h"

namespace dashi::storage {

/// A statement about the disk: at `at_micros` everything up to these two numbers was on it.
struct Watermark {
  std::uint64_t commit_sequence = 0;
  /// RocksDB's own number of a write. It orders writes as the log does, which commit sequences of
  /// commits that ran side by side need not.
  std::uint64_t engine_sequence = 0;
  std::int64_t at_micros = 0;
};

/// What a watermark file says.
struct WatermarkHistory {
  std::optional<Watermark> newest;
  std::optional<Watermark> previous;  ///< the one that `newest` took over from
  bool damaged = false;               ///< there is a file and neither of its slots can be read
  /// The newest list that can be read. It may be older than `newest`, and holds all the same.
  std::optional<SyncedFiles> files;
};

/// Reads the file; an absent one gives an empty history.
///
/// Errors: kIoError when the file is there and cannot be read.
Result<WatermarkHistory> ReadWatermarkFile(const std::string& path);

/// The file `commit.watermark`: two slots, and two lists of logs that go with them, written in
/// turns, so that a write that is cut off leaves the ones before. docs/FORMATS.md describes each
/// byte.
///
/// Threads: one thread at a time.
class WatermarkFile {
 public:
  /// Opens the file, or makes it, whole and durable, when it is absent or damaged.
  static Result<std::unique_ptr<WatermarkFile>> Open(const std::string& path,
                                                     FileGate& gate = FileGate::System());

  /// Overwrites the older slot and its list, durably. After an error the file must not be written
  /// any more: what a failed sync left behind is unknown.
  Status Write(const Watermark& watermark, const SyncedFiles& files);

 private:
  explicit WatermarkFile(std::unique_ptr<File> file);

  const std::unique_ptr<File> file_;
  std::uint64_t next_turn_ = 1;
  std::uint64_t next_slot_ = 0;
};

}  // namespace dashi::storage
