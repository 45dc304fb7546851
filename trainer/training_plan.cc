#include "trainer/training_plan.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/heap_trim.h"
#include "base/status.h"
#include "storage/database_directory.h"
#include "trainer/estimate/machine_memory.h"
#include "trainer/warm_start.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

}  // namespace

std::unique_ptr<ScratchSpace> OpenScratch(storage::Store& store, const TrainingJob& job) {
  if (store.read_only()) {
    return nullptr;
  }
  ScratchSpace::Options options;
  options.folder = storage::DirectoryPaths(store.directory()).tmp;
  options.gate = &store.file_gate();
  options.memory_bytes_max = job.options.ngame.rows_memory_mb * kMiB;
  options.check_room = [&store](std::uint64_t bytes) {
    return store.CheckRoom(bytes, "the rows of the training");
  };
  return std::make_unique<ScratchSpace>(std::move(options));
}

Result<TrainingData> ReadJobRows(const storage::View& view, const TrainingJob& job,
                                 const TrainingEncoder& kind, TokenCache* cache,
                                 const TrainingControl& control) {
  TrainingDataOptions reading;
  reading.cache = cache;
  reading.ranker = job.options.ngame.ranker;
  reading.subwords = kind.subwords();
  reading.positives = job.options.positives;
  reading.propensity_weights = WeighsByPropensity(job.options);
  reading.graphs = job.options.graphs;
  reading.graphs.walk.seed = job.options.ngame.seed;
  reading.graphs.max_tokens = reading.subwords ? reading.subwords->max_tokens : 0;
  DASHI_ASSIGN_OR_RETURN(reading.validation, ParseValidationRule(job.options.validation));
  return ReadTrainingData(view, reading, control);
}

Result<NgameOptions> ResolveJobOptions(const storage::View& view, const TrainingJob& job,
                                       const TrainingEncoder& kind, const TrainingData& data) {
  DASHI_ASSIGN_OR_RETURN(NgameOptions options, kind.Resolve(data));
  options.num_threads = job.num_threads;
  if (job.options.warm_start != "off") {
    DASHI_ASSIGN_OR_RETURN(options.warm_start,
                           ReadWarmStart(view, job.options.warm_start, data, options));
  }
  return options;
}

void NoteEstimate(const TrainingEstimate& estimate, storage::JobRecord* record) {
  record->estimated_memory_bytes = estimate.memory_bytes;
  record->estimated_disk_bytes = estimate.disk.PeakBytes();
  if (estimate.time) {
    record->estimated_seconds = estimate.time->Total();
  }
}

TrainingPlan::TrainingPlan(const TrainingJob& job, const NgameOptions& options,
                           double reading_seconds,
                           std::function<void(const TrainingEstimate&)> on_change)
    : job_(job),
      options_(options),
      reading_seconds_(reading_seconds),
      on_change_(std::move(on_change)) {}

void TrainingPlan::Tell() const {
  if (on_change_) {
    on_change_(estimate_);
  }
}

Status TrainingPlan::EstimateSpace(const storage::View& view, const TrainingData& data,
                                   TensorBackend& backend) {
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_documents,
                         view.EstimateRows(storage::EntityKind::kDocument));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t num_labels,
                         view.EstimateRows(storage::EntityKind::kLabel));
  DASHI_ASSIGN_OR_RETURN(
      estimate_, trainer::EstimateSpace(MeasureSizes(data, options_, num_documents, num_labels),
                                        options_, backend));
  Tell();
  return Status();
}

Status TrainingPlan::CheckSpace(storage::Store& store, TensorBackend& backend) const {
  DASHI_RETURN_IF_ERROR(CheckMemory(
      estimate_, options_, {job_.options.memory_limit_mb * kMiB, AvailableMemoryBytes()}, backend));
  const DiskEstimate& disk = estimate_.disk;
  return store.CheckRoom(
      disk.PeakBytes(),
      fmt::format("the training (two checkpoints of {} MiB, a release of {} MiB, {} MiB "
                  "of rows in files)",
                  disk.checkpoint_state_bytes / kMiB, disk.release_bytes / kMiB,
                  disk.scratch_bytes / kMiB));
}

Status TrainingPlan::RunTrials(const TrainingTask& task, TensorBackend& backend, ThreadPool& pool,
                               const TrainingControl& control) {
  DASHI_ASSIGN_OR_RETURN(
      rates_, trainer::RunTrials(task, estimate_.sizes, options_, backend, pool, control));
  TrimHeap();  // Of what reading and trials have left.
  return Status();
}

void TrainingPlan::AddTime(const StepTrial& trial) {
  estimate_.time = EstimateTime(estimate_.sizes, options_, reading_seconds_, trial, rates_);
  Tell();
}

Result<TrainingExplanation> ExplainTrainingJob(storage::Store& store, const TrainingJob& job,
                                               TensorBackend& backend, ThreadPool& pool,
                                               const TrainingControl& control) {
  const Stopwatch stopwatch;
  TrainingExplanation explanation;
  explanation.available_memory_bytes = AvailableMemoryBytes();
  DASHI_ASSIGN_OR_RETURN(explanation.free_disk_bytes,
                         store.file_gate().FreeBytes(store.directory()));
  DASHI_ASSIGN_OR_RETURN(const auto view, store.NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const TrainingEncoder kind,
                         TrainingEncoder::Read(*view, job.model, job.options));
  const std::unique_ptr<ScratchSpace> scratch = OpenScratch(store, job);
  TrainingControl trying = control;
  trying.scratch = scratch.get();
  DASHI_ASSIGN_OR_RETURN(const TrainingData data, ReadJobRows(*view, job, kind, nullptr, trying));
  DASHI_ASSIGN_OR_RETURN(const NgameOptions options, ResolveJobOptions(*view, job, kind, data));
  TrainingPlan plan(job, options, stopwatch.Seconds(), {});
  DASHI_RETURN_IF_ERROR(plan.EstimateSpace(*view, data, backend));
  explanation.fits = plan.CheckSpace(store, backend);
  if (explanation.fits.ok()) {
    DASHI_RETURN_IF_ERROR(plan.RunTrials(data.task, backend, pool, control));
    trying.on_trial = [&plan](const StepTrial& trial) { plan.AddTime(trial); };
    trying.should_stop = [&] {
      return plan.estimate().time.has_value() || (control.should_stop && control.should_stop());
    };
    const Status stopped = TrainNgame(data.task, options, backend, trying).status();
    if (!plan.estimate().time) {
      DASHI_RETURN_IF_ERROR(stopped);
    }
  }
  explanation.estimate = plan.estimate();
  return explanation;
}

}  // namespace dashi::trainer
