#include "index/segment/segment_writer.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/file.h"
#include "base/status.h"
#include "index/code_kernels.h"

namespace dashi::index {

static_assert(std::endian::native == std::endian::little, "sections are stored little-endian");

namespace {

constexpr std::size_t kBlocksPerWrite = 16;
constexpr std::size_t kRowsPerEncoding = 64;

template <typename T>
std::string_view BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

struct StateDeleter {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

void AppendHash(std::string* bytes, const XXH128_hash_t& hash) {
  AppendLittleEndian64(bytes, hash.low64);
  AppendLittleEndian64(bytes, hash.high64);
}

/// Writes a file from front to end and hashes its blocks, and all of it, on the way.
class BlockWriter {
 public:
  explicit BlockWriter(File* file) : file_(file), all_(XXH3_createState()) {
    DASHI_CHECK(all_ != nullptr && XXH3_128bits_reset(all_.get()) == XXH_OK);
    pending_.reserve(kPendingBytes);
  }

  Status WriteHeader(const SegmentHeader& header) { return Write(SerializeSegmentHeader(header)); }

  Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kPendingBytes - pending_.size());
      pending_.append(bytes.substr(0, size));
      bytes.remove_prefix(size);
      if (pending_.size() == kPendingBytes) {
        DASHI_RETURN_IF_ERROR(Flush());
      }
    }
    return Status::Ok();
  }
  Status PadTo(std::uint64_t offset) {
    const std::uint64_t end = written_ + pending_.size();
    DASHI_CHECK(offset >= end);
    return Append(std::string(offset - end, '\0'));
  }
  /// Writes the hashes of the blocks and the tail. `header` says where.
  Status Finish(const SegmentHeader& header) {
    const SegmentRange& range = header.At(SegmentSection::kBlockHashes);
    DASHI_RETURN_IF_ERROR(PadTo(range.offset));
    DASHI_RETURN_IF_ERROR(Flush());
    DASHI_CHECK(written_ == range.offset && hashes_.size() == header.NumBlocks());
    std::string tail(BytesOf(std::span<const std::uint64_t>(hashes_)));
    AppendHash(&tail, XXH3_128bits(tail.data(), tail.size()));
    DASHI_RETURN_IF_ERROR(Write(tail));
    std::string hash;
    AppendHash(&hash, XXH3_128bits_digest(all_.get()));
    return Write(hash);
  }

 private:
  static constexpr std::size_t kPendingBytes = kBlocksPerWrite * kSegmentBlockBytes;

  /// Only the last blocks may be less than whole ones.
  Status Flush() {
    for (std::size_t begin = 0; begin < pending_.size(); begin += kSegmentBlockBytes) {
      const std::size_t size = std::min(kSegmentBlockBytes, pending_.size() - begin);
      hashes_.push_back(XXH3_64bits(pending_.data() + begin, size));
    }
    DASHI_RETURN_IF_ERROR(Write(pending_));
    pending_.clear();
    return Status::Ok();
  }
  Status Write(std::string_view bytes) {
    XXH3_128bits_update(all_.get(), bytes.data(), bytes.size());
    DASHI_RETURN_IF_ERROR(file_->WriteAt(written_, bytes));
    file_->WriteBack(written_, bytes.size());
    written_ += bytes.size();
    return Status::Ok();
  }

  File* const file_;
  const std::unique_ptr<XXH3_state_t, StateDeleter> all_;
  std::string pending_;
  std::uint64_t written_ = 0;
  std::vector<std::uint64_t> hashes_;
};

SegmentHeader MakeHeader(const GraphParts& graph, const SegmentRows& rows) {
  SegmentHeader header;
  header.num_rows = graph.vectors.rows;
  header.dim = static_cast<std::uint32_t>(graph.vectors.dim);
  header.num_links = static_cast<std::uint32_t>(graph.graph.num_links);
  header.entry_point = graph.graph.entry_point;
  header.ef_search = static_cast<std::uint32_t>(graph.ef_search);
  header.entry_percent = graph.entry_percent;
  header.generation = rows.generation;
  header.owner = rows.owner;
  const auto set = [&](SegmentSection section, std::size_t bytes) {
    header.At(section).bytes = bytes;
  };
  set(SegmentSection::kIds, rows.ids.size_bytes());
  set(SegmentSection::kTextHashes, rows.text_hashes.size_bytes());
  set(SegmentSection::kLevels, graph.graph.levels.size_bytes());
  set(SegmentSection::kUpperRooms, graph.graph.upper_rooms.size_bytes());
  set(SegmentSection::kUpperLinks, graph.graph.upper_links.size_bytes());
  set(SegmentSection::kDuplicates, graph.duplicates.all.size_bytes());
  set(SegmentSection::kBaseLinks, graph.graph.base_links.size_bytes());
  set(SegmentSection::kCodes, graph.vectors.rows * CodeRowBytes(graph.vectors.dim));
  set(SegmentSection::kVectors, graph.vectors.rows * graph.vectors.dim * sizeof(std::uint16_t));
  set(SegmentSection::kUnlinked, graph.unlinked.size_bytes());
  PlaceSections(&header);
  return header;
}

Status AppendCodes(HalfMatrixView vectors, BlockWriter* to) {
  std::string codes;
  for (std::size_t begin = 0; begin < vectors.rows; begin += kRowsPerEncoding) {
    const std::size_t count = std::min(kRowsPerEncoding, vectors.rows - begin);
    codes.resize(count * CodeRowBytes(vectors.dim));
    for (std::size_t i = 0; i < count; ++i) {
      EncodeRow(vectors.data + (begin + i) * vectors.dim, vectors.dim,
                reinterpret_cast<std::uint8_t*>(codes.data()) + i * CodeRowBytes(vectors.dim));
    }
    DASHI_RETURN_IF_ERROR(to->Append(codes));
  }
  return Status::Ok();
}

Status AppendSections(const SegmentHeader& header, const GraphParts& graph, const SegmentRows& rows,
                      BlockWriter* to) {
  const auto append = [&](SegmentSection section, std::string_view bytes) {
    if (bytes.empty()) {
      return Status::Ok();
    }
    DASHI_RETURN_IF_ERROR(to->PadTo(header.At(section).offset));
    return to->Append(bytes);
  };
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kIds, BytesOf(rows.ids)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kTextHashes, BytesOf(rows.text_hashes)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kLevels, BytesOf(graph.graph.levels)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kUpperRooms, BytesOf(graph.graph.upper_rooms)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kUpperLinks, BytesOf(graph.graph.upper_links)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kDuplicates, BytesOf(graph.duplicates.all)));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kBaseLinks, BytesOf(graph.graph.base_links)));
  DASHI_RETURN_IF_ERROR(to->PadTo(header.At(SegmentSection::kCodes).offset));
  DASHI_RETURN_IF_ERROR(AppendCodes(graph.vectors, to));
  DASHI_RETURN_IF_ERROR(
      append(SegmentSection::kVectors,
             BytesOf(std::span(graph.vectors.data, graph.vectors.rows * graph.vectors.dim))));
  DASHI_RETURN_IF_ERROR(append(SegmentSection::kUnlinked, BytesOf(graph.unlinked)));
  return Status::Ok();
}

Status WriteFile(const std::string& path, const GraphParts& graph, const SegmentRows& rows,
                 FileGate& gate) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Create(path, gate));
  const SegmentHeader header = MakeHeader(graph, rows);
  BlockWriter blocks(file.get());
  DASHI_RETURN_IF_ERROR(blocks.WriteHeader(header));
  DASHI_RETURN_IF_ERROR(AppendSections(header, graph, rows, &blocks));
  DASHI_RETURN_IF_ERROR(blocks.Finish(header));
  return file->Sync();
}

}  // namespace

Status WriteSegment(const std::string& path, const GraphParts& graph, const SegmentRows& rows,
                    FileGate& gate) {
  DASHI_CHECK(graph.vectors.rows > 0 && rows.ids.size() == graph.vectors.rows &&
              graph.graph.num_nodes() == graph.vectors.rows);
  const std::string temporary = path + ".tmp";
  Status written = WriteFile(temporary, graph, rows, gate);
  if (written.ok()) {
    written = RenameFile(temporary, path, gate);
  }
  if (!written.ok()) {
    // It may be what fills the disk.
    RemoveFile(temporary, gate).IgnoreError("the first error counts");
    return written;
  }
  return SyncFolder(std::filesystem::path(path).parent_path().string(), gate);
}

}  // namespace dashi::index
