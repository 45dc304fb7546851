#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi::index {

/// The parts of a segment file. Persisted: append only.
enum class SegmentSection : std::uint32_t {
  kIds = 1,           ///< u32 [rows], ascending
  kTextHashes = 2,    ///< u64 [rows], or absent
  kLevels = 3,        ///< u8 [rows]
  kUpperRooms = 4,    ///< u32 [rows]
  kUpperLinks = 5,    ///< u32 [upper rooms, links]
  kDuplicates = 6,    ///< pairs of u32
  kBaseLinks = 7,     ///< u32 [rows, 2 links]
  kCodes = 8,         ///< [rows, CodeRowBytes(dim)]
  kVectors = 9,       ///< binary16 [rows, dim]
  kBlockHashes = 10,  ///< u64 [blocks]
  kUnlinked = 11      ///< u32 ascending, or absent
};
inline constexpr std::size_t kNumSegmentSections = 11;

/// Says whose vectors a segment holds, so that a file is never taken for another's.
struct SegmentOwner {
  std::uint64_t embedding_version = 0;
  std::uint64_t job = 0;

  friend bool operator==(const SegmentOwner&, const SegmentOwner&) = default;
};

struct SegmentRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  std::uint64_t end() const { return offset + bytes; }
};

/// The first page of a segment file. docs/FORMATS.md, *Segment files*, has every byte.
struct SegmentHeader {
  std::uint64_t file_bytes = 0;
  std::uint64_t num_rows = 0;
  std::uint32_t dim = 0;
  std::uint32_t num_links = 0;  ///< M
  std::uint32_t entry_point = 0;
  std::uint32_t ef_search = 0;      ///< the beam of a search that names none
  std::uint32_t entry_percent = 0;  ///< as GraphParts has it
  std::uint32_t generation = 0;     ///< how often the graph was relinked since it was built
  SegmentOwner owner;
  std::array<SegmentRange, kNumSegmentSections> sections;  ///< absent: no bytes

  SegmentRange& At(SegmentSection section) {
    return sections[static_cast<std::size_t>(section) - 1];
  }
  const SegmentRange& At(SegmentSection section) const {
    return sections[static_cast<std::size_t>(section) - 1];
  }
  /// How many blocks of kSegmentBlockBytes, the last one maybe shorter, have a hash.
  std::uint64_t NumBlocks() const;
};

inline constexpr std::size_t kSegmentHeaderBytes = 4096;
/// Sections begin at multiples of this.
inline constexpr std::size_t kSegmentAlignment = 4096;
/// Behind the block hashes, at the end of the file: their XXH3-128, and that of all bytes before.
inline constexpr std::size_t kSegmentTailBytes = 32;
/// What one block hash, XXH3-64, covers of the bytes behind the header.
inline constexpr std::size_t kSegmentBlockBytes = std::size_t{64} << 10;

/// About what a row takes in a segment, all sections together.
std::uint64_t SegmentRowBytes(std::size_t dim, std::size_t num_links);

/// Places the sections, of which `bytes` are set, one behind the other, and sets the file's length.
/// Behind the codes there is room that kernels may read.
void PlaceSections(SegmentHeader* header);

/// Returns kSegmentHeaderBytes bytes.
std::string SerializeSegmentHeader(const SegmentHeader& header);

/// Reads a header and checks all that it says of itself, so that sections lie inside the file and
/// have the sizes that its counts ask for.
///
/// Errors: kCorruption saying what is wrong; kUnimplemented (0A000) for a newer version.
Result<SegmentHeader> ParseSegmentHeader(std::string_view bytes, std::uint64_t file_bytes);

}  // namespace dashi::index
