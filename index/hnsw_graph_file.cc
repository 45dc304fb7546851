#include "index/hnsw_graph_file.h"

#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/file.h"
#include "base/status.h"

namespace dashi::index {

static_assert(std::endian::native == std::endian::little, "links are stored little-endian");

namespace {

constexpr std::string_view kMagic = "DSHIHNSW";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 8 + 4 + 4 + 8 + 8 + 8 + 8 + 4 + 4 + 8 + 8;
constexpr std::size_t kChecksumBytes = 16;

Status Broken(const char* what) {
  return Status::Corruption(std::string("HNSW graph file is damaged: ") + what);
}

std::uint64_t HashVectors(HalfMatrixView vectors) {
  return XXH3_64bits(vectors.data, vectors.rows * vectors.dim * sizeof(std::uint16_t));
}

static_assert(sizeof(DuplicateRow) == 2 * sizeof(Position));

/// Fills `values` from the front of `rest`, which is long enough.
template <typename T>
void TakeInto(std::span<T> values, std::string_view* rest) {
  if (!values.empty()) {
    std::memcpy(values.data(), rest->data(), values.size_bytes());
    rest->remove_prefix(values.size_bytes());
  }
}

struct Header {
  std::uint32_t num_links = 0;
  std::uint64_t num_nodes = 0;
  std::uint64_t dim = 0;
  std::uint64_t num_upper_rooms = 0;
  std::uint64_t num_duplicates = 0;
  std::uint32_t entry_point = 0;
  std::uint32_t ef_search = 0;
  std::uint64_t vectors_hash = 0;
  std::uint64_t file_bytes = 0;

  /// Only after the counts were bounded.
  std::uint64_t ExpectedFileBytes() const {
    return kHeaderBytes + num_nodes +
           (2 * num_nodes + num_upper_rooms) * num_links * sizeof(Position) +
           num_duplicates * sizeof(DuplicateRow) + kChecksumBytes;
  }
};

Status ReadHeader(std::string_view bytes, HalfMatrixView vectors, Header* header) {
  ByteReader reader(bytes);
  std::string_view magic;
  std::uint32_t version = 0;
  if (!reader.ReadBytes(kMagic.size(), &magic) || magic != kMagic) {
    return Broken("magic");
  }
  if (!reader.ReadLittleEndian32(&version) || version != kVersion) {
    return Broken("version");
  }
  if (!reader.ReadLittleEndian32(&header->num_links) ||
      !reader.ReadLittleEndian64(&header->num_nodes) || !reader.ReadLittleEndian64(&header->dim) ||
      !reader.ReadLittleEndian64(&header->num_upper_rooms) ||
      !reader.ReadLittleEndian64(&header->num_duplicates) ||
      !reader.ReadLittleEndian32(&header->entry_point) ||
      !reader.ReadLittleEndian32(&header->ef_search) ||
      !reader.ReadLittleEndian64(&header->vectors_hash) ||
      !reader.ReadLittleEndian64(&header->file_bytes)) {
    return Broken("length");
  }
  if (header->num_links < HnswGraph::kNumLinksMin || header->num_links > HnswGraph::kNumLinksMax ||
      header->num_nodes != vectors.rows || header->dim != vectors.dim || header->ef_search == 0 ||
      header->ef_search > HnswGraph::kEfSearchMax || header->num_duplicates > header->num_nodes ||
      header->num_upper_rooms > header->num_nodes * HnswGraph::kLevelMax) {
    return Broken("shape");
  }
  if (header->file_bytes != bytes.size() || header->ExpectedFileBytes() != bytes.size()) {
    return Broken("length");
  }
  return Status::Ok();
}

Status CheckChecksum(std::string_view bytes) {
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  const XXH128_hash_t hash = XXH3_128bits(body.data(), body.size());
  ByteReader reader(bytes.substr(body.size()));
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (!reader.ReadLittleEndian64(&low) || !reader.ReadLittleEndian64(&high) || low != hash.low64 ||
      high != hash.high64) {
    return Broken("checksum");
  }
  return Status::Ok();
}

}  // namespace

Result<StoredGraph> ParseGraph(std::string_view bytes, HalfMatrixView vectors) {
  Header header;
  DASHI_RETURN_IF_ERROR(ReadHeader(bytes, vectors, &header));
  DASHI_RETURN_IF_ERROR(CheckChecksum(bytes));
  if (header.vectors_hash != HashVectors(vectors)) {
    return Broken("it belongs to other vectors");
  }
  std::string_view rest = bytes.substr(kHeaderBytes);
  std::vector<std::uint8_t> levels(header.num_nodes);
  TakeInto(std::span(levels), &rest);
  const std::uint64_t num_upper_rooms =
      std::accumulate(levels.begin(), levels.end(), std::uint64_t{0});
  if (num_upper_rooms != header.num_upper_rooms) {
    return Broken("levels");
  }
  StoredGraph stored;
  stored.ef_search = header.ef_search;
  stored.graph = HnswGraph(header.num_links, std::move(levels), header.entry_point);
  TakeInto(stored.graph.base_links(), &rest);
  TakeInto(stored.graph.upper_links(), &rest);
  std::vector<DuplicateRow> duplicates(header.num_duplicates);
  TakeInto(std::span(duplicates), &rest);
  stored.duplicates = DuplicateRows(std::move(duplicates));
  for (const std::string& fault :
       {stored.graph.FindFault(), stored.duplicates.FindFault(vectors)}) {
    if (!fault.empty()) {
      return Broken(fault.c_str());
    }
  }
  return stored;
}

bool IsGraphFile(const std::string& path) {
  const Result<std::unique_ptr<File>> file = File::OpenForReading(path);
  std::string bytes(kMagic.size(), '\0');
  return file.ok() && (*file)->ReadAt(0, &bytes).ok() && bytes == kMagic;
}

Result<std::string> ReadWholeFile(const std::string& path) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::OpenForReading(path));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  std::string bytes(size, '\0');
  // When it became shorter, its checksum will tell.
  DASHI_RETURN_IF_ERROR(file->ReadAt(0, &bytes));
  return bytes;
}

}  // namespace dashi::index
