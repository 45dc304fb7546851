#include "trainer/release_index.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status.h"
#include "index/label_fusion.h"
#include "index/recall_probe.h"
#include "index/segment/segment_index.h"
#include "index/segment/segment_relink.h"
#include "index/vector_kernels.h"
#include "trainer/release_segment.h"
#include "trainer/retrieval/voting_documents.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::View;

constexpr std::size_t kProbesMax = 1000;
constexpr std::size_t kProbedRows = 10;
constexpr const char* kRecall = "ann recall@10";

/// "exact" or "hnsw".
std::string_view IndexKind(const ReleaseIndexOptions& options, std::size_t num_vectors,
                           std::size_t dim) {
  if (num_vectors == 0) {
    return "exact";
  }
  return options.kind == "auto" ? index::ChooseIndexKind(num_vectors, dim)
                                : std::string_view(options.kind);
}

/// A graph to begin with.
struct OldGraph {
  std::unique_ptr<index::MappedSegment> segment;  ///< null: there is none
  double recall_built = 0;  ///< of the last graph that was built anew; 0: not known
};

/// The vectors of an index, and where its file goes.
struct IndexFile {
  const ReleaseSteps& steps;
  index::HnswOptions options;
  std::string_view phase;
  std::string_view unit;
  std::string path;
  index::HalfMatrixView vectors;
  index::SegmentRows rows;

  index::BuildProgress Progress() const {
    return [this](std::size_t done, std::size_t total) {
      steps.Report(phase, done, total, unit);
      return steps.CheckStop().ok();
    };
  }
};

Status Build(const IndexFile& file) {
  return index::BuildSegment(file.path, file.vectors, file.rows, file.options, file.Progress(),
                             file.steps.store.file_gate());
}

Status Relink(const IndexFile& file, const index::MappedSegment& old) {
  DASHI_ASSIGN_OR_RETURN(
      const index::StoredGraph stored,
      index::RelinkSegment(old, file.vectors, file.rows.ids, file.options, file.Progress()));
  index::SegmentRows rows = file.rows;
  rows.generation = old.header().generation + 1;
  return index::WriteSegment(file.path, PartsOf(stored, file.vectors), rows,
                             file.steps.store.file_gate());
}

/// The graph of the release that serves. What is wrong with it is no error: another is built.
OldGraph FindOldGraph(const ReleaseSteps& steps, const View& view, const std::string& model_name) {
  const auto model = view.GetModel(model_name);
  if (!model.ok() || !*model || (*model)->published.empty()) {
    return {};
  }
  const auto release = view.GetRelease(model_name, (*model)->published.back());
  if (!release.ok() || !*release || (*release)->index_file.empty()) {
    return {};
  }
  auto segment =
      index::MappedSegment::Open(steps.store.index_directory() + "/" + (*release)->index_file);
  if (!segment.ok()) {
    LogInfo("{}: the graph of {}@{} cannot be relinked: {}", steps.operation, model_name,
            (*release)->number, segment.status().message());
    return {};
  }
  const auto recall = (*release)->metrics.find(kBuiltRecallMetric);
  return {std::move(segment).value(), recall == (*release)->metrics.end() ? 0 : recall->second};
}

/// Embeddings of up to kProbesMax documents, spread evenly.  Shape: result [n, dim].
Result<std::vector<float>> ReadProbes(const View& view, const ReleaseRecord& release) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_rows, view.EstimateRows(EntityKind::kDocument));
  const std::uint64_t step = std::max<std::uint64_t>(1, num_rows / kProbesMax);
  DASHI_ASSIGN_OR_RETURN(const auto cursor,
                         view.ScanEmbeddings(release.embedding_version, EntityKind::kDocument));
  std::vector<float> probes;
  for (std::uint64_t row = 0; probes.size() < kProbesMax * release.dim; ++row) {
    DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
    if (!more) {
      break;
    }
    if (row % step == 0) {
      probes.resize(probes.size() + release.dim);
      index::FromHalf(cursor->values().data(), probes.data() + probes.size() - release.dim,
                      release.dim);
    }
  }
  return probes;
}

Result<double> Probe(const IndexFile& file, const std::vector<float>& probes) {
  DASHI_ASSIGN_OR_RETURN(auto segment, index::MappedSegment::Open(file.path));
  const auto index = index::MakeSegmentIndex(std::move(segment));
  const std::size_t dim = file.vectors.dim;
  return index::ProbeRecall(*index, {probes.data(), probes.size() / dim, dim}, kProbedRows,
                            file.steps.pool, file.steps.control.should_stop);
}

/// Writes an index file, from an old graph where that is as good as one that is built anew.
Status WriteProbed(const IndexFile& file, const OldGraph& old, const std::vector<float>& probes,
                   ReleaseRecord* release) {
  if (old.segment != nullptr && old.recall_built > 0 &&
      index::IsWorthRelinking(*old.segment, file.rows.ids, file.options)) {
    Status relinked = Relink(file, *old.segment);
    if (relinked.ok()) {
      DASHI_FAILPOINT("train.relinked");
      DASHI_ASSIGN_OR_RETURN(const double recall, Probe(file, probes));
      if (recall >= old.recall_built - kGraphRecallLossMax) {
        release->metrics[kRecall] = recall;
        release->metrics[kBuiltRecallMetric] = old.recall_built;
        return Status::Ok();
      }
      LogInfo(
          "{}: a relinked graph has a recall of {:.4f} and the last full one {:.4f}: another "
          "is built",
          file.steps.operation, recall, old.recall_built);
    } else if (relinked.code() != StatusCode::kCorruption) {
      return relinked;
    } else {
      LogWarning("{}: the graph that serves cannot be relinked, another is built: {}",
                 file.steps.operation, relinked.message());
    }
  }
  DASHI_RETURN_IF_ERROR(Build(file));
  DASHI_ASSIGN_OR_RETURN(const double recall, Probe(file, probes));
  release->metrics[kRecall] = recall;
  release->metrics[kBuiltRecallMetric] = recall;
  return Status::Ok();
}

index::HnswOptions GraphOptions(const ReleaseIndexOptions& options) {
  index::HnswOptions hnsw;
  hnsw.seed = options.seed;
  hnsw.num_threads = options.num_threads;
  return hnsw;
}

}  // namespace

Status WriteLabelIndex(const ReleaseSteps& steps, const ReleaseIndexOptions& options,
                       const EmbeddingRows& labels, std::span<const std::uint16_t> classifiers,
                       ReleaseRecord* release) {
  release->index_kind = IndexKind(options, labels.ordinals.size(), release->dim);
  if (release->index_kind != "hnsw") {
    return Status::Ok();
  }
  release->index_file = fmt::format("job-{}.segment", steps.job);
  const std::vector<std::uint16_t> vectors = index::FoldVectors(
      labels.vectors, classifiers, release->dim, static_cast<float>(release->fusion_encoder),
      static_cast<float>(release->fusion_classifier));
  const IndexFile file{steps,
                       GraphOptions(options),
                       "index",
                       "labels",
                       steps.store.index_directory() + "/" + release->index_file,
                       {vectors.data(), labels.ordinals.size(), release->dim},
                       SegmentRowsOf(*release, labels.ordinals, labels.text_hashes)};
  // A picture from after the embeddings were written.
  DASHI_ASSIGN_OR_RETURN(const auto written, steps.store.NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> probes, ReadProbes(*written, *release));
  const OldGraph old = options.relink ? FindOldGraph(steps, *written, release->model) : OldGraph();
  return WriteProbed(file, old, probes, release);
}

Status WriteVotes(const ReleaseSteps& steps, const ReleaseIndexOptions& options, const View& view,
                  const PositiveReading& positives, std::span<const Ordinal> labels,
                  ReleaseRecord* release) {
  if (release->fusion_votes <= 0) {
    return Status::Ok();
  }
  steps.Report("votes", 0, 0, "documents");
  DASHI_ASSIGN_OR_RETURN(const VotingDocuments documents,
                         ReadVotingDocuments(view, positives, labels, steps.control.should_stop));
  if (documents.ordinals.empty()) {
    LogWarning("{}: no training document has a label, so the release gets no votes",
               steps.operation);
    release->fusion_votes = 0;
    return Status::Ok();
  }
  release->weights.push_back(VotesWeightsName(steps.job));
  DASHI_RETURN_IF_ERROR(
      steps.store.PutWeights(release->weights.back(), SerializeVotingDocuments(documents)));
  if (IndexKind(options, documents.ordinals.size(), release->dim) != "hnsw") {
    return Status::Ok();
  }
  // A picture from after the embeddings were written.
  DASHI_ASSIGN_OR_RETURN(const auto written, steps.store.NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<std::uint16_t> vectors,
      ReadEmbeddingsOf(*written, *release, EntityKind::kDocument, documents.ordinals));
  release->votes_index_file = fmt::format("job-{}-votes.segment", steps.job);
  return Build({steps,
                GraphOptions(options),
                "index of votes",
                "documents",
                steps.store.index_directory() + "/" + release->votes_index_file,
                {vectors.data(), documents.ordinals.size(), release->dim},
                SegmentRowsOf(*release, documents.ordinals, {})});
}

}  // namespace dashi::trainer
