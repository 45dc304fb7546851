#include "storage/graph/edge_codec.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/byte_codec.h"
#include "storage/merge_bundle.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kListFormat = 1;
constexpr std::uint8_t kDeltaFormat = 2;
// Histories up to this long are sorted without memory of their own.
constexpr std::size_t kInsertionSortMax = 16;

// An entry's code byte: bits 0-1 the operation, 2-3 the weight's layout, 4 and 5 flags.
enum class WeightLayout : std::uint8_t { kOne = 0, kFloat = 1, kDouble = 2 };
constexpr std::uint8_t kHasClicks = 1U << 4U;
constexpr std::uint8_t kHasTime = 1U << 5U;  // else that of the entry before
constexpr std::uint8_t kCodeBits = 0x3F;

bool Unpack(std::uint64_t packed, GraphNode* node) {
  const std::uint64_t kind = packed >> 32U;
  if (kind < static_cast<std::uint64_t>(EntityKind::kDocument) ||
      kind > static_cast<std::uint64_t>(EntityKind::kAnchor)) {
    return false;
  }
  *node = {static_cast<EntityKind>(kind), Ordinal{static_cast<std::uint32_t>(packed)}};
  return true;
}

std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1U));
}

// An exact comparison: a weight is shortened only when its bits come back.
bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

WeightLayout LayoutOf(double weight) {
  if (SameBits(weight, 1.0)) {
    return WeightLayout::kOne;
  }
  return SameBits(static_cast<double>(static_cast<float>(weight)), weight) ? WeightLayout::kFloat
                                                                           : WeightLayout::kDouble;
}

/// Writes entries, each against the one before, into a string that it empties first.
class EntryWriter {
 public:
  EntryWriter(std::uint8_t format, std::int64_t half_life_micros, std::size_t count,
              std::string* bytes)
      : bytes_(*bytes) {
    bytes_.assign(1, static_cast<char>(format));
    bytes_.reserve(16 + count * 8);
    AppendVarint(&bytes_, static_cast<std::uint64_t>(half_life_micros));
    AppendVarint(&bytes_, count);
  }

  void Add(GraphNode neighbour, EdgeOperation operation, const EdgeValues& values) {
    AppendVarint(&bytes_, PackNode(neighbour) - packed_);
    packed_ = PackNode(neighbour);
    auto code = static_cast<std::uint8_t>(operation);
    if (operation == EdgeOperation::kRemove) {
      bytes_.push_back(static_cast<char>(code));
      return;
    }
    const WeightLayout layout = LayoutOf(values.weight);
    code |= static_cast<std::uint8_t>(static_cast<unsigned>(layout) << 2U);
    code |= values.clicks > 0 ? kHasClicks : 0U;
    code |= values.last_seen_micros != time_ ? kHasTime : 0U;
    bytes_.push_back(static_cast<char>(code));
    if (layout == WeightLayout::kFloat) {
      AppendFloat(&bytes_, static_cast<float>(values.weight));
    } else if (layout == WeightLayout::kDouble) {
      AppendDouble(&bytes_, values.weight);
    }
    if (values.clicks > 0) {
      AppendVarint(&bytes_, values.clicks);
    }
    if (values.last_seen_micros != time_) {
      AppendVarint(
          &bytes_,
          ZigZag(static_cast<std::int64_t>(static_cast<std::uint64_t>(values.last_seen_micros) -
                                           static_cast<std::uint64_t>(time_))));
      time_ = values.last_seen_micros;
    }
  }

 private:
  std::string& bytes_;
  std::uint64_t packed_ = 0;
  std::int64_t time_ = 0;
};

/// Reads what EntryWriter wrote.
class EntryReader {
 public:
  explicit EntryReader(std::string_view bytes) : reader_(bytes) {}

  bool ReadHeader(std::uint8_t expected_format) {
    std::uint8_t format = 0;
    std::uint64_t half_life = 0;
    // The least entry has two bytes.
    if (!reader_.ReadByte(&format) || format != expected_format ||
        !reader_.ReadVarint(&half_life) || half_life > INT64_MAX || !reader_.ReadVarint(&count_) ||
        count_ > reader_.rest().size() / 2) {
      return false;
    }
    half_life_micros_ = static_cast<std::int64_t>(half_life);
    return true;
  }
  std::int64_t half_life_micros() const { return half_life_micros_; }
  std::uint64_t count() const { return count_; }
  bool at_end() const { return reader_.empty(); }

  bool ReadEntry(EdgeChange* change) {
    std::uint64_t step = 0;
    std::uint8_t code = 0;
    if (!reader_.ReadVarint(&step) || step == 0 || packed_ + step < packed_ ||
        !Unpack(packed_ + step, &change->neighbour) || !reader_.ReadByte(&code) ||
        (code & ~kCodeBits) != 0 || (code & 3U) > static_cast<unsigned>(EdgeOperation::kRemove)) {
      return false;
    }
    packed_ += step;
    change->operation = static_cast<EdgeOperation>(code & 3U);
    change->values = EdgeValues();
    if (change->operation == EdgeOperation::kRemove) {
      return (code & ~3U) == 0;
    }
    if (!ReadWeight(static_cast<WeightLayout>((code >> 2U) & 3U), &change->values.weight) ||
        ((code & kHasClicks) != 0 && !reader_.ReadVarint(&change->values.clicks))) {
      return false;
    }
    if ((code & kHasTime) != 0) {
      std::uint64_t difference = 0;
      if (!reader_.ReadVarint(&difference)) {
        return false;
      }
      time_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(time_) +
                                        static_cast<std::uint64_t>(UnZigZag(difference)));
    }
    change->values.last_seen_micros = time_;
    return true;
  }

 private:
  bool ReadWeight(WeightLayout layout, double* weight) {
    float narrow = 0;
    switch (layout) {
      case WeightLayout::kOne:
        *weight = 1;
        return true;
      case WeightLayout::kFloat:
        if (!reader_.ReadFloat(&narrow)) {
          return false;
        }
        *weight = static_cast<double>(narrow);
        break;
      case WeightLayout::kDouble:
        if (!reader_.ReadDouble(weight)) {
          return false;
        }
        break;
      default:
        return false;
    }
    return std::isfinite(*weight) && *weight >= 0;
  }

  ByteReader reader_;
  std::int64_t half_life_micros_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t packed_ = 0;
  std::int64_t time_ = 0;
};

}  // namespace

EdgeChange Compose(const EdgeChange& first, const EdgeChange& second,
                   std::int64_t half_life_micros) {
  if (second.operation != EdgeOperation::kAdd) {
    return second;
  }
  if (first.operation == EdgeOperation::kRemove) {
    return {second.neighbour, EdgeOperation::kPut, second.values};
  }
  return {first.neighbour, first.operation, SumOf(first.values, second.values, half_life_micros)};
}

std::string EncodeEdges(std::int64_t half_life_micros, std::span<const Edge> edges) {
  std::string bytes;
  EntryWriter writer(kListFormat, half_life_micros, edges.size(), &bytes);
  for (const Edge& edge : edges) {
    writer.Add(edge.neighbour, EdgeOperation::kPut, edge.values);
  }
  return bytes;
}

bool DecodeEdges(std::string_view bytes, std::int64_t* half_life_micros, std::vector<Edge>* edges) {
  edges->clear();
  EntryReader reader(bytes);
  if (!reader.ReadHeader(kListFormat)) {
    return false;
  }
  edges->reserve(reader.count());
  EdgeChange change;
  for (std::uint64_t i = 0; i < reader.count(); ++i) {
    if (!reader.ReadEntry(&change) || change.operation != EdgeOperation::kPut) {
      return false;
    }
    edges->push_back({change.neighbour, change.values});
  }
  *half_life_micros = reader.half_life_micros();
  return reader.at_end();
}

bool DecodeEdges(std::string_view bytes, std::vector<Edge>* edges) {
  std::int64_t half_life_micros = 0;
  return DecodeEdges(bytes, &half_life_micros, edges);
}

void EncodeEdgeDelta(std::int64_t half_life_micros, std::span<const EdgeChange> changes,
                     std::string* bytes) {
  EntryWriter writer(kDeltaFormat, half_life_micros, changes.size(), bytes);
  for (const EdgeChange& change : changes) {
    writer.Add(change.neighbour, change.operation, change.values);
  }
}

std::string EncodeEdgeDelta(std::int64_t half_life_micros, std::span<const EdgeChange> changes) {
  std::string bytes;
  EncodeEdgeDelta(half_life_micros, changes, &bytes);
  return bytes;
}

bool DecodeEdgeDelta(std::string_view bytes, std::int64_t* half_life_micros,
                     std::vector<EdgeChange>* changes) {
  const std::size_t size_before = changes->size();
  EntryReader reader(bytes);
  bool readable = reader.ReadHeader(kDeltaFormat);
  for (std::uint64_t i = 0; readable && i < reader.count(); ++i) {
    EdgeChange change;
    readable = reader.ReadEntry(&change);
    changes->push_back(change);
  }
  if (!readable || !reader.at_end()) {
    changes->resize(size_before);
    return false;
  }
  *half_life_micros = reader.half_life_micros();
  return true;
}

void CollapseEdgeChanges(std::int64_t half_life_micros, std::vector<EdgeChange>* changes) {
  const auto before = [](const EdgeChange& a, const EdgeChange& b) {
    return a.neighbour < b.neighbour;
  };
  if (changes->size() <= kInsertionSortMax) {
    for (auto next = changes->begin(); next != changes->end(); ++next) {
      std::rotate(std::upper_bound(changes->begin(), next, *next, before), next, next + 1);
    }
  } else if (!std::is_sorted(changes->begin(), changes->end(), before)) {
    std::stable_sort(changes->begin(), changes->end(), before);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < changes->size(); ++i) {
    if (kept > 0 && (*changes)[kept - 1].neighbour == (*changes)[i].neighbour) {
      (*changes)[kept - 1] = Compose((*changes)[kept - 1], (*changes)[i], half_life_micros);
    } else {
      (*changes)[kept++] = (*changes)[i];
    }
  }
  changes->resize(kept);
}

std::vector<Edge> ApplyEdgeChanges(std::int64_t half_life_micros, std::span<const Edge> edges,
                                   std::span<const EdgeChange> changes) {
  std::vector<Edge> result;
  result.reserve(edges.size() + changes.size());
  std::size_t i = 0;
  for (const EdgeChange& change : changes) {
    while (i < edges.size() && edges[i].neighbour < change.neighbour) {
      result.push_back(edges[i++]);
    }
    const bool exists = i < edges.size() && edges[i].neighbour == change.neighbour;
    if (exists && change.operation == EdgeOperation::kAdd) {
      result.push_back({change.neighbour, SumOf(edges[i].values, change.values, half_life_micros)});
    } else if (change.operation != EdgeOperation::kRemove) {
      result.push_back({change.neighbour, change.values});
    }
    i += exists ? 1 : 0;
  }
  result.insert(result.end(), edges.begin() + static_cast<std::ptrdiff_t>(i), edges.end());
  return result;
}

std::string MergeEdges(const std::string_view* existing, std::span<const std::string_view> deltas) {
  std::vector<Edge> edges;
  std::vector<EdgeChange> changes;
  std::int64_t half_life_micros = 0;
  bool readable = existing == nullptr || DecodeEdges(*existing, &half_life_micros, &edges);
  for (std::size_t i = 0; readable && i < deltas.size(); ++i) {
    readable = DecodeEdgeDelta(deltas[i], &half_life_micros, &changes);
  }
  if (!readable) {
    return BundleOf(existing, deltas);
  }
  CollapseEdgeChanges(half_life_micros, &changes);
  return EncodeEdges(half_life_micros, ApplyEdgeChanges(half_life_micros, edges, changes));
}

bool CombineEdgeDeltas(std::span<const std::string_view> deltas, std::string* combined) {
  std::vector<EdgeChange> changes;
  std::int64_t half_life_micros = 0;
  for (const std::string_view delta : deltas) {
    if (!DecodeEdgeDelta(delta, &half_life_micros, &changes)) {
      return false;
    }
  }
  CollapseEdgeChanges(half_life_micros, &changes);
  *combined = EncodeEdgeDelta(half_life_micros, changes);
  return true;
}

}  // namespace dashi::storage
