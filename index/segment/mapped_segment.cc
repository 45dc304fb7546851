#include "index/segment/mapped_segment.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::index {

namespace {

Status Broken(std::string_view what, const std::string& path) {
  return Status::Corruption(fmt::format("segment file is damaged: {}: {}", what, path));
}

}  // namespace

Result<std::unique_ptr<MappedSegment>> MappedSegment::Open(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<File> file, File::OpenForReading(path));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, file->Size());
  std::string bytes(kSegmentHeaderBytes, '\0');
  DASHI_RETURN_IF_ERROR(file->ReadAt(0, &bytes));
  const Result<SegmentHeader> header = ParseSegmentHeader(bytes, file_bytes);
  if (!header.ok()) {
    return Status(header.status()).WithContext(path);
  }
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> mapped, MappedFile::Map(*file, file_bytes));
  mapped->ReadAtRandom();
  std::unique_ptr<MappedSegment> segment(
      new MappedSegment(std::move(file), std::move(mapped), *header));
  DASHI_RETURN_IF_ERROR(segment->ReadBlockHashes());
  DASHI_RETURN_IF_ERROR(segment->CheckSmallSections());
  return segment;
}

MappedSegment::MappedSegment(std::unique_ptr<File> file, std::unique_ptr<MappedFile> mapped,
                             const SegmentHeader& header)
    : file_(std::move(file)), mapped_(std::move(mapped)), header_(header) {}

Status MappedSegment::ReadBlockHashes() {
  const SegmentRange& range = header_.At(SegmentSection::kBlockHashes);
  constexpr std::size_t kHashBytes = 16;
  std::string bytes(range.bytes + kHashBytes, '\0');
  DASHI_RETURN_IF_ERROR(file_->ReadAt(range.offset, &bytes));
  const XXH128_hash_t hash =
      XXH3_128bits(bytes.data(), std::min<std::size_t>(range.bytes, bytes.size()));
  ByteReader tail(std::string_view(bytes).substr(std::min<std::size_t>(range.bytes, bytes.size())));
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (!tail.ReadLittleEndian64(&low) || !tail.ReadLittleEndian64(&high) || hash.low64 != low ||
      hash.high64 != high) {
    return Broken("checksum of the block hashes", file_->path());
  }
  block_hashes_.resize(range.bytes / sizeof(std::uint64_t));
  std::memcpy(block_hashes_.data(), bytes.data(), range.bytes);
  blocks_ = std::make_unique<VerifiedBlocks>(*file_, header_, this->bytes(), block_hashes_);
  return Status::Ok();
}

Status MappedSegment::CheckSmallSections() const {
  for (const SegmentSection section :
       {SegmentSection::kIds, SegmentSection::kTextHashes, SegmentSection::kLevels,
        SegmentSection::kUpperRooms, SegmentSection::kUpperLinks, SegmentSection::kDuplicates,
        SegmentSection::kUnlinked}) {
    DASHI_RETURN_IF_ERROR(blocks_->VerifySection(section, nullptr));
  }
  const auto row_ids = ids<std::uint32_t>();
  if (std::adjacent_find(row_ids.begin(), row_ids.end(), std::greater_equal<>()) != row_ids.end()) {
    return Broken("ids out of order", file_->path());
  }
  const auto rows = unlinked();
  if (std::adjacent_find(rows.begin(), rows.end(), std::greater_equal<>()) != rows.end() ||
      (!rows.empty() && rows.back() >= header_.num_rows)) {
    return Broken("rows without links out of order or range", file_->path());
  }
  const GraphParts graph = parts();
  for (const std::string& fault :
       {graph.graph.FindUpperFault(), graph.duplicates.FindFault(header_.num_rows)}) {
    if (!fault.empty()) {
      return Broken(fault, file_->path());
    }
  }
  return Status::Ok();
}

GraphParts MappedSegment::parts() const {
  GraphParts parts;
  parts.graph = {header_.num_links,
                 header_.entry_point,
                 SectionOf<std::uint8_t>(SegmentSection::kLevels),
                 SectionOf<std::uint32_t>(SegmentSection::kUpperRooms),
                 SectionOf<Position>(SegmentSection::kBaseLinks),
                 SectionOf<Position>(SegmentSection::kUpperLinks)};
  parts.vectors = {SectionOf<std::uint16_t>(SegmentSection::kVectors).data(), header_.num_rows,
                   header_.dim};
  parts.codes = SectionOf<std::uint8_t>(SegmentSection::kCodes).data();
  parts.duplicates = {SectionOf<DuplicateRow>(SegmentSection::kDuplicates)};
  parts.unlinked = unlinked();
  parts.ef_search = header_.ef_search;
  parts.entry_percent = header_.entry_percent;
  parts.blocks = blocks_.get();
  return parts;
}

}  // namespace dashi::index
