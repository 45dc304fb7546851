#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::trainer {

/// The embeddings of a release's rows of one kind.
struct EmbeddingRows {
  std::vector<storage::Ordinal> ordinals;  ///< ascending
  std::vector<std::uint64_t> text_hashes;  ///< [ordinals.size()]
  std::vector<std::uint16_t> vectors;      ///< [ordinals.size(), dim] binary16
};

/// Errors: kCorruption when a vector has another dim than the release.
/// Cost:   one scan.
Result<EmbeddingRows> ReadEmbeddings(const storage::View& view,
                                     const storage::ReleaseRecord& release,
                                     storage::EntityKind kind);

/// Those of chosen rows alone.  Shape: ordinals ascending; result [ordinals.size(), dim] binary16.
///
/// Errors: the same, and kCorruption naming a row that has none.
Result<std::vector<std::uint16_t>> ReadEmbeddingsOf(const storage::View& view,
                                                    const storage::ReleaseRecord& release,
                                                    storage::EntityKind kind,
                                                    std::span<const storage::Ordinal> ordinals);

}  // namespace dashi::trainer
