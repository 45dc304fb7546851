#include "index/segment/verified_blocks.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/status.h"
#include "index/hnsw_graph.h"

namespace dashi::index {

namespace {

constexpr std::uint64_t kBlocksPerPoll = 64;

}  // namespace

VerifiedBlocks::VerifiedBlocks(const File& file, const SegmentHeader& header,
                               const std::byte* mapped, std::span<const std::uint64_t> hashes)
    : file_(file),
      header_(header),
      mapped_(mapped),
      hashes_(hashes),
      num_blocks_(hashes.size()),
      verified_((hashes.size() + 63) / 64) {
  DASHI_CHECK(hashes.size() == header.NumBlocks());
}

Status VerifiedBlocks::VerifyRange(SegmentRange range,
                                   const std::function<bool()>& should_stop) const {
  if (range.bytes == 0 || complete()) {
    return damage();
  }
  const std::uint64_t first = (range.offset - kSegmentHeaderBytes) / kSegmentBlockBytes;
  const std::uint64_t last = (range.end() - 1 - kSegmentHeaderBytes) / kSegmentBlockBytes;
  for (std::uint64_t block = first; block <= last; ++block) {
    if (should_stop && block % kBlocksPerPoll == 0 && should_stop()) {
      return Status::Cancelled("verification cancelled");
    }
    if (!IsVerified(block) && !Verify(block)) {
      break;
    }
  }
  return damage();
}

Status VerifiedBlocks::VerifyAll(const std::function<bool()>& should_stop) const {
  return VerifyRange({kSegmentHeaderBytes, HashedEnd() - kSegmentHeaderBytes}, should_stop);
}

Status VerifiedBlocks::damage() const {
  const MutexLock lock(mutex_);
  return damage_;
}

bool VerifiedBlocks::Verify(std::uint64_t block) const {
  Status compared = ReadAndCompare(block);
  if (!compared.ok()) {
    const MutexLock lock(mutex_);
    if (damage_.ok()) {
      damage_ = std::move(compared);
      is_damaged_.store(true, std::memory_order_release);
    }
    return false;
  }
  const std::uint64_t bit = std::uint64_t{1} << (block % 64);
  if ((verified_[block / 64].fetch_or(bit, std::memory_order_acq_rel) & bit) == 0) {
    num_verified_.fetch_add(1, std::memory_order_acq_rel);
  }
  return true;
}

Status VerifiedBlocks::ReadAndCompare(std::uint64_t block) const {
  thread_local std::string bytes;
  const std::uint64_t offset = kSegmentHeaderBytes + block * kSegmentBlockBytes;
  const std::uint64_t size = std::min<std::uint64_t>(kSegmentBlockBytes, HashedEnd() - offset);
  bytes.resize(size);
  DASHI_RETURN_IF_ERROR(file_.ReadAt(offset, &bytes));
  if (bytes.size() != size) {
    return Status::Corruption(
        fmt::format("segment file is damaged: it ends in its block {}: {}", block, file_.path()));
  }
  if (XXH3_64bits(bytes.data(), bytes.size()) != hashes_[block]) {
    return Status::Corruption(
        fmt::format("segment file is damaged: checksum of block {}: {}", block, file_.path()));
  }
  if (!LinksAreInRange(offset, bytes)) {
    return Status::Corruption(
        fmt::format("segment file is damaged: links in block {}: {}", block, file_.path()));
  }
  return Status::Ok();
}

/// `bytes` begin at `offset` of the file. Sections and blocks begin at multiples of a link's size.
bool VerifiedBlocks::LinksAreInRange(std::uint64_t offset, std::span<const char> bytes) const {
  const SegmentRange& links = header_.At(SegmentSection::kBaseLinks);
  const std::uint64_t begin = std::max(offset, links.offset);
  const std::uint64_t end = std::min(offset + bytes.size(), links.end());
  for (std::uint64_t at = begin; at < end; at += sizeof(Position)) {
    Position link = 0;
    std::memcpy(&link, bytes.data() + (at - offset), sizeof(link));
    if (link >= header_.num_rows && link != kNoLink) {
      return false;
    }
  }
  return true;
}

}  // namespace dashi::index
