#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/catalog_records.h"
#include "storage/entity.h"
#include "storage/graph/graph_record.h"

namespace dashi::storage {

// Catalog records are stored as a format byte and one JSON object. A reader ignores members that it
// does not know and gives absent ones their defaults, so that records can grow.

std::string EncodeModel(const ModelRecord& record);
std::string EncodeRelease(const ReleaseRecord& record);
std::string EncodeJob(const JobRecord& record);
std::string EncodeEvaluation(const EvaluationRecord& record);
std::string EncodeGraph(const GraphRecord& record);

/// Each reads what its Encode wrote. Returns false, with *record unspecified, for anything else.
bool DecodeModel(std::string_view bytes, ModelRecord* record);
bool DecodeRelease(std::string_view bytes, ReleaseRecord* record);
bool DecodeJob(std::string_view bytes, JobRecord* record);
bool DecodeEvaluation(std::string_view bytes, EvaluationRecord* record);
bool DecodeGraph(std::string_view bytes, GraphRecord* record);

/// A setting: a format byte and the value.
std::string EncodeSetting(std::string_view value);
bool DecodeSetting(std::string_view bytes, std::string* value);

/// Which chunks of `weights` hold a blob, and what they must hash to.
struct WeightsRecord {
  std::uint64_t generation = 0;
  std::uint64_t size = 0;
  std::uint64_t hash_low = 0;  ///< xxh3-128 of the whole blob
  std::uint64_t hash_high = 0;
};
std::string EncodeWeightsRecord(const WeightsRecord& record);
bool DecodeWeightsRecord(std::string_view bytes, WeightsRecord* record);

/// An embedding version: what its column family holds.
struct EmbeddingRecord {
  std::uint64_t version = 0;
  std::uint32_t dim = 0;
  std::uint64_t num_rows = 0;
};
std::string EncodeEmbeddingRecord(const EmbeddingRecord& record);
bool DecodeEmbeddingRecord(std::string_view bytes, EmbeddingRecord* record);

/// A sorted file of a bulk load, written and synced, that no column family holds yet.
struct StagedFile {
  std::string name;  ///< within the tmp folder
  std::uint64_t bytes = 0;
  std::uint32_t crc32c = 0;  ///< of the whole file, as RocksDB records it
};

/// The commit point of a bulk load: from this record on, the rows of the spool file, or of the
/// staged files, will be in the database.
struct LoadRecord {
  std::string spool;  ///< file name within the tmp folder; empty for a staged load
  std::uint64_t spool_bytes = 0;
  std::uint64_t commit_sequence = 0;
  // The rest is a staged load's, which inserts rows of one table or changes edges of one graph.
  EntityKind kind = EntityKind::kDocument;
  std::vector<StagedFile> row_files;  ///< of a graph: neighbour lists of both sides
  std::vector<StagedFile> id_files;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> inserted;  ///< first ordinal, count
  /// The rows are written one by one, not ingested: some may be there and others not.
  bool row_by_row = false;
  // Of a load of edges.
  std::uint32_t graph = 0;   ///< the graph's number; 0: the load has rows
  std::uint64_t marker = 0;  ///< of its LoadMarkerKey, which is ingested with the files
  std::uint64_t num_edges = 0;
  bool adds = false;             ///< the edges are added to those that are there
  std::uint64_t num_copied = 0;  ///< row by row: the lists that are there already

  bool is_staged() const { return !row_files.empty(); }
};
std::string EncodeLoadRecord(const LoadRecord& record);
bool DecodeLoadRecord(std::string_view bytes, LoadRecord* record);

}  // namespace dashi::storage
