#include "query/serving_index.h"

#include <utility>

#include "base/logging.h"
#include "base/status.h"

namespace dashi::query {

std::unique_ptr<index::VectorIndex> MakeServingIndex(const storage::ReleaseRecord& release,
                                                     const std::string& index_directory,
                                                     const std::string& file,
                                                     std::vector<std::uint16_t> vectors) {
  if (!file.empty()) {
    auto loaded = index::LoadHnswIndex(index_directory + "/" + file, vectors, release.dim);
    if (loaded.ok()) {
      return std::move(loaded).value();
    }
    LogWarning("{}@{}: its index {} cannot be used, all vectors are scanned: {}", release.model,
               release.number, file, loaded.status().message());
  }
  return index::MakeExactIndex(std::move(vectors), release.dim);
}

std::uint64_t ServingIndexRowBytes(const storage::ReleaseRecord& release, const std::string& file) {
  constexpr std::uint64_t kLinkBytes = 160;  // 2 * 16 links of 4 bytes, and the levels above
  const std::uint64_t vector_bytes = release.dim * sizeof(std::uint16_t);
  // A graph is walked by codes of 8 bits a value, and a scale.
  return file.empty() ? vector_bytes : vector_bytes + release.dim + sizeof(float) + kLinkBytes;
}

}  // namespace dashi::query
