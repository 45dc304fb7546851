#include "index/segment/segment_header.h"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "index/code_kernels.h"
#include "index/duplicate_rows.h"
#include "index/hnsw_graph.h"

namespace dashi::index {

namespace {

constexpr std::string_view kMagic = "DSHISEGM";
/// The version of files that have rows without links: a program that did not know of them would
/// not find these rows.
constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kVersionAllLinked = 1;
constexpr std::uint32_t kNumSectionsAllLinked = 10;
constexpr std::size_t kChecksumBytes = 16;
constexpr std::uint64_t kRowsMax = kNoLink;
constexpr std::uint32_t kDimMax = 1U << 16U;

Status Broken(std::string_view what) {
  return Status::Corruption(fmt::format("segment file is damaged: {}", what));
}

std::uint64_t AlignUp(std::uint64_t offset) {
  return (offset + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
}

void AppendChecksum(std::string* bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes->data(), bytes->size());
  AppendLittleEndian64(bytes, hash.low64);
  AppendLittleEndian64(bytes, hash.high64);
}

bool HasChecksum(std::string_view bytes) {
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const XXH128_hash_t hash = XXH3_128bits(body.data(), body.size());
  ByteReader reader(bytes.substr(body.size()));
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  return reader.ReadLittleEndian64(&low) && reader.ReadLittleEndian64(&high) && low == hash.low64 &&
         high == hash.high64;
}

bool ReadCounts(ByteReader* reader, SegmentHeader* header, std::uint32_t* num_sections) {
  return reader->ReadLittleEndian64(&header->file_bytes) &&
         reader->ReadLittleEndian64(&header->num_rows) &&
         reader->ReadLittleEndian32(&header->dim) &&
         reader->ReadLittleEndian32(&header->num_links) &&
         reader->ReadLittleEndian32(&header->entry_point) &&
         reader->ReadLittleEndian32(&header->ef_search) &&
         reader->ReadLittleEndian32(&header->generation) &&
         reader->ReadLittleEndian32(num_sections) &&
         reader->ReadLittleEndian64(&header->owner.embedding_version) &&
         reader->ReadLittleEndian64(&header->owner.job);
}

/// Sections, of which a kind that is not known here is passed over, and what stands behind them.
bool ReadSections(ByteReader* reader, std::uint32_t num_sections, SegmentHeader* header) {
  for (std::uint32_t i = 0; i < num_sections; ++i) {
    std::uint32_t kind = 0;
    std::uint32_t reserved = 0;
    SegmentRange range;
    if (!reader->ReadLittleEndian32(&kind) || !reader->ReadLittleEndian32(&reserved) ||
        !reader->ReadLittleEndian64(&range.offset) || !reader->ReadLittleEndian64(&range.bytes)) {
      return false;
    }
    if (kind >= 1 && kind <= kNumSegmentSections) {
      header->sections[kind - 1] = range;
    }
  }
  // Zero in files from before it was there.
  return reader->ReadLittleEndian32(&header->entry_percent);
}

bool CountsAreInRange(const SegmentHeader& header) {
  return header.num_rows > 0 && header.num_rows < kRowsMax && header.dim > 0 &&
         header.dim <= kDimMax && header.num_links >= HnswGraph::kNumLinksMin &&
         header.num_links <= HnswGraph::kNumLinksMax && header.entry_point < header.num_rows &&
         header.ef_search > 0 && header.ef_search <= HnswGraph::kEfSearchMax &&
         header.entry_percent <= HnswGraph::kEntryPercentMax;
}

bool RangesAreInside(const SegmentHeader& header) {
  return std::all_of(
      header.sections.begin(), header.sections.end(), [&](const SegmentRange& range) {
        return range.bytes == 0 ||
               (range.offset >= kSegmentHeaderBytes && range.offset % kSegmentAlignment == 0 &&
                range.offset <= header.file_bytes &&
                range.bytes <= header.file_bytes - range.offset);
      });
}

/// Only after counts and ranges were checked.
bool SizesFitCounts(const SegmentHeader& header) {
  const std::uint64_t rows = header.num_rows;
  const auto has = [&](SegmentSection section, std::uint64_t bytes) {
    return header.At(section).bytes == bytes;
  };
  const std::uint64_t room_bytes = std::uint64_t{header.num_links} * sizeof(Position);
  const std::uint64_t hashes_bytes = header.At(SegmentSection::kTextHashes).bytes;
  const SegmentRange& codes = header.At(SegmentSection::kCodes);
  const SegmentRange& hashes = header.At(SegmentSection::kBlockHashes);
  return has(SegmentSection::kIds, rows * sizeof(std::uint32_t)) &&
         (hashes_bytes == 0 || hashes_bytes == rows * sizeof(std::uint64_t)) &&
         has(SegmentSection::kLevels, rows) &&
         has(SegmentSection::kUpperRooms, rows * sizeof(std::uint32_t)) &&
         header.At(SegmentSection::kUpperLinks).bytes % room_bytes == 0 &&
         header.At(SegmentSection::kDuplicates).bytes % sizeof(DuplicateRow) == 0 &&
         header.At(SegmentSection::kUnlinked).bytes % sizeof(Position) == 0 &&
         has(SegmentSection::kBaseLinks, 2 * rows * room_bytes) &&
         has(SegmentSection::kCodes, rows * CodeRowBytes(header.dim)) &&
         codes.end() + kCodePaddingBytes <= hashes.offset &&
         has(SegmentSection::kVectors, rows * header.dim * sizeof(std::uint16_t)) &&
         has(SegmentSection::kBlockHashes, header.NumBlocks() * sizeof(std::uint64_t)) &&
         hashes.end() + kSegmentTailBytes == header.file_bytes;
}

}  // namespace

std::uint64_t SegmentHeader::NumBlocks() const {
  const std::uint64_t hashed = At(SegmentSection::kBlockHashes).offset - kSegmentHeaderBytes;
  return (hashed + kSegmentBlockBytes - 1) / kSegmentBlockBytes;
}

std::uint64_t SegmentRowBytes(std::size_t dim, std::size_t num_links) {
  // Id, hash, level, room, and a link for each node and level above 0, of which there are about
  // 1 / num_links a node.
  constexpr std::size_t kSmallBytes = 4 + 8 + 1 + 4 + 4;
  return dim * sizeof(std::uint16_t) + CodeRowBytes(dim) + 2 * num_links * sizeof(Position) +
         kSmallBytes;
}

void PlaceSections(SegmentHeader* header) {
  std::uint64_t offset = kSegmentHeaderBytes;
  SegmentRange& hashes = header->At(SegmentSection::kBlockHashes);
  for (SegmentRange& range : header->sections) {
    if (&range == &hashes) {
      continue;
    }
    range.offset = range.bytes == 0 ? 0 : offset;
    const bool codes = &range == &header->At(SegmentSection::kCodes);
    offset = AlignUp(offset + range.bytes + (codes ? kCodePaddingBytes : 0));
  }
  hashes.offset = offset;
  hashes.bytes = header->NumBlocks() * sizeof(std::uint64_t);
  header->file_bytes = hashes.end() + kSegmentTailBytes;
}

std::string SerializeSegmentHeader(const SegmentHeader& header) {
  std::string bytes;
  bytes.reserve(kSegmentHeaderBytes);
  bytes.append(kMagic);
  const bool all_linked = header.At(SegmentSection::kUnlinked).bytes == 0;
  const std::uint32_t num_sections = all_linked ? kNumSectionsAllLinked : kNumSegmentSections;
  AppendLittleEndian32(&bytes, all_linked ? kVersionAllLinked : kVersion);
  AppendLittleEndian32(&bytes, kSegmentHeaderBytes);
  AppendLittleEndian64(&bytes, header.file_bytes);
  AppendLittleEndian64(&bytes, header.num_rows);
  AppendLittleEndian32(&bytes, header.dim);
  AppendLittleEndian32(&bytes, header.num_links);
  AppendLittleEndian32(&bytes, header.entry_point);
  AppendLittleEndian32(&bytes, header.ef_search);
  AppendLittleEndian32(&bytes, header.generation);
  AppendLittleEndian32(&bytes, num_sections);
  AppendLittleEndian64(&bytes, header.owner.embedding_version);
  AppendLittleEndian64(&bytes, header.owner.job);
  for (std::size_t i = 0; i < num_sections; ++i) {
    AppendLittleEndian32(&bytes, static_cast<std::uint32_t>(i + 1));
    AppendLittleEndian32(&bytes, 0);
    AppendLittleEndian64(&bytes, header.sections[i].offset);
    AppendLittleEndian64(&bytes, header.sections[i].bytes);
  }
  AppendLittleEndian32(&bytes, header.entry_percent);
  bytes.resize(kSegmentHeaderBytes - kChecksumBytes, '\0');
  AppendChecksum(&bytes);
  return bytes;
}

Result<SegmentHeader> ParseSegmentHeader(std::string_view bytes, std::uint64_t file_bytes) {
  if (bytes.size() != kSegmentHeaderBytes) {
    return Broken("it is shorter than its header");
  }
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return Broken("magic");
  }
  if (!HasChecksum(bytes)) {
    return Broken("checksum of the header");
  }
  ByteReader reader(bytes.substr(kMagic.size()));
  SegmentHeader header;
  std::uint32_t version = 0;
  std::uint32_t header_bytes = 0;
  std::uint32_t num_sections = 0;
  if (!reader.ReadLittleEndian32(&version) || !reader.ReadLittleEndian32(&header_bytes)) {
    return Broken("header");
  }
  if (version > kVersion) {
    return Status::Unimplemented(
        fmt::format("segment file of format {}, which is newer than {}", version, kVersion));
  }
  if (version == 0 || header_bytes != kSegmentHeaderBytes ||
      !ReadCounts(&reader, &header, &num_sections) ||
      !ReadSections(&reader, num_sections, &header)) {
    return Broken("header");
  }
  if (header.file_bytes != file_bytes) {
    return Broken(fmt::format("it has {} bytes and should have {}", file_bytes, header.file_bytes));
  }
  if (!CountsAreInRange(header) || !RangesAreInside(header) || !SizesFitCounts(header)) {
    return Broken("shape");
  }
  return header;
}

}  // namespace dashi::index
