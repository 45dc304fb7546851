#include "trainer/estimate/trial_runs.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"
#include "trainer/batch_size.h"
#include "trainer/estimate/ranker_trial.h"
#include "trainer/ngame_batches.h"
#include "trainer/ngame_ranker.h"
#include "trainer/sampled_clustering.h"
#include "trainer/validation.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kTrialSeed = 20;
constexpr std::size_t kSteps = 20;
constexpr double kStepsSecondsMax = 3;  // behind the third step
constexpr std::size_t kStepsMin = 3;
constexpr std::size_t kClusterRowsMax = 16'384;
constexpr std::size_t kScanLabelsMax = 65'536;
constexpr std::size_t kGraphLabelsMax = 2'048;
constexpr std::size_t kSearchDocuments = 256;
// Memory that a graph of all labels touches is slower than a sample's.
constexpr double kGraphCacheFactor = 1.5;

std::vector<float> RandomUnitRows(std::size_t num_rows, std::size_t dim, Random* random) {
  std::vector<float> rows(num_rows * dim);  // [num_rows, dim]
  for (float& value : rows) {
    value = static_cast<float>(random->Next() >> 40U) * 0x1p-23F - 1.0F;
  }
  for (std::size_t row = 0; row < num_rows; ++row) {
    index::NormalizeInPlace(rows.data() + row * dim, dim);
  }
  return rows;
}

std::vector<std::uint16_t> ToHalves(const std::vector<float>& rows) {
  std::vector<std::uint16_t> halves(rows.size());
  index::ToHalf(rows.data(), halves.data(), halves.size());
  return halves;
}

double Median(std::vector<double> values) {
  const auto median = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), median, values.end());
  return *median;
}

Status CheckStop(const TrainingControl& control) {
  return control.should_stop && control.should_stop() ? Status::Cancelled("training was cancelled")
                                                      : Status();
}

/// A bag encoder with one word has the same label vectors and the same step on given embeddings as
/// every encoder has.
Result<double> TimeClassifierSteps(const TrainingTask& task, const TrainingSizes& sizes,
                                   const NgameOptions& options, TensorBackend& backend,
                                   const TrainingControl& control) {
  BagModuleOptions tiny;
  tiny.vocabulary_size = 1;
  tiny.dim = options.dim;
  tiny.hidden = 0;
  tiny.num_threads = options.num_threads;
  tiny.device = options.device;
  tiny.precision = options.precision;
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BagModule> module, backend.NewBagModule(tiny));
  Random random(kTrialSeed);
  DASHI_RETURN_IF_ERROR(
      module->SetClassifier(RandomUnitRows(sizes.num_labels, options.dim, &random),
                            static_cast<std::uint32_t>(sizes.num_labels)));
  const std::uint32_t batch_size = ChooseBatchSize(options.batch_size, sizes.num_documents);
  const std::vector<float> embeddings = RandomUnitRows(batch_size, options.dim, &random);
  NgameBatches batches(task);
  StepRates rates;
  rates.classifier = options.classifier_learning_rate;
  std::vector<double> seconds;
  std::vector<std::uint32_t> documents(batch_size);
  const Stopwatch since_start;
  while (seconds.size() < kSteps &&
         (seconds.size() < kStepsMin || since_start.Seconds() < kStepsSecondsMax)) {
    DASHI_RETURN_IF_ERROR(CheckStop(control));
    for (std::uint32_t& document : documents) {
      document = static_cast<std::uint32_t>(random.Uniform(sizes.num_documents));
    }
    std::sort(documents.begin(), documents.end());
    const Stopwatch since_step;
    ClassifierBatch batch =
        batches.ForClassifier(documents, options.classifier_loss, options.random_labels, random);
    batch.texts = SparseRows();
    batch.texts.offsets.assign(documents.size() + 1, 0);
    batch.embeddings = embeddings;
    batch.dropout = options.classifier_dropout;
    batch.dropout_seed = random.Next();
    DASHI_RETURN_IF_ERROR(module->ClassifierStep(batch, rates).status());
    seconds.push_back(since_step.Seconds() / static_cast<double>(batch_size));
  }
  return Median(std::move(seconds));
}

double Levels(double num_rows, double cluster_size) {
  return std::max(1.0, std::log2(std::max(2.0, num_rows / cluster_size)));
}

double TimeClusters(const TrainingSizes& sizes, const NgameOptions& options, ThreadPool& pool) {
  const std::size_t num_rows = std::min<std::size_t>(kClusterRowsMax, sizes.num_items());
  if (num_rows < 2) {
    return 0;
  }
  Random random(kTrialSeed);
  const std::vector<std::uint16_t> rows = ToHalves(RandomUnitRows(num_rows, options.dim, &random));
  const Stopwatch since_start;
  const BalancedClusters clusters = ClusterBySamples({rows.data(), num_rows, options.dim},
                                                     options.cluster_size_max, kTrialSeed, pool);
  const double seconds = since_start.Seconds() / static_cast<double>(clusters.rows.size());
  const double size = options.cluster_size_max;
  return seconds * Levels(static_cast<double>(sizes.num_items()), size) /
         Levels(static_cast<double>(num_rows), size);
}

Status TimeSearch(const TrainingSizes& sizes, const NgameOptions& options, TensorBackend& backend,
                  ThreadPool& pool, const TrainingControl& control, TrialRates* rates) {
  Random random(kTrialSeed);
  const bool scans = index::ChooseIndexKind(sizes.num_labels, options.dim) == "exact";
  const std::size_t num_labels =
      std::min<std::size_t>(sizes.num_labels, scans ? kScanLabelsMax : kGraphLabelsMax);
  const std::vector<float> labels = RandomUnitRows(num_labels, options.dim, &random);
  const auto share = static_cast<double>(sizes.num_labels) / static_cast<double>(num_labels);
  const std::size_t shortlist = NegativesPerDocument(static_cast<double>(sizes.pairs) /
                                                     static_cast<double>(sizes.num_documents));
  if (scans) {
    RankingTask task;
    task.embeddings = RandomUnitRows(kSearchDocuments, options.dim, &random);
    task.truth.offsets.assign(kSearchDocuments + 1, 0);
    task.ignored.offsets.assign(kSearchDocuments + 1, 0);
    const Stopwatch since_start;
    DASHI_RETURN_IF_ERROR(FindCandidates(task, {labels, {}, options.dim}, shortlist,
                                         options.num_threads, backend, control)
                              .status());
    rates->search_seconds_per_text = since_start.Seconds() * share / kSearchDocuments;
    return Status();
  }
  index::HnswOptions hnsw;
  hnsw.seed = kTrialSeed;
  hnsw.num_threads = options.num_threads;
  const Stopwatch since_start;
  DASHI_ASSIGN_OR_RETURN(
      const auto graph,
      index::BuildHnswIndex(ToHalves(labels), options.dim, hnsw,
                            [&](std::size_t, std::size_t) { return CheckStop(control).ok(); }));
  const double growth = std::log(static_cast<double>(sizes.num_labels)) /
                        std::log(static_cast<double>(num_labels)) * kGraphCacheFactor;
  rates->graph_seconds = since_start.Seconds() * share * growth;
  index::SearchOptions search;
  search.m = shortlist;
  const Stopwatch since_build;
  DASHI_RETURN_IF_ERROR(
      graph->SearchBatch({labels.data(), kSearchDocuments, options.dim}, search, pool).status());
  rates->search_seconds_per_text = since_build.Seconds() * growth / kSearchDocuments;
  return Status();
}

}  // namespace

Result<TrialRates> RunTrials(const TrainingTask& task, const TrainingSizes& sizes,
                             const NgameOptions& options, TensorBackend& backend, ThreadPool& pool,
                             const TrainingControl& control) {
  TrialRates rates;
  if (options.classifier_epochs > 0) {
    DASHI_ASSIGN_OR_RETURN(rates.classifier_seconds_per_text,
                           TimeClassifierSteps(task, sizes, options, backend, control));
  }
  DASHI_RETURN_IF_ERROR(CheckStop(control));
  if (options.cluster_size_max > 1) {
    rates.cluster_seconds_per_row = TimeClusters(sizes, options, pool);
  }
  DASHI_RETURN_IF_ERROR(CheckStop(control));
  if (sizes.num_held_out > 0) {
    DASHI_RETURN_IF_ERROR(TimeSearch(sizes, options, backend, pool, control, &rates));
  }
  if (sizes.num_features > 0) {
    DASHI_ASSIGN_OR_RETURN(rates.ranker_seconds_per_label,
                           TimeRanker(task, options, pool, control));
  }
  return rates;
}

}  // namespace dashi::trainer
