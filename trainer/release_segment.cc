#include "trainer/release_segment.h"

namespace dashi::trainer {

index::SegmentOwner SegmentOwnerOf(const storage::ReleaseRecord& release) {
  return {release.embedding_version, release.job};
}

index::SegmentRows SegmentRowsOf(const storage::ReleaseRecord& release,
                                 std::span<const storage::Ordinal> ordinals,
                                 std::span<const std::uint64_t> text_hashes) {
  static_assert(sizeof(storage::Ordinal) == sizeof(std::uint32_t));
  index::SegmentRows rows;
  rows.ids = {reinterpret_cast<const std::uint32_t*>(ordinals.data()), ordinals.size()};
  rows.text_hashes = text_hashes;
  rows.owner = SegmentOwnerOf(release);
  return rows;
}

}  // namespace dashi::trainer
