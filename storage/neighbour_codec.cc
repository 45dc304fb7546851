#include "storage/neighbour_codec.h"

#include <algorithm>
#include <bit>

#include "base/byte_codec.h"
#include "storage/merge_bundle.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kListFormat = 1;
constexpr std::uint8_t kDeltaFormat = 2;

// Persisted: append only.
enum class WeightsLayout : std::uint8_t { kAllOne = 0, kFloats = 1 };
enum class ChangeCode : std::uint8_t { kRemove = 0, kPutOne = 1, kPutFloat = 2 };

// Reads a strictly ascending ordinal stored as the distance from its predecessor.
bool ReadAscending(ByteReader* reader, bool first, std::uint64_t* ordinal) {
  std::uint64_t step = 0;
  if (!reader->ReadVarint(&step) || step > UINT32_MAX || (step == 0 && !first) ||
      *ordinal + step > UINT32_MAX) {
    return false;
  }
  *ordinal += step;
  return true;
}

bool ReadChange(ByteReader* reader, NeighbourChange* change) {
  std::uint8_t code = 0;
  if (!reader->ReadByte(&code)) {
    return false;
  }
  float weight = 1.0F;
  switch (static_cast<ChangeCode>(code)) {
    case ChangeCode::kRemove:
      change->weight.reset();
      return true;
    case ChangeCode::kPutOne:
      change->weight = 1.0F;
      return true;
    case ChangeCode::kPutFloat:
      if (!reader->ReadFloat(&weight)) {
        return false;
      }
      change->weight = weight;
      return true;
  }
  return false;
}

// An exact comparison: only a weight whose bits say 1 may be left out.
bool IsOne(float weight) {
  return std::bit_cast<std::uint32_t>(weight) == std::bit_cast<std::uint32_t>(1.0F);
}

}  // namespace

std::string EncodeNeighbours(std::span<const RelevanceNeighbour> neighbours) {
  std::string bytes(1, static_cast<char>(kListFormat));
  AppendVarint(&bytes, neighbours.size());
  std::uint32_t previous = 0;
  bool all_one = true;
  for (const RelevanceNeighbour& neighbour : neighbours) {
    AppendVarint(&bytes, ToInteger(neighbour.ordinal) - previous);
    previous = ToInteger(neighbour.ordinal);
    all_one = all_one && IsOne(neighbour.weight);
  }
  bytes.push_back(static_cast<char>(all_one ? WeightsLayout::kAllOne : WeightsLayout::kFloats));
  if (!all_one) {
    for (const RelevanceNeighbour& neighbour : neighbours) {
      AppendFloat(&bytes, neighbour.weight);
    }
  }
  return bytes;
}

bool DecodeNeighbours(std::string_view bytes, std::vector<RelevanceNeighbour>* neighbours) {
  neighbours->clear();
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  std::uint64_t count = 0;
  if (!reader.ReadByte(&format) || format != kListFormat || !reader.ReadVarint(&count) ||
      count > reader.rest().size()) {
    return false;
  }
  neighbours->reserve(count);
  std::uint64_t ordinal = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!ReadAscending(&reader, /*first=*/i == 0, &ordinal)) {
      return false;
    }
    neighbours->push_back({Ordinal{static_cast<std::uint32_t>(ordinal)}, 1.0F});
  }
  std::uint8_t layout = 0;
  if (!reader.ReadByte(&layout) || layout > static_cast<std::uint8_t>(WeightsLayout::kFloats)) {
    return false;
  }
  if (static_cast<WeightsLayout>(layout) == WeightsLayout::kFloats) {
    for (RelevanceNeighbour& neighbour : *neighbours) {
      if (!reader.ReadFloat(&neighbour.weight)) {
        return false;
      }
    }
  }
  return reader.empty();
}

std::string EncodeNeighbourDelta(std::span<const NeighbourChange> changes) {
  std::string bytes(1, static_cast<char>(kDeltaFormat));
  AppendVarint(&bytes, changes.size());
  std::uint32_t previous = 0;
  for (const NeighbourChange& change : changes) {
    AppendVarint(&bytes, ToInteger(change.ordinal) - previous);
    previous = ToInteger(change.ordinal);
    if (!change.weight) {
      bytes.push_back(static_cast<char>(ChangeCode::kRemove));
    } else if (IsOne(*change.weight)) {
      bytes.push_back(static_cast<char>(ChangeCode::kPutOne));
    } else {
      bytes.push_back(static_cast<char>(ChangeCode::kPutFloat));
      AppendFloat(&bytes, *change.weight);
    }
  }
  return bytes;
}

bool DecodeNeighbourDelta(std::string_view bytes, std::vector<NeighbourChange>* changes) {
  const std::size_t size_before = changes->size();
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  std::uint64_t count = 0;
  if (!reader.ReadByte(&format) || format != kDeltaFormat || !reader.ReadVarint(&count) ||
      count > reader.rest().size() / 2) {
    return false;
  }
  std::uint64_t ordinal = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    NeighbourChange change;
    if (!ReadAscending(&reader, /*first=*/i == 0, &ordinal) || !ReadChange(&reader, &change)) {
      changes->resize(size_before);
      return false;
    }
    change.ordinal = Ordinal{static_cast<std::uint32_t>(ordinal)};
    changes->push_back(change);
  }
  if (!reader.empty()) {
    changes->resize(size_before);
    return false;
  }
  return true;
}

void CollapseChanges(std::vector<NeighbourChange>* changes) {
  const auto before = [](const NeighbourChange& a, const NeighbourChange& b) {
    return ToInteger(a.ordinal) < ToInteger(b.ordinal);
  };
  if (!std::is_sorted(changes->begin(), changes->end(), before)) {
    std::stable_sort(changes->begin(), changes->end(), before);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < changes->size(); ++i) {
    const bool superseded =
        i + 1 < changes->size() && (*changes)[i + 1].ordinal == (*changes)[i].ordinal;
    if (!superseded) {
      (*changes)[kept++] = (*changes)[i];
    }
  }
  changes->resize(kept);
}

std::vector<RelevanceNeighbour> ApplyChanges(std::span<const RelevanceNeighbour> neighbours,
                                             std::span<const NeighbourChange> changes) {
  std::vector<RelevanceNeighbour> result;
  result.reserve(neighbours.size() + changes.size());
  std::size_t i = 0;
  for (const NeighbourChange& change : changes) {
    while (i < neighbours.size() && ToInteger(neighbours[i].ordinal) < ToInteger(change.ordinal)) {
      result.push_back(neighbours[i++]);
    }
    if (i < neighbours.size() && neighbours[i].ordinal == change.ordinal) {
      ++i;
    }
    if (change.weight) {
      result.push_back({change.ordinal, *change.weight});
    }
  }
  result.insert(result.end(), neighbours.begin() + static_cast<std::ptrdiff_t>(i),
                neighbours.end());
  return result;
}

std::string MergeNeighbours(const std::string_view* existing,
                            std::span<const std::string_view> deltas) {
  std::vector<RelevanceNeighbour> neighbours;
  std::vector<NeighbourChange> changes;
  bool readable = existing == nullptr || DecodeNeighbours(*existing, &neighbours);
  for (std::size_t i = 0; readable && i < deltas.size(); ++i) {
    readable = DecodeNeighbourDelta(deltas[i], &changes);
  }
  if (!readable) {
    return BundleOf(existing, deltas);
  }
  CollapseChanges(&changes);
  return EncodeNeighbours(ApplyChanges(neighbours, changes));
}

bool CombineDeltas(std::span<const std::string_view> deltas, std::string* combined) {
  std::vector<NeighbourChange> changes;
  for (const std::string_view delta : deltas) {
    if (!DecodeNeighbourDelta(delta, &changes)) {
      return false;
    }
  }
  CollapseChanges(&changes);
  *combined = EncodeNeighbourDelta(changes);
  return true;
}

}  // namespace dashi::storage
