#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/progress.h"
#include "dashi/status.h"
#include "query/release_cache.h"
#include "storage/store.h"

namespace dashi::query {

/// How many of the database's documents stand for queries.
inline constexpr std::size_t kStoredQueriesMax = 1000;
/// How many labels they ask for.
inline constexpr std::size_t kStoredQueryLabels = 10;

/// What PUBLISH calls the recall of a graph.
inline constexpr std::string_view kRecallMetric = "ann_recall@10";

/// Who is told how far a measurement is, and who may end it (kCancelled). Both may be empty.
struct MeasuringControl {
  std::string operation;  ///< "PUBLISH ads@3"
  const ProgressCallback& on_progress;
  const std::function<bool()>& cancelled;

  Status CheckStop() const;
};

/// The texts of up to `num_max` documents, spread evenly over all: the same for every release that
/// is measured in one view.
Result<std::vector<std::string>> ReadStoredQueries(const storage::View& view,
                                                   std::size_t num_max = kStoredQueriesMax);

/// The recall@10 of the index of a release's labels as it serves, beside a scan of all; 1 where it
/// is no graph, or nothing is asked.
///
/// Errors: those of the encoder and the index; kCancelled.
/// Cost:   the queries are embedded; eight scans of the labels for a thousand queries.
Result<double> MeasureRecall(const ServingRelease& release, std::span<const std::string> queries,
                             ThreadPool& pool, const MeasuringControl& control);

/// How long topk took.  Units: milliseconds, [queries], ascending.
///
/// The queries are asked one after the other, each for ten labels with their rows, after a hundred
/// of them were asked without being timed. What SQL adds is not in it.
Result<std::vector<double>> MeasureLatencies(const std::shared_ptr<const storage::View>& view,
                                             ReleaseCache& releases, const ServingRelease& release,
                                             std::span<const std::string> queries,
                                             const MeasuringControl& control);
/// The smallest value that a share of all does not exceed.  Shape: ascending, not empty.
double Percentile(std::span<const double> ascending, double share);

/// The bytes of a release's weights, embeddings and index files, before RocksDB compresses.
///
/// Errors: kFailedPrecondition when a file of its index is missing.
/// Cost:   reads weights and embeddings.
Result<std::uint64_t> MeasureBytes(const storage::View& view, const std::string& index_directory,
                                   const storage::ReleaseRecord& release);

}  // namespace dashi::query
