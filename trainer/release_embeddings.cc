#include "trainer/release_embeddings.h"

#include <cstddef>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::View;

/// Calls `visit` for each embedding in ordinal order.
template <typename Visit>
Status ForEachEmbedding(const View& view, const ReleaseRecord& release, EntityKind kind,
                        const Visit& visit) {
  DASHI_ASSIGN_OR_RETURN(const auto cursor, view.ScanEmbeddings(release.embedding_version, kind));
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    if (!more) {
      return Status();
    }
    if (cursor->values().size() != release.dim) {
      return Status::Corruption(fmt::format("embedding dim mismatch in {}@{}: got {}, want {}",
                                            release.model, release.number, cursor->values().size(),
                                            release.dim));
    }
    visit(*cursor);
  }
}

}  // namespace

Result<EmbeddingRows> ReadEmbeddings(const View& view, const ReleaseRecord& release,
                                     EntityKind kind) {
  EmbeddingRows rows;
  const auto add = [&](const auto& cursor) {
    const auto values = cursor.values();
    rows.ordinals.push_back(cursor.ordinal());
    rows.text_hashes.push_back(cursor.text_hash());
    rows.vectors.insert(rows.vectors.end(), values.begin(), values.end());
  };
  DASHI_RETURN_IF_ERROR(ForEachEmbedding(view, release, kind, add));
  return rows;
}

Result<std::vector<std::uint16_t>> ReadEmbeddingsOf(const View& view, const ReleaseRecord& release,
                                                    EntityKind kind,
                                                    std::span<const Ordinal> ordinals) {
  std::vector<std::uint16_t> vectors;
  vectors.reserve(ordinals.size() * release.dim);
  std::size_t next = 0;
  const auto add = [&](const auto& cursor) {
    if (next < ordinals.size() && ordinals[next] == cursor.ordinal()) {
      const auto values = cursor.values();
      vectors.insert(vectors.end(), values.begin(), values.end());
      ++next;
    }
  };
  DASHI_RETURN_IF_ERROR(ForEachEmbedding(view, release, kind, add));
  if (next < ordinals.size()) {
    return Status::Corruption(fmt::format("{}@{} has no embedding of row {} of {}", release.model,
                                          release.number, ToInteger(ordinals[next]),
                                          storage::EntityTableName(kind)));
  }
  return vectors;
}

}  // namespace dashi::trainer
