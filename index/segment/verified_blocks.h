#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "dashi/status.h"
#include "index/segment/segment_header.h"

namespace dashi::index {

/// Knows which blocks of a mapped segment were compared with their hashes, and compares the others
/// when they are about to be used: what was not verified is never looked at.
///
/// Blocks are read through the file and not through the mapping, so that a disk that cannot read,
/// or a file that was cut off, is an error here and not the end of the process.
///
/// Threads: all methods may be called at once; two threads may verify the same block.
/// Cost:    a load and a test for each block touched that is known; once all are known, callers
///          that ask `complete` first pay nothing. 64 KiB are read and hashed for one that is not.
class VerifiedBlocks {
 public:
  /// `file`, `mapped` (the file's first byte) and `hashes` are borrowed. Links, the u32 of the
  /// section kBaseLinks, must name a row or be kNoLink.
  VerifiedBlocks(const File& file, const SegmentHeader& header, const std::byte* mapped,
                 std::span<const std::uint64_t> hashes);
  VerifiedBlocks(const VerifiedBlocks&) = delete;
  VerifiedBlocks& operator=(const VerifiedBlocks&) = delete;

  /// Whether all blocks are known to be sound.
  bool complete() const { return num_verified_.load(std::memory_order_acquire) == num_blocks_; }
  /// How far verification has come.  Units: blocks.
  std::uint64_t num_verified() const { return num_verified_.load(std::memory_order_relaxed); }
  std::uint64_t num_blocks() const { return num_blocks_; }

  /// Makes sure of the blocks that some mapped bytes stand in. Returns false when one of them, now
  /// or earlier, was found to be damaged: the bytes must not be read.
  bool Touch(const void* data, std::size_t size) const {
    const std::uint64_t begin = OffsetOf(data);
    for (std::uint64_t block = begin / kSegmentBlockBytes;
         block * kSegmentBlockBytes < begin + size; ++block) {
      if (!IsVerified(block) && !Verify(block)) {
        return false;
      }
    }
    return true;
  }

  /// Verifies the blocks of a section.
  ///
  /// Errors: kCorruption, kIoError; kCancelled when should_stop, which may be empty, says so.
  Status VerifySection(SegmentSection section, const std::function<bool()>& should_stop) const {
    return VerifyRange(header_.At(section), should_stop);
  }
  Status VerifyAll(const std::function<bool()>& should_stop) const;

  /// Whether damage was found: then nothing of the file should be used.
  bool is_damaged() const { return is_damaged_.load(std::memory_order_acquire); }
  /// The first damage that was found, or ok.
  Status damage() const DASHI_EXCLUDES(mutex_);

 private:
  std::uint64_t OffsetOf(const void* data) const {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(data) - mapped_) -
           kSegmentHeaderBytes;
  }
  bool IsVerified(std::uint64_t block) const {
    return (verified_[block / 64].load(std::memory_order_acquire) >> (block % 64) & 1U) != 0;
  }
  Status VerifyRange(SegmentRange range, const std::function<bool()>& should_stop) const;
  bool Verify(std::uint64_t block) const;
  Status ReadAndCompare(std::uint64_t block) const;
  bool LinksAreInRange(std::uint64_t offset, std::span<const char> bytes) const;

  std::uint64_t HashedEnd() const { return header_.At(SegmentSection::kBlockHashes).offset; }

  const File& file_;
  const SegmentHeader header_;
  const std::byte* const mapped_;
  const std::span<const std::uint64_t> hashes_;
  const std::uint64_t num_blocks_;
  mutable std::vector<std::atomic<std::uint64_t>> verified_;  // a bit a block
  mutable std::atomic<std::uint64_t> num_verified_{0};
  mutable std::atomic<bool> is_damaged_{false};
  mutable Mutex mutex_;
  mutable Status damage_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::index
