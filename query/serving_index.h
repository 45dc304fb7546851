#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "index/vector_index.h"
#include "storage/catalog_records.h"

namespace dashi::query {

/// The index of a release over vectors that it has: the saved graph `file` when there is one and it
/// is sound, else an exact scan, with a warning in the log. Shape: vectors [rows, release.dim].
std::unique_ptr<index::VectorIndex> MakeServingIndex(const storage::ReleaseRecord& release,
                                                     const std::string& index_directory,
                                                     const std::string& file,
                                                     std::vector<std::uint16_t> vectors);

/// Bytes in memory of a row of such an index.
std::uint64_t ServingIndexRowBytes(const storage::ReleaseRecord& release, const std::string& file);

}  // namespace dashi::query
