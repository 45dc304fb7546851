#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/entity.h"
#include "storage/graph/edge.h"

namespace dashi::storage {

// Every key layout of every column family lives here; docs/FORMATS.md describes each byte.
// Numbers in keys are fixed-width and big-endian, so that bytewise order is numeric order. Text
// stands only at the end of a key, raw.

/// The fixed column families. Persisted by name; emb_<version> families come on top.
enum class Family : std::uint8_t {
  kMeta,
  kDocuments,
  kLabels,
  kAnchors,
  kIds,
  kRelevance,
  kEdges,
  kEmbeddingDelta,
  kWeights,
  kChanges,
  kJobs,
  kEvaluations,
  kAttributes,
};

inline constexpr std::array kFamilies = {
    Family::kMeta,       Family::kDocuments, Family::kLabels, Family::kAnchors,
    Family::kIds,        Family::kRelevance, Family::kEdges,  Family::kEmbeddingDelta,
    Family::kWeights,    Family::kChanges,   Family::kJobs,   Family::kEvaluations,
    Family::kAttributes,
};
inline constexpr std::size_t kNumFamilies = kFamilies.size();

inline std::size_t ToIndex(Family family) { return static_cast<std::size_t>(family); }

/// Returns the column family's name, e.g. "emb_delta".
std::string_view FamilyName(Family family);
/// Returns the column family that holds the rows of `kind`.
Family RowFamily(EntityKind kind);
/// Returns "emb_<version>", the name of an embedding version's own column family.
std::string EmbeddingFamilyName(std::uint64_t version);
/// Reads the version out of such a name; nullopt for every other name.
std::optional<std::uint64_t> ParseEmbeddingFamilyName(std::string_view name);

/// documents, labels, anchors: ordinal u32.
std::string RowKey(Ordinal ordinal);
bool ParseRowKey(std::string_view key, Ordinal* ordinal);

/// ids: kind u8, the id's bytes.
std::string IdKey(EntityKind kind, std::string_view id);

/// relevance: direction u8, ordinal u32. Persisted: append only.
enum class RelevanceSide : std::uint8_t { kLabelsOfDocument = 1, kDocumentsOfLabel = 2 };
std::string RelevanceKey(RelevanceSide side, Ordinal ordinal);
bool ParseRelevanceKey(std::string_view key, RelevanceSide* side, Ordinal* ordinal);
/// The keys of one side lie in [prefix, prefix + 1).
std::string RelevancePrefix(RelevanceSide side);

/// edges: graph number u32, side u8, kind u8, ordinal u32.
std::string EdgeKey(std::uint32_t graph, EdgeSide side, GraphNode node);
bool ParseEdgeKey(std::string_view key, std::uint32_t* graph, EdgeSide* side, GraphNode* node);
/// The keys of one graph, and of one side of it, start with these.
std::string GraphEdgesPrefix(std::uint32_t graph);
std::string EdgePrefix(std::uint32_t graph, EdgeSide side);
/// edges: graph number u32, 3 u8, day of the event since 1970 u32, xxh3-128 of its id: an event
/// that was counted.
std::string GraphEventKey(std::uint32_t graph, std::uint32_t day, std::string_view event_id);
std::string GraphEventPrefix(std::uint32_t graph);
bool ParseGraphEventKey(std::string_view key, std::uint32_t* graph, std::uint32_t* day);
/// edges: 0 u32, marker u64: there while the load that ingested it is not over.
std::string LoadMarkerKey(std::uint64_t marker);
bool IsLoadMarkerKey(std::string_view key);

/// emb_<version>: kind u8, ordinal u32.
std::string EmbeddingKey(EntityKind kind, Ordinal ordinal);
bool ParseEmbeddingKey(std::string_view key, EntityKind* kind, Ordinal* ordinal);

/// emb_delta: embedding version u64, kind u8, ordinal u32.
std::string DeltaEmbeddingKey(std::uint64_t version, EntityKind kind, Ordinal ordinal);
std::string DeltaEmbeddingPrefix(std::uint64_t version);
std::string DeltaEmbeddingPrefix(std::uint64_t version, EntityKind kind);
bool ParseDeltaEmbeddingKey(std::string_view key, std::uint64_t* version, EntityKind* kind,
                            Ordinal* ordinal);

/// weights: generation u64, chunk u32.
std::string WeightsChunkKey(std::uint64_t generation, std::uint32_t chunk);

/// changes: commit sequence u64.
std::string ChangeKey(std::uint64_t commit_sequence);
bool ParseChangeKey(std::string_view key, std::uint64_t* commit_sequence);

/// jobs: id u64.
std::string JobKey(std::uint64_t id);

/// attributes: index number u32, value as EncodeOrdered wrote it, ordinal u32.
std::string IndexEntryKey(std::uint32_t index, std::string_view ordered_value, Ordinal ordinal);
/// Reads the ordinal of such a key.
bool ParseIndexEntryOrdinal(std::string_view key, Ordinal* ordinal);
/// Reads the index and the ordinal of such a key.
bool ParseIndexEntryKey(std::string_view key, std::uint32_t* index, Ordinal* ordinal);
/// The keys of one index start with it.
std::string IndexPrefix(std::uint32_t index);

/// evaluations: id u64, position within its EVALUATE u32.
std::string EvaluationKey(std::uint64_t id, std::uint32_t position);

// meta: ASCII words; names stand at the end, except that a release's number follows a zero byte.
std::string FormatKey();
std::string CommitSequenceKey();
std::string ChangesTrimmedKey();
std::string PendingLoadKey();
std::string OrdinalCounterKey(EntityKind kind);
std::string CounterKey(std::string_view name);
std::string ModelKey(std::string_view name);
std::string ModelPrefix();
std::string ReleaseKey(std::string_view model, std::uint32_t number);
std::string ReleasePrefix();
std::string GraphKey(std::string_view name);
std::string GraphPrefix();
/// Present while a dropped graph has edges.
std::string GraphCleanupKey(std::uint32_t graph);
std::string GraphCleanupPrefix();
bool ParseGraphCleanupKey(std::string_view key, std::uint32_t* graph);
std::string SettingKey(std::string_view name);
/// The user columns of a table.
std::string SchemaKey(EntityKind kind);
/// How far the build of an index is: the next ordinal.
std::string IndexBuildKey(std::uint32_t index);
/// Present while a dropped index has entries.
std::string IndexCleanupKey(std::uint32_t index);
std::string IndexCleanupPrefix();
bool ParseIndexCleanupKey(std::string_view key, std::uint32_t* index);
/// The record that names a blob's live generation in `weights`.
std::string WeightsRecordKey(std::string_view name);
std::string WeightsRecordPrefix();
/// Present while a generation's chunks are being written; found at open, its chunks are garbage.
std::string WeightsIntentKey(std::uint64_t generation);
std::string WeightsIntentPrefix();
bool ParseWeightsIntentKey(std::string_view key, std::uint64_t* generation);
std::string EmbeddingRecordKey(std::uint64_t version);
std::string EmbeddingRecordPrefix();

/// Returns the smallest key above all keys that start with `prefix`; empty means no upper bound.
std::string PrefixEnd(std::string_view prefix);

}  // namespace dashi::storage
