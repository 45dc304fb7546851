#include "trainer/training_job.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/status.h"
#include "dashi/version.h"
#include "index/label_fusion.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "trainer/release_artifacts.h"
#include "trainer/training_data.h"

namespace dashi::trainer {
namespace {

using storage::EntityKind;
using storage::EntityRow;
using storage::Ordinal;
using storage::ReleaseRecord;
using storage::Store;
using storage::View;

constexpr std::size_t kEncodeBatchRows = 1024;

/// What the steps of one job share.
struct JobContext {
  Store& store;
  const TrainingJob& job;
  ThreadPool& pool;
  const TrainingControl& control;

  Status CheckStop() const {
    if (control.should_stop && control.should_stop()) {
      return Status::Cancelled("training was cancelled");
    }
    return Status::Ok();
  }

  void Report(std::string_view phase, std::uint64_t done, std::uint64_t total,
              std::string_view unit) const {
    if (control.on_progress) {
      Progress progress;
      progress.operation = "TRAIN MODEL " + job.model;
      progress.phase = phase;
      progress.done = done;
      progress.total = total;
      progress.unit = unit;
      control.on_progress(progress);
    }
  }
};

/// Encodes rows in batches and writes them to an embedding version in order.
class RowEmbedder {
 public:
  RowEmbedder(const JobContext& context, const Encoder& encoder, storage::EmbeddingWriter& writer,
              EntityKind kind)
      : context_(context), encoder_(encoder), writer_(writer), kind_(kind) {}

  /// Embeds all rows of the kind. Appends the vectors of `keep` (ascending) to `kept`.
  Status Run(const View& view, std::span<const Ordinal> keep, std::vector<std::uint16_t>* kept) {
    keep_ = keep;
    kept_ = kept;
    const auto cursor = view.ScanRows(kind_);
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t total, view.EstimateRows(kind_));
    for (std::uint64_t done = 0;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor->Next());
      if (more) {
        ordinals_.push_back(cursor->ordinal());
        texts_.push_back(cursor->row().text);
        ++done;
      }
      if (texts_.size() == kEncodeBatchRows || !more) {
        DASHI_RETURN_IF_ERROR(context_.CheckStop());
        DASHI_RETURN_IF_ERROR(Flush());
        context_.Report("embedding " + std::string(storage::EntityTableName(kind_)), done, total,
                        "rows");
      }
      if (!more) {
        return Status::Ok();
      }
    }
  }

 private:
  Status Flush() {
    const std::size_t dim = encoder_.dim();
    const std::vector<std::string_view> views(texts_.begin(), texts_.end());
    floats_.resize(views.size() * dim);
    halves_.resize(views.size() * dim);
    DASHI_RETURN_IF_ERROR(encoder_.EncodeBatch(views, floats_, context_.pool));
    index::ToHalf(floats_.data(), halves_.data(), halves_.size());
    for (std::size_t i = 0; i < views.size(); ++i) {
      const std::span<const std::uint16_t> vector(halves_.data() + i * dim, dim);
      DASHI_RETURN_IF_ERROR(writer_.Add(kind_, ordinals_[i], storage::HashText(texts_[i]), vector));
      if (!keep_.empty() && keep_.front() == ordinals_[i]) {
        kept_->insert(kept_->end(), vector.begin(), vector.end());
        keep_ = keep_.subspan(1);
      }
    }
    ordinals_.clear();
    texts_.clear();
    return Status::Ok();
  }

  const JobContext& context_;
  const Encoder& encoder_;
  storage::EmbeddingWriter& writer_;
  EntityKind kind_;
  std::span<const Ordinal> keep_;
  std::vector<std::uint16_t>* kept_ = nullptr;
  std::vector<Ordinal> ordinals_;
  std::vector<std::string> texts_;
  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;
};

/// Writes the embeddings of every document and label, and returns those of the trained labels.
Result<std::vector<std::uint16_t>> WriteEmbeddings(const JobContext& context, const View& view,
                                                   const Encoder& encoder,
                                                   std::uint64_t embedding_version,
                                                   std::span<const Ordinal> labels) {
  DASHI_ASSIGN_OR_RETURN(
      auto writer, context.store.NewEmbeddingVersion(embedding_version,
                                                     static_cast<std::uint32_t>(encoder.dim())));
  std::vector<std::uint16_t> label_vectors;
  label_vectors.reserve(labels.size() * encoder.dim());
  RowEmbedder documents(context, encoder, *writer, EntityKind::kDocument);
  DASHI_RETURN_IF_ERROR(documents.Run(view, {}, &label_vectors));
  RowEmbedder label_rows(context, encoder, *writer, EntityKind::kLabel);
  DASHI_RETURN_IF_ERROR(label_rows.Run(view, labels, &label_vectors));
  DASHI_RETURN_IF_ERROR(writer->Finish());
  return label_vectors;
}

std::vector<std::uint16_t> ToHalfVectors(const std::vector<float>& vectors) {
  std::vector<std::uint16_t> halves(vectors.size());
  index::ToHalf(vectors.data(), halves.data(), halves.size());
  return halves;
}

/// Builds and saves the label index when it has to be a graph, and notes it in the release.
Status WriteIndex(const JobContext& context, std::span<const std::uint16_t> label_vectors,
                  std::span<const std::uint16_t> classifiers, ReleaseRecord* release) {
  const std::size_t num_labels = label_vectors.size() / release->dim;
  release->index_kind = context.job.options.index == "auto"
                            ? index::ChooseIndexKind(num_labels, release->dim)
                            : std::string_view(context.job.options.index);
  if (release->index_kind != "hnsw") {
    return Status::Ok();
  }
  index::HnswOptions options;
  options.seed = context.job.options.ngame.seed;
  options.num_threads = context.job.num_threads;
  const auto on_progress = [&](std::size_t done, std::size_t total) {
    context.Report("index", done, total, "labels");
    return context.CheckStop().ok();
  };
  DASHI_ASSIGN_OR_RETURN(
      const auto built,
      index::BuildHnswIndex(index::FoldVectors(label_vectors, classifiers, release->dim,
                                               static_cast<float>(release->fusion_encoder),
                                               static_cast<float>(release->fusion_classifier)),
                            release->dim, options, on_progress));
  release->index_file = fmt::format("job-{}.hnsw", context.job.id);
  return built->Save(context.store.index_directory() + "/" + release->index_file,
                     context.store.file_gate());
}

/// Gives the release its number and makes it visible together with the finished job.
Status CommitRelease(const JobContext& context, storage::JobRecord finished,
                     ReleaseRecord* release) {
  constexpr int kAttemptsMax = 20;
  for (int attempt = 1;; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, context.store.Begin());
    DASHI_ASSIGN_OR_RETURN(auto model, transaction->GetModel(context.job.model));
    if (!model) {
      return Status::NotFound("the model was dropped while it was trained: " + context.job.model);
    }
    release->number = model->next_release++;
    release->created_at_micros = Clock::System().NowMicros();
    finished.state = storage::JobState::kSucceeded;
    finished.phase = "done";
    finished.done = finished.total = release->num_documents;
    finished.result = fmt::format("{}@{}", release->model, release->number);
    finished.finished_at_micros = release->created_at_micros;
    DASHI_RETURN_IF_ERROR(transaction->PutModel(*model));
    DASHI_RETURN_IF_ERROR(transaction->PutRelease(*release));
    DASHI_RETURN_IF_ERROR(transaction->PutJob(finished));
    Status committed = transaction->Commit();
    if (committed.code() != StatusCode::kAborted || attempt == kAttemptsMax) {
      return committed;
    }
  }
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
  release.environment = DescribeEnvironment(job, backend);
  release.dim = job.options.ngame.dim;
  release.num_documents = data.document_ordinals.size();
  release.num_labels = data.label_ordinals.size();
  // Scaled to a + b = 1, which changes no ranking and keeps scores in [-1, 1].
  const double sum = model.fusion_encoder + model.fusion_classifier;
  release.fusion_encoder = sum > 0 ? model.fusion_encoder / sum : 1.0;
  release.fusion_classifier = sum > 0 ? model.fusion_classifier / sum : 0.0;
  release.fusion_ranker = sum > 0 ? model.fusion_ranker / sum : 0.0;
  release.metrics = model.validation_metrics;
  release.job = job.id;
  return release;
}

/// About what a release takes on the disk: the encoder, embeddings and classifiers in binary16, the
/// links of a graph, and the ranker.
std::uint64_t StoredBytes(const TrainingData& data, std::uint32_t dim) {
  constexpr std::uint64_t kLinkBytesPerLabel = 160;
  constexpr std::uint64_t kRankerBytesPerLabel = 700;
  const std::uint64_t num_labels = data.label_ordinals.size();
  const std::uint64_t num_vectors =
      data.task.vocabulary_size + data.document_ordinals.size() + 2 * num_labels;
  const std::uint64_t ranker =
      data.ranker_features == nullptr ? 0 : num_labels * kRankerBytesPerLabel;
  return num_vectors * dim * sizeof(std::uint16_t) + num_labels * kLinkBytesPerLabel + ranker;
}

}  // namespace

Result<ReleaseRecord> RunTrainingJob(Store& store, const TrainingJob& job, TensorBackend& backend,
                                     ThreadPool& pool, const TrainingControl& control,
                                     storage::JobRecord finished) {
  const Stopwatch stopwatch;
  TrainingControl noting = control;
  noting.on_epoch = [&](const EpochReport& report) {
    finished.metrics.push_back({report.stage, report.epoch, report.seconds, report.loss, report.p1,
                                report.ndcg5, report.psp5});
    if (control.on_epoch) {
      control.on_epoch(report);
    }
  };
  const JobContext context{store, job, pool, control};
  DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
  context.Report("reading rows", 0, 0, "rows");
  TrainingDataOptions reading;
  reading.ranker = job.options.ngame.ranker;
  DASHI_ASSIGN_OR_RETURN(reading.validation, ParseValidationRule(job.options.validation));
  DASHI_ASSIGN_OR_RETURN(TrainingData data, ReadTrainingData(*view, reading, control));
  DASHI_RETURN_IF_ERROR(store.CheckRoom(StoredBytes(data, job.options.ngame.dim), "the training"));
  NgameOptions options = job.options.ngame;
  options.num_threads = job.num_threads;
  DASHI_ASSIGN_OR_RETURN(NgameModel model, TrainNgame(data.task, options, backend, noting));
  data.task = TrainingTask();

  ReleaseRecord release = DescribeRelease(job, backend, data, model);
  DASHI_ASSIGN_OR_RETURN(release.snapshot_sequence, view->CommitSequence());
  release.weights = {EncoderWeightsName(job.id), ClassifierWeightsName(job.id)};
  DASHI_ASSIGN_OR_RETURN(const BagWeights weights, ToBagWeights(model.encoder, release.dim));
  const std::string encoder_bytes = SerializeBagEncoder(*data.tokenizer, weights);
  ClassifierWeights classifier{release.dim, data.label_ordinals, ToHalfVectors(model.classifiers)};
  DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights[0], encoder_bytes));
  DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights[1], SerializeClassifier(classifier)));
  if (release.fusion_ranker > 0) {
    release.weights.push_back(RankerWeightsName(job.id));
    DASHI_RETURN_IF_ERROR(store.PutWeights(release.weights.back(),
                                           SerializeRanker(*data.ranker_features, model.ranker)));
  }
  DASHI_FAILPOINT("train.weights");

  DASHI_ASSIGN_OR_RETURN(const auto encoder, ParseBagEncoder(encoder_bytes));
  DASHI_ASSIGN_OR_RETURN(const auto counter, store.Begin());
  DASHI_ASSIGN_OR_RETURN(release.embedding_version, counter->NextId("embedding_version"));
  DASHI_RETURN_IF_ERROR(counter->Commit());
  DASHI_ASSIGN_OR_RETURN(
      const std::vector<std::uint16_t> label_vectors,
      WriteEmbeddings(context, *view, *encoder, release.embedding_version, data.label_ordinals));
  DASHI_FAILPOINT("train.embeddings");
  DASHI_RETURN_IF_ERROR(WriteIndex(context, label_vectors, classifier.vectors, &release));
  DASHI_FAILPOINT("train.index");
  release.train_seconds = stopwatch.Seconds();
  DASHI_RETURN_IF_ERROR(CommitRelease(context, std::move(finished), &release));
  DASHI_FAILPOINT("train.release");
  return release;
}

}  // namespace dashi::trainer
