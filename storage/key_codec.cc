#include "storage/key_codec.h"

#include <charconv>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::storage {

namespace {

constexpr std::string_view kEmbeddingFamilyPrefix = "emb_";

static_assert(static_cast<int>(RelevanceSide::kLabelsOfDocument) == 1);
static_assert(static_cast<int>(RelevanceSide::kDocumentsOfLabel) == 2);
static_assert(static_cast<int>(EdgeSide::kOut) == 1);
static_assert(static_cast<int>(EdgeSide::kIn) == 2);
// Stands where the keys of edges have their side.
constexpr std::uint8_t kEventSide = 3;

bool IsEntityKind(std::uint8_t byte) {
  return byte >= static_cast<std::uint8_t>(EntityKind::kDocument) &&
         byte <= static_cast<std::uint8_t>(EntityKind::kAnchor);
}

std::string Joined(std::string_view prefix, std::string_view name) {
  std::string key(prefix);
  key += name;
  return key;
}

// Keys of `meta` that end with a number.
bool ParseNumberedKey(std::string_view key, std::string_view prefix, std::uint32_t* number) {
  if (!key.starts_with(prefix)) {
    return false;
  }
  ByteReader reader(key.substr(prefix.size()));
  return reader.ReadBigEndian32(number) && reader.empty();
}

}  // namespace

std::string_view FamilyName(Family family) {
  switch (family) {
    case Family::kMeta:
      return "meta";
    case Family::kDocuments:
      return "documents";
    case Family::kLabels:
      return "labels";
    case Family::kAnchors:
      return "anchors";
    case Family::kIds:
      return "ids";
    case Family::kRelevance:
      return "relevance";
    case Family::kEdges:
      return "edges";
    case Family::kEmbeddingDelta:
      return "emb_delta";
    case Family::kWeights:
      return "weights";
    case Family::kChanges:
      return "changes";
    case Family::kJobs:
      return "jobs";
    case Family::kEvaluations:
      return "evaluations";
    case Family::kAttributes:
      return "attributes";
  }
  return "unknown";
}

Family RowFamily(EntityKind kind) {
  switch (kind) {
    case EntityKind::kDocument:
      return Family::kDocuments;
    case EntityKind::kLabel:
      return Family::kLabels;
    case EntityKind::kAnchor:
      return Family::kAnchors;
  }
  DASHI_CHECK(false);
  return Family::kDocuments;
}

std::string EmbeddingFamilyName(std::uint64_t version) {
  return Joined(kEmbeddingFamilyPrefix, std::to_string(version));
}

std::optional<std::uint64_t> ParseEmbeddingFamilyName(std::string_view name) {
  if (!name.starts_with(kEmbeddingFamilyPrefix)) {
    return std::nullopt;
  }
  name.remove_prefix(kEmbeddingFamilyPrefix.size());
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end != name.data() + name.size() || name.front() == '0') {
    return std::nullopt;
  }
  return version;
}

std::string RowKey(Ordinal ordinal) {
  std::string key;
  AppendBigEndian32(&key, ToInteger(ordinal));
  return key;
}

bool ParseRowKey(std::string_view key, Ordinal* ordinal) {
  ByteReader reader(key);
  std::uint32_t number = 0;
  if (!reader.ReadBigEndian32(&number) || !reader.empty()) {
    return false;
  }
  *ordinal = Ordinal{number};
  return true;
}

std::string IdKey(EntityKind kind, std::string_view id) {
  std::string key;
  key.reserve(1 + id.size());
  key.push_back(static_cast<char>(kind));
  key += id;
  return key;
}

std::string RelevanceKey(RelevanceSide side, Ordinal ordinal) {
  std::string key = RelevancePrefix(side);
  AppendBigEndian32(&key, ToInteger(ordinal));
  return key;
}

std::string RelevancePrefix(RelevanceSide side) { return std::string(1, static_cast<char>(side)); }

bool ParseRelevanceKey(std::string_view key, RelevanceSide* side, Ordinal* ordinal) {
  ByteReader reader(key);
  std::uint8_t byte = 0;
  std::uint32_t number = 0;
  if (!reader.ReadByte(&byte) || byte < 1 || byte > 2 || !reader.ReadBigEndian32(&number) ||
      !reader.empty()) {
    return false;
  }
  *side = static_cast<RelevanceSide>(byte);
  *ordinal = Ordinal{number};
  return true;
}

std::string GraphEdgesPrefix(std::uint32_t graph) {
  std::string key;
  AppendBigEndian32(&key, graph);
  return key;
}

std::string EdgePrefix(std::uint32_t graph, EdgeSide side) {
  std::string key = GraphEdgesPrefix(graph);
  key.push_back(static_cast<char>(side));
  return key;
}

std::string EdgeKey(std::uint32_t graph, EdgeSide side, GraphNode node) {
  std::string key = EdgePrefix(graph, side);
  key.push_back(static_cast<char>(node.kind));
  AppendBigEndian32(&key, ToInteger(node.ordinal));
  return key;
}

bool ParseEdgeKey(std::string_view key, std::uint32_t* graph, EdgeSide* side, GraphNode* node) {
  ByteReader reader(key);
  std::uint32_t number = 0;
  std::uint8_t side_byte = 0;
  std::uint8_t kind = 0;
  std::uint32_t ordinal = 0;
  if (!reader.ReadBigEndian32(&number) || number == 0 || !reader.ReadByte(&side_byte) ||
      side_byte < 1 || side_byte > 2 || !reader.ReadByte(&kind) || !IsEntityKind(kind) ||
      !reader.ReadBigEndian32(&ordinal) || !reader.empty()) {
    return false;
  }
  *graph = number;
  *side = static_cast<EdgeSide>(side_byte);
  *node = {static_cast<EntityKind>(kind), Ordinal{ordinal}};
  return true;
}

std::string GraphEventPrefix(std::uint32_t graph) {
  std::string key = GraphEdgesPrefix(graph);
  key.push_back(static_cast<char>(kEventSide));
  return key;
}

std::string GraphEventKey(std::uint32_t graph, std::uint32_t day, std::string_view event_id) {
  std::string key = GraphEventPrefix(graph);
  AppendBigEndian32(&key, day);
  const XXH128_hash_t hash = XXH3_128bits(event_id.data(), event_id.size());
  AppendBigEndian64(&key, hash.high64);
  AppendBigEndian64(&key, hash.low64);
  return key;
}

bool ParseGraphEventKey(std::string_view key, std::uint32_t* graph, std::uint32_t* day) {
  ByteReader reader(key);
  std::uint32_t number = 0;
  std::uint8_t side = 0;
  std::uint64_t hash = 0;
  return reader.ReadBigEndian32(&number) && number > 0 && (*graph = number, true) &&
         reader.ReadByte(&side) && side == kEventSide && reader.ReadBigEndian32(day) &&
         reader.ReadBigEndian64(&hash) && reader.ReadBigEndian64(&hash) && reader.empty();
}

std::string LoadMarkerKey(std::uint64_t marker) {
  std::string key = GraphEdgesPrefix(0);
  AppendBigEndian64(&key, marker);
  return key;
}

bool IsLoadMarkerKey(std::string_view key) {
  return key.size() == 12 && key.starts_with(GraphEdgesPrefix(0));
}

std::string EmbeddingKey(EntityKind kind, Ordinal ordinal) {
  std::string key(1, static_cast<char>(kind));
  AppendBigEndian32(&key, ToInteger(ordinal));
  return key;
}

std::string DeltaEmbeddingPrefix(std::uint64_t version) {
  std::string key;
  AppendBigEndian64(&key, version);
  return key;
}

std::string DeltaEmbeddingPrefix(std::uint64_t version, EntityKind kind) {
  return DeltaEmbeddingPrefix(version) + static_cast<char>(kind);
}

std::string DeltaEmbeddingKey(std::uint64_t version, EntityKind kind, Ordinal ordinal) {
  return DeltaEmbeddingPrefix(version) + EmbeddingKey(kind, ordinal);
}

bool ParseDeltaEmbeddingKey(std::string_view key, std::uint64_t* version, EntityKind* kind,
                            Ordinal* ordinal) {
  ByteReader reader(key);
  return reader.ReadBigEndian64(version) && ParseEmbeddingKey(reader.rest(), kind, ordinal);
}

bool ParseEmbeddingKey(std::string_view key, EntityKind* kind, Ordinal* ordinal) {
  ByteReader reader(key);
  std::uint8_t byte = 0;
  std::uint32_t number = 0;
  if (!reader.ReadByte(&byte) || !IsEntityKind(byte) || !reader.ReadBigEndian32(&number) ||
      !reader.empty()) {
    return false;
  }
  *kind = static_cast<EntityKind>(byte);
  *ordinal = Ordinal{number};
  return true;
}

std::string WeightsChunkKey(std::uint64_t generation, std::uint32_t chunk) {
  std::string key;
  AppendBigEndian64(&key, generation);
  AppendBigEndian32(&key, chunk);
  return key;
}

std::string ChangeKey(std::uint64_t commit_sequence) {
  std::string key;
  AppendBigEndian64(&key, commit_sequence);
  return key;
}

bool ParseChangeKey(std::string_view key, std::uint64_t* commit_sequence) {
  ByteReader reader(key);
  std::uint64_t number = 0;
  if (!reader.ReadBigEndian64(&number) || !reader.empty()) {
    return false;
  }
  *commit_sequence = number;
  return true;
}

std::string JobKey(std::uint64_t id) {
  std::string key;
  AppendBigEndian64(&key, id);
  return key;
}

std::string IndexPrefix(std::uint32_t index) {
  std::string key;
  AppendBigEndian32(&key, index);
  return key;
}

std::string IndexEntryKey(std::uint32_t index, std::string_view ordered_value, Ordinal ordinal) {
  std::string key = IndexPrefix(index);
  key += ordered_value;
  AppendBigEndian32(&key, ToInteger(ordinal));
  return key;
}

bool ParseIndexEntryOrdinal(std::string_view key, Ordinal* ordinal) {
  constexpr std::size_t kBytesMin = 4 + 1 + 4;  // A NULL takes one byte.
  return key.size() >= kBytesMin && ParseRowKey(key.substr(key.size() - 4), ordinal);
}

bool ParseIndexEntryKey(std::string_view key, std::uint32_t* index, Ordinal* ordinal) {
  return ParseIndexEntryOrdinal(key, ordinal) && ByteReader(key).ReadBigEndian32(index);
}

std::string EvaluationKey(std::uint64_t id, std::uint32_t position) {
  std::string key;
  AppendBigEndian64(&key, id);
  AppendBigEndian32(&key, position);
  return key;
}

std::string FormatKey() { return "format"; }
std::string CommitSequenceKey() { return "commit_sequence"; }
std::string ChangesTrimmedKey() { return "changes_trimmed"; }
std::string PendingLoadKey() { return "load"; }
std::string OrdinalCounterKey(EntityKind kind) {
  return Joined("next_ordinal/", EntityTableName(kind));
}
std::string CounterKey(std::string_view name) { return Joined("counter/", name); }
std::string ModelKey(std::string_view name) { return Joined(ModelPrefix(), name); }
std::string ModelPrefix() { return "model/"; }
std::string ReleaseKey(std::string_view model, std::uint32_t number) {
  std::string key = Joined(ReleasePrefix(), model);
  key.push_back('\0');
  AppendBigEndian32(&key, number);
  return key;
}
std::string ReleasePrefix() { return "release/"; }
std::string GraphKey(std::string_view name) { return Joined(GraphPrefix(), name); }
std::string GraphPrefix() { return "graph/"; }
std::string GraphCleanupKey(std::uint32_t graph) {
  return Joined(GraphCleanupPrefix(), GraphEdgesPrefix(graph));
}
std::string GraphCleanupPrefix() { return "graph_cleanup/"; }
bool ParseGraphCleanupKey(std::string_view key, std::uint32_t* graph) {
  return ParseNumberedKey(key, GraphCleanupPrefix(), graph);
}
std::string SettingKey(std::string_view name) { return Joined("setting/", name); }
std::string SchemaKey(EntityKind kind) { return Joined("schema/", EntityTableName(kind)); }
std::string IndexBuildKey(std::uint32_t index) {
  return Joined("index_build/", IndexPrefix(index));
}
std::string IndexCleanupKey(std::uint32_t index) {
  return Joined(IndexCleanupPrefix(), IndexPrefix(index));
}
std::string IndexCleanupPrefix() { return "index_cleanup/"; }
bool ParseIndexCleanupKey(std::string_view key, std::uint32_t* index) {
  return ParseNumberedKey(key, IndexCleanupPrefix(), index);
}
std::string WeightsRecordKey(std::string_view name) { return Joined(WeightsRecordPrefix(), name); }
std::string WeightsRecordPrefix() { return "weights/"; }
std::string WeightsIntentPrefix() { return "weights_intent/"; }
std::string WeightsIntentKey(std::uint64_t generation) {
  std::string key = WeightsIntentPrefix();
  AppendBigEndian64(&key, generation);
  return key;
}
bool ParseWeightsIntentKey(std::string_view key, std::uint64_t* generation) {
  const std::string prefix = WeightsIntentPrefix();
  if (!key.starts_with(prefix)) {
    return false;
  }
  return ParseChangeKey(key.substr(prefix.size()), generation);
}
std::string EmbeddingRecordPrefix() { return "embedding/"; }
std::string EmbeddingRecordKey(std::uint64_t version) {
  std::string key = EmbeddingRecordPrefix();
  AppendBigEndian64(&key, version);
  return key;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF) {
    end.pop_back();
  }
  if (!end.empty()) {
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  }
  return end;
}

}  // namespace dashi::storage
