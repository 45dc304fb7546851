#pragma once

#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <xxhash.h>

#include "base/byte_codec.h"
#include "index/hnsw_graph_file.h"
#include "index/vector_index.h"

namespace dashi::index {

template <typename T>
std::string_view BytesOf(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// The graph file that programs from before segments wrote, for tests of its reader: it seals
/// whatever links it is given.
inline std::string SerializeGraph(const StoredGraph& stored, HalfMatrixView vectors) {
  const HnswGraph& graph = stored.graph;
  const std::span<const Position> base = graph.base_links();
  const std::span<const Position> upper = graph.upper_links();
  constexpr std::size_t kAroundBytes = 72 + 16;
  std::string bytes = "DSHIHNSW";
  AppendLittleEndian32(&bytes, 1);
  AppendLittleEndian32(&bytes, static_cast<std::uint32_t>(graph.num_links()));
  AppendLittleEndian64(&bytes, graph.num_nodes());
  AppendLittleEndian64(&bytes, vectors.dim);
  AppendLittleEndian64(&bytes, upper.size() / graph.num_links());
  AppendLittleEndian64(&bytes, stored.duplicates.all().size());
  AppendLittleEndian32(&bytes, graph.entry_point());
  AppendLittleEndian32(&bytes, static_cast<std::uint32_t>(stored.ef_search));
  AppendLittleEndian64(
      &bytes, XXH3_64bits(vectors.data, vectors.rows * vectors.dim * sizeof(std::uint16_t)));
  AppendLittleEndian64(&bytes, kAroundBytes + graph.num_nodes() + base.size_bytes() +
                                   upper.size_bytes() + stored.duplicates.all().size_bytes());
  bytes.append(BytesOf(graph.levels()));
  bytes.append(BytesOf(base));
  bytes.append(BytesOf(upper));
  bytes.append(BytesOf(stored.duplicates.all()));
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  AppendLittleEndian64(&bytes, hash.low64);
  AppendLittleEndian64(&bytes, hash.high64);
  return bytes;
}

/// Builds a graph and writes such a file of it.
inline void WriteGraphFile(const std::string& path, const std::vector<std::uint16_t>& vectors,
                           std::size_t dim, const HnswOptions& options) {
  const HalfMatrixView view{vectors.data(), vectors.size() / dim, dim};
  const StoredGraph stored = BuildStoredGraph(view, options, {}).value();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << SerializeGraph(stored, view);
}

}  // namespace dashi::index
