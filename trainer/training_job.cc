#include "trainer/training_job.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "dashi/version.h"
#include "index/vector_kernels.h"
#include "trainer/job_checkpoints.h"
#include "trainer/label_match.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/release_artifacts.h"
#include "trainer/release_encoder.h"
#include "trainer/release_index.h"
#include "trainer/release_steps.h"
#include "trainer/tokens/kept_tokens.h"
#include "trainer/training_data.h"
#include "trainer/training_data_state.h"
#include "trainer/training_encoder.h"
#include "trainer/training_plan.h"

namespace dashi::trainer {
namespace {

using storage::ReleaseRecord;
using storage::Store;

std::vector<std::uint16_t> ToHalfVectors(const std::vector<float>& vectors) {
  std::vector<std::uint16_t> halves(vectors.size());
  index::ToHalf(vectors.data(), halves.data(), halves.size());
  return halves;
}

storage::OptionMap DescribeEnvironment(const TrainingJob& job, const TensorBackend& backend) {
  return {{"dashi", std::string(Version())},
          {"tensors", backend.version()},
          {"kernels", index::KernelTarget()},
          {"threads", std::to_string(job.num_threads)}};
}

ReleaseRecord DescribeRelease(const TrainingJob& job, const TensorBackend& backend,
                              const TrainingData& data, const NgameModel& model) {
  ReleaseRecord release;
  release.model = job.model;
  release.seed = job.options.ngame.seed;
  release.options = DescribeModelOptions(job.options);
  if (model.fusion_ranker > 0) {
    release.options["ranker_c"] =
        fmt::format("{}", model.ranker_c);  // Which `0` left to be chosen.
  }
  release.environment = DescribeEnvironment(job, backend);
  release.num_documents = data.document_ordinals.size();
  // Scaled to a + b = 1, which changes no ranking and keeps scores in [-1, 1].
  const double sum = model.fusion_encoder + model.fusion_classifier;
  release.fusion_encoder = sum > 0 ? model.fusion_encoder / sum : 1.0;
  release.fusion_classifier = sum > 0 ? model.fusion_classifier / sum : 0.0;
  release.fusion_ranker = sum > 0 ? model.fusion_ranker / sum : 0.0;
  release.fusion_votes = sum > 0 ? model.fusion_votes / sum : 0.0;
  release.metrics = model.validation_metrics;
  for (const GraphReport& report : model.graphs) {
    storage::ReleaseGraph graph{report.graph, report.side, report.weight, report.num_edges,
                                report.num_edges_kept};
    if (report.evidence) {
      graph.agreement = report.evidence->agreement;
      graph.chance_agreement = report.evidence->chance;
      graph.agreement_error = report.evidence->error;
    }
    release.graphs.push_back(std::move(graph));
  }
  release.job = job.id;
  return release;
}

Status ReadRows(Store& store, const storage::View& view, const TrainingJob& job,
                const TrainingEncoder& kind, const TrainingControl& control, TrainingData* data) {
  const auto read = [&](TokenCache* cache) -> Status {
    DASHI_ASSIGN_OR_RETURN(*data, ReadJobRows(view, job, kind, cache, control));
    return Status();
  };
  return job.options.token_cache ? ReadWithKeptTokens(store, view, job.model, read) : read(nullptr);
}

/// The labels that a release gets: those of a resumed training may have come or gone meanwhile.
Result<LabelMatch> ReleaseLabels(const storage::View& view, const TrainingData& data,
                                 bool is_resumed) {
  return is_resumed ? MatchLabels(view, data.label_ordinals) : TrainedLabels(data.label_ordinals);
}

/// How many training documents each label has.  Shape: result [num_labels].
std::vector<std::uint32_t> CountDocuments(const TrainingData& data) {
  std::vector<std::uint32_t> counts(data.label_ordinals.size());
  for (const std::uint32_t label : data.task.relevance.columns) {
    ++counts[label];
  }
  return counts;
}

/// The counts of a release's labels: 0 for one that the training never saw.
std::vector<std::uint32_t> SelectCounts(const LabelMatch& labels,
                                        const std::vector<std::uint32_t>& trained) {
  std::vector<std::uint32_t> counts;
  counts.reserve(labels.rows.size());
  for (const std::uint32_t row : labels.rows) {
    counts.push_back(row == kNoRankerRow ? 0 : trained[row]);
  }
  return counts;
}

/// What training made, and the labels that the release gets.
struct TrainedModel {
  const TrainingData& data;
  const NgameModel& model;
  const LabelMatch& labels;
  const std::vector<std::uint32_t>& num_documents;  ///< of the training's labels
};

/// Embeds all rows with the trained encoder, writes the release's other blobs, and builds the
/// labels' index.
Status FinishRelease(const ReleaseSteps& steps, const TrainingJob& job, const storage::View& view,
                     std::string encoder_bytes, const TrainedModel& trained,
                     ReleaseRecord* release) {
  const EncoderRuntime runtime{/*torch_module_path=*/"", job.num_threads, job.options.ngame.device};
  release->weights = {EncoderWeightsName(job.id), ClassifierWeightsName(job.id)};
  DASHI_RETURN_IF_ERROR(steps.store.PutWeights(release->weights[0], encoder_bytes));
  if (release->fusion_ranker > 0) {
    release->weights.push_back(RankerWeightsName(job.id));
    DASHI_RETURN_IF_ERROR(steps.store.PutWeights(
        release->weights.back(),
        SerializeRanker(*trained.data.ranker_features,
                        SelectRankerRows(trained.model.ranker, trained.labels.rows))));
  }
  DASHI_ASSIGN_OR_RETURN(const auto encoder, ParseEncoder(std::move(encoder_bytes), runtime));
  DASHI_ASSIGN_OR_RETURN(release->embedding_version, NextNumber(steps.store, "embedding_version"));
  DASHI_ASSIGN_OR_RETURN(
      const EmbeddingRows labels,
      WriteEmbeddings(steps, view, *encoder, release->embedding_version, trained.labels.ordinals));
  DASHI_FAILPOINT("train.embeddings");
  const ClassifierWeights classifier{
      release->dim, trained.labels.ordinals,
      MatchedClassifiers(trained.labels, ToHalfVectors(trained.model.classifiers), labels.vectors),
      SelectCounts(trained.labels, trained.num_documents)};
  DASHI_RETURN_IF_ERROR(
      steps.store.PutWeights(release->weights[1], SerializeClassifier(classifier)));
  DASHI_FAILPOINT("train.weights");
  const ReleaseIndexOptions indexing{job.options.index, job.options.ngame.seed, job.num_threads,
                                     job.options.relink};
  DASHI_RETURN_IF_ERROR(WriteLabelIndex(steps, indexing, labels, classifier.vectors, release));
  DASHI_RETURN_IF_ERROR(
      WriteVotes(steps, indexing, view, job.options.positives, trained.labels.ordinals, release));
  DASHI_FAILPOINT("train.index");
  return Status();
}

}  // namespace

storage::JobMetric DescribeEpoch(const EpochReport& report) {
  storage::JobMetric metric;
  metric.stage = report.stage;
  metric.epoch = report.epoch;
  metric.seconds = report.seconds;
  metric.loss = report.loss;
  metric.p1 = report.p1;
  metric.ndcg5 = report.ndcg5;
  metric.psp5 = report.psp5;
  metric.cluster_seconds = report.cluster_seconds;
  metric.wait_seconds = report.wait_seconds;
  metric.step_seconds = report.step_seconds;
  return metric;
}

Result<ReleaseRecord> RunTrainingJob(Store& store, const TrainingJob& job, TensorBackend& backend,
                                     ThreadPool& pool, const TrainingControl& control,
                                     storage::JobRecord finished) {
  const Stopwatch stopwatch;
  TrainingControl noting = control;
  noting.on_epoch = [&](const EpochReport& report) {
    finished.metrics.push_back(DescribeEpoch(report));
    if (control.on_epoch) {
      control.on_epoch(report);
    }
  };
  JobCheckpoints::Options saving;
  saving.interval_seconds = job.options.checkpoint_seconds;
  saving.is_wanted = job.wants_checkpoint;
  saving.commit = job.store_checkpoint;
  const std::unique_ptr<ScratchSpace> scratch = OpenScratch(store, job);
  noting.scratch = scratch.get();
  TrainingData data;
  saving.write_shared = [&data](StateWriter& to) { return SaveTrainingData(data, to); };
  JobCheckpoints checkpoints(store, job.id, std::exchange(finished.checkpoint, {}), saving);
  noting.checkpoints = &checkpoints;
  const ReleaseSteps steps{store, "TRAIN MODEL " + job.model, job.id, pool, control};
  DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
  steps.Report("reading rows", 0, 0, "rows");
  DASHI_ASSIGN_OR_RETURN(const TrainingEncoder kind,
                         TrainingEncoder::Read(*view, job.model, job.options));
  if (checkpoints.Latest() != nullptr) {
    DASHI_ASSIGN_OR_RETURN(data, LoadTrainingData(*checkpoints.Latest(), scratch.get()));
  } else {
    DASHI_RETURN_IF_ERROR(ReadRows(store, *view, job, kind, noting, &data));
  }
  DASHI_ASSIGN_OR_RETURN(const NgameOptions options, ResolveJobOptions(*view, job, kind, data));
  const double reading_seconds = stopwatch.Seconds();
  TrainingPlan plan(job, options, reading_seconds, [&](const TrainingEstimate& estimate) {
    NoteEstimate(estimate, &finished);
    if (job.on_estimate) {
      job.on_estimate(estimate);
    }
  });
  DASHI_RETURN_IF_ERROR(plan.EstimateSpace(*view, data, backend));
  DASHI_RETURN_IF_ERROR(plan.CheckSpace(store, backend));
  if (checkpoints.Latest() == nullptr) {
    steps.Report("trial steps", 0, 0, "steps");
    DASHI_RETURN_IF_ERROR(plan.RunTrials(data.task, backend, pool, control));
  }
  noting.on_trial = [&plan](const StepTrial& trial) { plan.AddTime(trial); };
  DASHI_ASSIGN_OR_RETURN(NgameModel model, TrainNgame(data.task, options, backend, noting));
  const Stopwatch since_trained;
  const std::vector<std::uint32_t> num_documents = CountDocuments(data);
  data.task = TrainingTask();
  DASHI_ASSIGN_OR_RETURN(const LabelMatch labels,
                         ReleaseLabels(*view, data, checkpoints.Latest() != nullptr));
  ReleaseRecord release = DescribeRelease(job, backend, data, model);
  release.dim = options.dim;
  release.num_labels = labels.ordinals.size();
  DASHI_ASSIGN_OR_RETURN(release.snapshot_sequence, view->CommitSequence());
  DASHI_ASSIGN_OR_RETURN(std::string encoder_bytes,
                         TrainingEncoder::Serialize(data, options, model));
  DASHI_RETURN_IF_ERROR(FinishRelease(steps, job, *view, std::move(encoder_bytes),
                                      {data, model, labels, num_documents}, &release));
  // Of all runs of a job that was resumed.
  release.train_seconds = reading_seconds + model.encoder_seconds + model.classifier_seconds +
                          model.ranker_seconds + since_trained.Seconds();
  DASHI_RETURN_IF_ERROR(
      CommitRelease(steps, std::move(finished), /*new_model=*/std::nullopt, &release));
  DASHI_FAILPOINT("train.release");
  checkpoints.Discard();
  return release;
}

}  // namespace dashi::trainer
