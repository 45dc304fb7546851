#include "trainer/release_import.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/logging.h"
#include "base/status.h"
#include "dashi/version.h"
#include "index/segment/segment_header.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "storage/row_check.h"
#include "trainer/label_match.h"
#include "trainer/labelled_documents.h"
#include "trainer/model_folder.h"
#include "trainer/model_options.h"
#include "trainer/positives/positive_options.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_index.h"
#include "trainer/release_steps.h"
#include "trainer/transformer/transformer_artifact.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::ModelRecord;
using storage::Ordinal;

/// The database's labels, ascending by ordinal, and where the folder has them.
struct MatchedLabels : LabelMatch {
  std::uint64_t num_matched = 0;
};

Result<MatchedLabels> MatchFolderLabels(const storage::View& view, const ModelFolder& folder,
                                        const TrainingControl& control) {
  std::unordered_map<std::string_view, std::uint32_t> row_of_id;
  if (folder.release) {
    for (const std::string& id : folder.release->label_ids) {
      row_of_id.emplace(id, static_cast<std::uint32_t>(row_of_id.size()));
    }
  }
  MatchedLabels labels;
  const auto add = [&](Ordinal ordinal, const EntityRow& row) {
    const auto found = row_of_id.find(row.id);
    labels.ordinals.push_back(ordinal);
    labels.rows.push_back(found == row_of_id.end() ? kNoRankerRow : found->second);
    labels.num_matched += found == row_of_id.end() ? 0 : 1;
    return Status::Ok();
  };
  DASHI_RETURN_IF_ERROR(ForEachRow(view, EntityKind::kLabel, control.should_stop, add));
  if (labels.ordinals.empty()) {
    return Status::FailedPrecondition("there is nothing to find: the table labels is empty");
  }
  return labels;
}

Result<std::string> RankerBytes(const FolderRelease& release, const MatchedLabels& labels) {
  DASHI_ASSIGN_OR_RETURN(const auto ranker, ParseRanker(release.ranker));
  return SerializeRanker(ranker->features(), SelectRankerRows(ranker->weights(), labels.rows));
}

/// The model that is made when there is none of the name. Its options are the release's if this
/// version knows them all.
ModelRecord NewModel(const ImportRequest& request, const ModelFolder& folder, std::uint64_t job) {
  ModelRecord model;
  model.name = request.model;
  model.algorithm = "ngame";
  model.created_at_micros = Clock::System().NowMicros();
  if (folder.release && ParseModelOptions(model.algorithm, folder.release->record.options).ok()) {
    model.options = folder.release->record.options;
    if (AsksForWarmStart(model.options)) {  // Its numbers of epochs are not for a cold training.
      for (const char* of_start :
           {"warm_start", "epochs", "classifier_epochs", "validation_share"}) {
        model.options.erase(of_start);
      }
    }
    model.options.erase("warm_start");
  }
  model.options["encoder"] = folder.transformer ? "transformer" : "bag";
  if (folder.transformer) {
    for (const char* size : {"layers", "hidden_size", "heads", "vocabulary_size"}) {
      model.options.erase(size);
    }
    model.options["path"] = request.path;
    model.start_weights = EncoderWeightsName(job);
  }
  return model;
}

Status CheckModel(const storage::View& view, const ImportRequest& request,
                  const ModelFolder& folder) {
  DASHI_RETURN_IF_ERROR(storage::CheckName("model", request.model));
  DASHI_ASSIGN_OR_RETURN(const auto model, view.GetModel(request.model));
  if (!model) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const ModelOptions options,
                         ParseModelOptions(model->algorithm, model->options));
  const std::string_view kind = folder.transformer ? "transformer" : "bag";
  if (options.encoder == kind) {
    return Status();
  }
  return Status::FailedPrecondition(
             fmt::format("model {} has the encoder {}, the folder holds a {}", request.model,
                         options.encoder, kind))
      .WithHint("Import it under a name that is not in use: the model is made.");
}

storage::ReleaseRecord DescribeRelease(const ImportRequest& request, const ModelFolder& folder,
                                       const EncoderRuntime& runtime, std::uint64_t job) {
  storage::ReleaseRecord release;
  if (folder.release) {
    release = folder.release->record;
  }
  release.options["encoder"] = folder.transformer ? "transformer" : "bag";
  release.model = request.model;
  release.job = job;
  release.pinned = false;
  release.environment["imported_from"] = request.path;
  release.environment["imported_by"] = std::string(Version());
  release.environment["imported_kernels"] = index::KernelTarget();
  release.environment["imported_threads"] = std::to_string(runtime.num_threads);
  return release;
}

/// The kind of index that the exported release was told to have.
std::string IndexKind(const storage::OptionMap& options) {
  const auto found = options.find("index");
  const bool told = found != options.end() && (found->second == "exact" || found->second == "hnsw");
  return told ? found->second : "auto";
}

/// Bytes on the disk, about.
std::uint64_t StoredBytes(std::size_t encoder_bytes, std::uint64_t num_documents,
                          std::uint64_t num_labels, std::size_t dim) {
  const std::uint64_t of_segments = index::SegmentRowBytes(dim, index::HnswOptions().num_links);
  return encoder_bytes + (num_documents + 2 * num_labels) * dim * sizeof(std::uint16_t) +
         num_labels * of_segments;
}

/// One run of ImportRelease.
class Import {
 public:
  Import(storage::Store& store, const ImportRequest& request, const EncoderRuntime& runtime,
         const ReleaseSteps& steps)
      : store_(store), request_(request), runtime_(runtime), steps_(steps) {}

  Status Run(const ModelFolder& folder) {
    started_at_micros_ = Clock::System().NowMicros();
    DASHI_ASSIGN_OR_RETURN(const auto view, store_.NewSnapshot());
    DASHI_RETURN_IF_ERROR(CheckModel(*view, request_, folder));
    DASHI_ASSIGN_OR_RETURN(labels_, MatchFolderLabels(*view, folder, steps_.control));
    summary_.release = DescribeRelease(request_, folder, runtime_, steps_.job);
    DASHI_ASSIGN_OR_RETURN(const auto encoder, StoreEncoder(*view, folder));
    DASHI_RETURN_IF_ERROR(StoreVectors(*view, folder, *encoder));
    return Commit(folder);
  }

  const ImportSummary& summary() const { return summary_; }

  /// Removes what was written and is named by nothing, after an error.
  void RemoveTraces() {
    constexpr const char* kLater = "removed at the next open";
    for (const std::string& name : summary_.release.weights) {
      store_.DeleteWeights(name).IgnoreError(kLater);
    }
    if (summary_.release.embedding_version != 0) {
      store_.DropEmbeddingVersion(summary_.release.embedding_version).IgnoreError(kLater);
    }
  }

 private:
  Result<std::unique_ptr<Encoder>> StoreEncoder(const storage::View& view,
                                                const ModelFolder& folder) {
    std::string bytes = folder.transformer ? SerializeTransformer(*folder.transformer) : folder.bag;
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_documents,
                           view.EstimateRows(EntityKind::kDocument));
    const std::size_t dim =
        folder.transformer ? folder.transformer->config.dim : summary_.release.dim;
    DASHI_RETURN_IF_ERROR(store_.CheckRoom(
        StoredBytes(bytes.size(), num_documents, labels_.ordinals.size(), dim), "the import"));
    DASHI_RETURN_IF_ERROR(PutWeights(EncoderWeightsName(steps_.job), bytes));
    return ParseEncoder(std::move(bytes), runtime_);
  }

  Status StoreVectors(const storage::View& view, const ModelFolder& folder,
                      const Encoder& encoder) {
    storage::ReleaseRecord& release = summary_.release;
    release.dim = static_cast<std::uint32_t>(encoder.dim());
    release.num_labels = labels_.ordinals.size();
    DASHI_ASSIGN_OR_RETURN(release.snapshot_sequence, view.CommitSequence());
    DASHI_ASSIGN_OR_RETURN(release.embedding_version, NextNumber(store_, "embedding_version"));
    DASHI_ASSIGN_OR_RETURN(
        const EmbeddingRows embeddings,
        WriteEmbeddings(steps_, view, encoder, release.embedding_version, labels_.ordinals));
    ClassifierWeights classifier;
    classifier.dim = release.dim;
    classifier.ordinals = labels_.ordinals;
    const std::vector<std::uint16_t> unclassified;
    classifier.vectors = MatchedClassifiers(
        labels_, folder.release ? folder.release->classifiers : unclassified, embeddings.vectors);
    DASHI_RETURN_IF_ERROR(
        PutWeights(ClassifierWeightsName(steps_.job), SerializeClassifier(classifier)));
    if (release.fusion_ranker > 0) {
      DASHI_ASSIGN_OR_RETURN(const std::string ranker, RankerBytes(*folder.release, labels_));
      DASHI_RETURN_IF_ERROR(PutWeights(RankerWeightsName(steps_.job), ranker));
    }
    const ReleaseIndexOptions options{IndexKind(release.options), release.seed,
                                      runtime_.num_threads};
    DASHI_RETURN_IF_ERROR(
        WriteLabelIndex(steps_, options, embeddings, classifier.vectors, &release));
    DASHI_ASSIGN_OR_RETURN(const PositiveReading positives, FindPositives(view));
    return WriteVotes(steps_, options, view, positives, labels_.ordinals, &release);
  }

  /// As the release says, where its graph is here too.
  Result<PositiveReading> FindPositives(const storage::View& view) {
    DASHI_ASSIGN_OR_RETURN(const PositiveReading positives, PositivesOf(summary_.release.options));
    if (positives.graph.empty()) {
      return positives;
    }
    DASHI_ASSIGN_OR_RETURN(const auto graph, view.GetGraph(positives.graph));
    if (graph) {
      return positives;
    }
    LogWarning("{}: there is no graph \"{}\" here: documents vote by the table relevance",
               steps_.operation, positives.graph);
    return PositiveReading();
  }

  Status PutWeights(std::string name, std::string_view bytes) {
    DASHI_RETURN_IF_ERROR(steps_.CheckStop());
    DASHI_RETURN_IF_ERROR(store_.PutWeights(name, bytes));
    summary_.release.weights.push_back(std::move(name));
    return Status();
  }

  Status Commit(const ModelFolder& folder) {
    storage::JobRecord job;
    job.id = steps_.job;
    job.kind = "import";
    job.statement = request_.statement;
    job.model = request_.model;
    job.created_at_micros = job.started_at_micros = started_at_micros_;
    DASHI_RETURN_IF_ERROR(CommitRelease(steps_, std::move(job),
                                        NewModel(request_, folder, steps_.job), &summary_.release));
    summary_.num_classifiers = labels_.num_matched;
    if (folder.release) {
      summary_.num_unclassified = labels_.ordinals.size() - labels_.num_matched;
      summary_.num_unknown = folder.release->label_ids.size() - labels_.num_matched;
    }
    return Status();
  }

  storage::Store& store_;
  const ImportRequest& request_;
  const EncoderRuntime& runtime_;
  const ReleaseSteps& steps_;
  std::int64_t started_at_micros_ = 0;
  MatchedLabels labels_;
  ImportSummary summary_;
};

}  // namespace

Result<ImportSummary> ImportRelease(storage::Store& store, const ImportRequest& request,
                                    const EncoderRuntime& runtime, ThreadPool& pool,
                                    const TrainingControl& control) {
  DASHI_ASSIGN_OR_RETURN(const ModelFolder folder, ReadModelFolder(request.path));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t job, NextNumber(store, "job"));
  const ReleaseSteps steps{store, "IMPORT MODEL " + request.model, job, pool, control};
  Import run(store, request, runtime, steps);
  Status status = run.Run(folder);
  if (!status.ok()) {
    run.RemoveTraces();
    return status;
  }
  return run.summary();
}

}  // namespace dashi::trainer
