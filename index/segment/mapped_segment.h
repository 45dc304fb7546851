#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "dashi/status.h"
#include "index/graph_parts.h"
#include "index/segment/segment_header.h"
#include "index/segment/verified_blocks.h"

namespace dashi::index {

/// A segment file, mapped into memory.
///
/// What decides where else a search looks (ids, text hashes, levels, links above level 0,
/// duplicates: some 20 bytes a row) is verified when it is opened. Links of level 0, codes and
/// vectors are verified block by block, before they are first read or by VerifyAll.
///
/// Threads: const methods may be called at once.
class MappedSegment : public GraphKeeper {
 public:
  /// Errors: kNotFound; kIoError; kCorruption naming the file and what is wrong; kUnimplemented
  ///         (0A000) for a file of a newer version.
  /// Cost:   milliseconds for a million rows whose pages are in the page cache.
  static Result<std::unique_ptr<MappedSegment>> Open(const std::string& path);

  const SegmentHeader& header() const { return header_; }
  /// Shape: [rows] ascending.
  template <typename Id>
  std::span<const Id> ids() const {
    static_assert(sizeof(Id) == sizeof(std::uint32_t) && std::is_trivially_copyable_v<Id>);
    return SectionOf<Id>(SegmentSection::kIds);
  }
  /// Shape: [rows], or empty.
  std::span<const std::uint64_t> text_hashes() const {
    return SectionOf<std::uint64_t>(SegmentSection::kTextHashes);
  }
  /// Rows that the graph leaves out: GraphParts::unlinked.
  std::span<const Position> unlinked() const {
    return SectionOf<Position>(SegmentSection::kUnlinked);
  }
  const VerifiedBlocks& blocks() const { return *blocks_; }

  GraphParts parts() const override;
  std::uint64_t memory_bytes() const override {
    return block_hashes_.size() * sizeof(block_hashes_[0]);
  }

 private:
  MappedSegment(std::unique_ptr<File> file, std::unique_ptr<MappedFile> mapped,
                const SegmentHeader& header);

  template <typename T>
  std::span<const T> SectionOf(SegmentSection section) const {
    const SegmentRange& range = header_.At(section);
    return {reinterpret_cast<const T*>(bytes() + range.offset), range.bytes / sizeof(T)};
  }
  const std::byte* bytes() const { return static_cast<const std::byte*>(mapped_->data()); }
  Status ReadBlockHashes();
  Status CheckSmallSections() const;

  const std::unique_ptr<File> file_;
  const std::unique_ptr<MappedFile> mapped_;
  const SegmentHeader header_;
  std::vector<std::uint64_t> block_hashes_;
  std::unique_ptr<VerifiedBlocks> blocks_;
};

}  // namespace dashi::index
