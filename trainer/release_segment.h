#pragma once

#include <span>

#include "index/segment/segment_writer.h"
#include "storage/catalog_records.h"
#include "storage/entity.h"

namespace dashi::trainer {

/// What tells the segments of a release from those of others.
index::SegmentOwner SegmentOwnerOf(const storage::ReleaseRecord& release);

/// What stands in a segment of a release's rows beside their vectors. Borrows both.
/// Shape: ordinals ascending; text_hashes [ordinals.size()], or empty.
index::SegmentRows SegmentRowsOf(const storage::ReleaseRecord& release,
                                 std::span<const storage::Ordinal> ordinals,
                                 std::span<const std::uint64_t> text_hashes);

}  // namespace dashi::trainer
