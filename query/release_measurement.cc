#include "query/release_measurement.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "index/recall_probe.h"
#include "query/top_k.h"

namespace dashi::query {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::View;

constexpr std::size_t kQueriesPerProbe = 128;
constexpr std::size_t kQueriesPerReport = 100;
constexpr std::size_t kWarmUpQueries = 100;
// How often another row is looked for where a document is gone.
constexpr std::uint64_t kReadsMax = 16;
// Of an embedding beside its values: ordinal and hash of the text.
constexpr std::uint64_t kEmbeddingKeyBytes = sizeof(Ordinal) + sizeof(std::uint64_t);

void Report(const MeasuringControl& control, const char* phase, std::size_t done, std::size_t total,
            const Stopwatch& stopwatch) {
  if (!control.on_progress) {
    return;
  }
  Progress progress;
  progress.operation = control.operation;
  progress.phase = phase;
  progress.done = done;
  progress.total = total;
  progress.unit = "queries";
  progress.seconds = stopwatch.Seconds();
  progress.units_per_second =
      progress.seconds > 0 ? static_cast<double>(done) / progress.seconds : 0;
  control.on_progress(progress);
}

// Asks one query to its end.
Status Ask(const std::shared_ptr<const View>& view, ReleaseCache& releases, std::string_view text,
           const TopKOptions& options) {
  DASHI_ASSIGN_OR_RETURN(const auto cursor,
                         OpenTopK(view, releases, text, kStoredQueryLabels, options));
  TopKHit hit;
  for (std::size_t rank = 0; rank < kStoredQueryLabels; ++rank) {
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next(&hit));
    if (!more) {
      break;
    }
  }
  return Status::Ok();
}

Result<std::uint64_t> EmbeddingBytes(const View& view, const ReleaseRecord& release) {
  std::uint64_t bytes = 0;
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    DASHI_ASSIGN_OR_RETURN(const auto cursor, view.ScanEmbeddings(release.embedding_version, kind));
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
      if (!more) {
        break;
      }
      bytes += cursor->values().size_bytes() + kEmbeddingKeyBytes;
    }
  }
  return bytes;
}

}  // namespace

Status MeasuringControl::CheckStop() const {
  return cancelled && cancelled() ? Status::Cancelled(operation + " was cancelled") : Status::Ok();
}

Result<std::vector<std::string>> ReadStoredQueries(const View& view, std::size_t num_max) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_rows, view.EstimateRows(EntityKind::kDocument));
  const std::uint64_t num_wanted = std::min<std::uint64_t>(num_rows, num_max);
  // Each part of the rows gives one document, the first that is there.
  std::vector<std::optional<std::string>> texts(num_wanted);
  for (std::uint64_t read = 0; read < kReadsMax; ++read) {
    std::vector<Ordinal> ordinals;
    std::vector<std::size_t> parts;
    ordinals.reserve(texts.size());
    parts.reserve(texts.size());
    for (std::uint64_t part = 0; part < num_wanted; ++part) {
      const std::uint64_t row = part * num_rows / num_wanted + read;
      if (!texts[part] && row < (part + 1) * num_rows / num_wanted) {
        ordinals.push_back(static_cast<Ordinal>(row));
        parts.push_back(part);
      }
    }
    DASHI_ASSIGN_OR_RETURN(std::vector<std::optional<EntityRow>> rows,
                           view.GetRows(EntityKind::kDocument, ordinals));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i]) {
        texts[parts[i]] = std::move(rows[i]->text);
      }
    }
  }
  std::vector<std::string> queries;
  queries.reserve(texts.size());
  for (std::optional<std::string>& text : texts) {
    if (text) {
      queries.push_back(*std::move(text));
    }
  }
  return queries;
}

Result<double> MeasureRecall(const ServingRelease& release, std::span<const std::string> queries,
                             ThreadPool& pool, const MeasuringControl& control) {
  const ServingIndex& labels = *release.labels;
  if (release.record.index_kind != "hnsw" || queries.empty()) {
    return 1.0;
  }
  const Stopwatch stopwatch;
  double found = 0;
  for (std::size_t begin = 0; begin < queries.size(); begin += kQueriesPerProbe) {
    DASHI_RETURN_IF_ERROR(control.CheckStop());
    const std::size_t size = std::min(kQueriesPerProbe, queries.size() - begin);
    const auto part = queries.subspan(begin, size);
    const std::vector<std::string_view> texts(part.begin(), part.end());
    std::vector<float> embeddings(size * labels.dim());  // [size, dim]
    DASHI_RETURN_IF_ERROR(release.encoder->EncodeBatch(texts, embeddings, pool));
    DASHI_ASSIGN_OR_RETURN(const double recall,
                           index::ProbeRecall(labels, {embeddings.data(), size, labels.dim()},
                                              kStoredQueryLabels, pool, /*should_stop=*/{}));
    found += recall * static_cast<double>(size);
    Report(control, "recall", begin + size, queries.size(), stopwatch);
  }
  return found / static_cast<double>(queries.size());
}

Result<std::vector<double>> MeasureLatencies(const std::shared_ptr<const View>& view,
                                             ReleaseCache& releases, const ServingRelease& release,
                                             std::span<const std::string> queries,
                                             const MeasuringControl& control) {
  TopKOptions options;
  options.model = release.record.model;
  options.release = release.record.number;
  options.check_stop = [&control] { return control.CheckStop(); };
  for (const std::string& query : queries.first(std::min(kWarmUpQueries, queries.size()))) {
    DASHI_RETURN_IF_ERROR(control.CheckStop());
    DASHI_RETURN_IF_ERROR(Ask(view, releases, query, options));
  }
  const Stopwatch stopwatch;
  std::vector<double> milliseconds;
  milliseconds.reserve(queries.size());
  for (const std::string& query : queries) {
    DASHI_RETURN_IF_ERROR(control.CheckStop());
    const Stopwatch one;
    DASHI_RETURN_IF_ERROR(Ask(view, releases, query, options));
    milliseconds.push_back(one.Seconds() * 1000);
    if (milliseconds.size() % kQueriesPerReport == 0) {
      Report(control, "latency", milliseconds.size(), queries.size(), stopwatch);
    }
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds;
}

double Percentile(std::span<const double> ascending, double share) {
  const double rank = std::ceil(share * static_cast<double>(ascending.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return ascending[std::min(index, ascending.size() - 1)];
}

Result<std::uint64_t> MeasureBytes(const View& view, const std::string& index_directory,
                                   const ReleaseRecord& release) {
  DASHI_ASSIGN_OR_RETURN(std::uint64_t bytes, EmbeddingBytes(view, release));
  for (const std::string& name : release.weights) {
    DASHI_ASSIGN_OR_RETURN(const std::string blob, view.GetWeights(name));
    bytes += blob.size();
  }
  for (const std::string& file : release.IndexFiles()) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(index_directory + "/" + file, error);
    if (error) {
      return Status::FailedPrecondition(
                 fmt::format("a file of {}@{} is missing: {}", release.model, release.number, file))
          .WithHint("It is built anew while the release is loaded: releases.index_state tells.");
    }
    bytes += size;
  }
  return bytes;
}

}  // namespace dashi::query
