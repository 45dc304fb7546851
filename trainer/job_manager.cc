#include "trainer/job_manager.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/model_options.h"
#include "trainer/training_job.h"
#include "trainer/training_plan.h"
#include "trainer/warm_start.h"

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;

constexpr std::chrono::milliseconds kWaitPoll{100};
constexpr double kSecondsBetweenJobRows = 5.0;

bool IsOver(JobState state) { return state != JobState::kQueued && state != JobState::kRunning; }

/// What a job is asked to do, and how it ends then.
enum class Request : std::uint8_t {
  kNone,
  kClose,   ///< the database closes: a checkpoint, and interrupted
  kPause,   ///< a checkpoint, and paused
  kCancel,  ///< nothing is kept
};

/// A job of this process: its row and what its owner may ask of it.
struct ActiveJob {
  JobRecord record;
  ModelOptions options;
  std::atomic<Request> request{Request::kNone};
  Progress progress;
  std::uint64_t num_reports = 0;
};

/// Finds the release that a training starts from, and puts its name into the options.
Result<storage::ReleaseRecord> NameStartRelease(const storage::View& view, const std::string& model,
                                                ModelOptions* options) {
  DASHI_ASSIGN_OR_RETURN(storage::ReleaseRecord start, FindStartRelease(view, model, *options));
  options->warm_start = fmt::format("{}@{}", start.model, start.number);
  return start;
}

}  // namespace

class JobManager::Impl {
 public:
  Impl(storage::Store* store, JobManagerOptions options)
      : store_(store), options_(std::move(options)) {
    thread_ = std::thread([this] { Work(); });
  }

  ~Impl() {
    {
      MutexLock lock(mutex_);
      closing_ = true;
      for (auto& [id, job] : jobs_) {
        Request none = Request::kNone;
        job->request.compare_exchange_strong(none, Request::kClose);
      }
    }
    changed_.NotifyAll();
    thread_.join();
  }

  Result<std::uint64_t> Submit(const std::string& model, const storage::OptionMap& overrides,
                               const std::string& statement) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store_->Begin());
    DASHI_ASSIGN_OR_RETURN(const auto record, transaction->GetModel(model));
    if (!record) {
      return Status::NotFound("unknown model: " + model);
    }
    auto job = std::make_shared<ActiveJob>();
    DASHI_ASSIGN_OR_RETURN(
        job->options,
        ParseModelOptions(record->algorithm, MergeModelOptions(record->options, overrides)));
    job->record.options = overrides;
    if (job->options.warm_start != "off") {
      // The name, so that the job starts from the same one whenever it runs.
      DASHI_ASSIGN_OR_RETURN(const storage::ReleaseRecord start,
                             NameStartRelease(*transaction, model, &job->options));
      // Unchanged, so that the commit conflicts with one that drops the release.
      DASHI_RETURN_IF_ERROR(transaction->PutRelease(start));
      job->record.options["warm_start"] = job->options.warm_start;
    }
    DASHI_ASSIGN_OR_RETURN(job->record.id, transaction->NextId("job"));
    job->record.kind = "train";
    job->record.statement = statement;
    job->record.model = model;
    job->record.created_at_micros = Clock::System().NowMicros();
    DASHI_RETURN_IF_ERROR(transaction->PutJob(job->record));
    DASHI_RETURN_IF_ERROR(transaction->Commit());
    const std::uint64_t id = job->record.id;
    Enqueue(std::move(job));
    return id;
  }

  Status Resume(std::uint64_t id) {
    if (Find(id) != nullptr) {
      return Status::FailedPrecondition(fmt::format("job {} is queued or running", id))
          .WithSqlState("55006");
    }
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store_->Begin());
    DASHI_ASSIGN_OR_RETURN(const auto record, transaction->GetJob(id));
    if (!record) {
      return Status::NotFound(fmt::format("unknown job: {}", id));
    }
    if (record->state == JobState::kSucceeded || record->state == JobState::kCancelled) {
      return Status::FailedPrecondition(fmt::format("job {} is over and cannot be resumed", id))
          .WithHint("TRAIN MODEL " + record->model + " begins a new one.");
    }
    DASHI_ASSIGN_OR_RETURN(const auto model, transaction->GetModel(record->model));
    if (!model) {
      return Status::NotFound("unknown model: " + record->model);
    }
    auto job = std::make_shared<ActiveJob>();
    job->record = *record;
    DASHI_ASSIGN_OR_RETURN(
        job->options,
        ParseModelOptions(model->algorithm, MergeModelOptions(model->options, record->options)));
    job->record.state = JobState::kQueued;
    job->record.error.clear();
    job->record.error_sqlstate.clear();
    job->record.error_hint.clear();
    job->record.finished_at_micros = 0;
    // What came after the checkpoint comes again.
    job->record.metrics.resize(job->record.checkpoint.empty()
                                   ? 0
                                   : std::min<std::size_t>(job->record.metrics.size(),
                                                           job->record.num_checkpoint_metrics));
    DASHI_RETURN_IF_ERROR(transaction->PutJob(job->record));
    DASHI_RETURN_IF_ERROR(transaction->Commit());
    Enqueue(std::move(job));
    return Status::Ok();
  }

  Result<TrainingExplanation> Explain(const std::string& model, const storage::OptionMap& overrides,
                                      const ProgressCallback& on_progress,
                                      const std::function<bool()>& interrupted) {
    DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(const auto record, view->GetModel(model));
    if (!record) {
      return Status::NotFound("unknown model: " + model);
    }
    TrainingJob training;
    training.model = model;
    DASHI_ASSIGN_OR_RETURN(
        training.options,
        ParseModelOptions(record->algorithm, MergeModelOptions(record->options, overrides)));
    if (training.options.warm_start != "off") {
      DASHI_RETURN_IF_ERROR(NameStartRelease(*view, model, &training.options).status());
    }
    DASHI_ASSIGN_OR_RETURN(TensorBackend* const backend,
                           LoadTensorBackend(options_.torch_module_path));
    ThreadPool pool(WantedThreads(training.options));
    training.num_threads = pool.num_threads();
    TrainingControl control;
    const Stopwatch stopwatch;
    control.should_stop = interrupted;
    control.on_progress = [&](Progress progress) {
      progress.operation = "EXPLAIN TRAIN MODEL " + model;
      progress.seconds = stopwatch.Seconds();
      if (on_progress) {
        on_progress(progress);
      }
    };
    return ExplainTrainingJob(*store_, training, *backend, pool, control);
  }

  Result<JobRecord> Wait(std::uint64_t id, const ProgressCallback& on_progress,
                         const std::function<bool()>& interrupted) {
    const std::shared_ptr<ActiveJob> job = Find(id);
    if (!job) {
      return StoredJob(id);
    }
    std::uint64_t num_seen = 0;
    for (;;) {
      Progress progress;
      bool fresh = false;
      {
        MutexLock lock(mutex_);
        if (IsOver(job->record.state)) {
          return job->record;
        }
        changed_.WaitFor(mutex_, kWaitPoll);
        fresh = job->num_reports != num_seen;
        num_seen = job->num_reports;
        progress = job->progress;
      }
      if (fresh && on_progress) {
        on_progress(progress);
      }
      if (interrupted && interrupted()) {
        return Status::Cancelled(fmt::format("waiting for job {} was cancelled", id));
      }
    }
  }

  Status Cancel(std::uint64_t id) {
    if (Ask(id, Request::kCancel)) {
      return Status::Ok();
    }
    DASHI_ASSIGN_OR_RETURN(JobRecord row, StoredJob(id));
    if (row.state == JobState::kSucceeded || row.state == JobState::kCancelled) {
      return Status::Ok();
    }
    if (row.state != JobState::kFailed) {
      row.state = JobState::kCancelled;
    }
    return Forget(std::move(row));
  }

  Status Pause(std::uint64_t id) {
    if (Ask(id, Request::kPause)) {
      return Status::Ok();
    }
    DASHI_ASSIGN_OR_RETURN(const JobRecord row, StoredJob(id));
    return row.state == JobState::kPaused
               ? Status::Ok()
               : Status::FailedPrecondition(fmt::format("job {} is not running", id));
  }

  std::optional<Progress> CurrentProgress(std::uint64_t id) const {
    MutexLock lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second->record.state != JobState::kRunning) {
      return std::nullopt;
    }
    return found->second->progress;
  }

 private:
  int WantedThreads(const ModelOptions& options) const {
    return options.ngame.num_threads > 0 ? options.ngame.num_threads : options_.num_threads;
  }

  void Enqueue(std::shared_ptr<ActiveJob> job) {
    {
      MutexLock lock(mutex_);
      jobs_.emplace(job->record.id, job);
      queue_.push_back(std::move(job));
    }
    changed_.NotifyAll();
  }

  /// Passes a request on to a job of this process; one that waits ends at once. False when there is
  /// no such job.
  bool Ask(std::uint64_t id, Request request) {
    std::shared_ptr<ActiveJob> waiting;
    {
      MutexLock lock(mutex_);
      const auto found = jobs_.find(id);
      if (found == jobs_.end()) {
        return false;
      }
      Request before = found->second->request;
      while (before < request && !found->second->request.compare_exchange_weak(before, request)) {
      }
      const auto place = std::find(queue_.begin(), queue_.end(), found->second);
      if (place != queue_.end()) {
        waiting = *place;
        queue_.erase(place);
      }
    }
    if (waiting != nullptr) {
      Finish(*waiting, Status::Cancelled("the job was stopped before it began"));
    }
    return true;
  }

  /// Stores the row without its checkpoint, and removes that.
  Status Forget(JobRecord row) {
    const std::vector<std::string> blobs = std::exchange(row.checkpoint, {});
    DASHI_RETURN_IF_ERROR(SaveRow(row));
    for (const std::string& blob : blobs) {
      store_->DeleteWeights(blob).IgnoreError("removed by the next open");
    }
    return Status::Ok();
  }

  std::shared_ptr<ActiveJob> Find(std::uint64_t id) const {
    MutexLock lock(mutex_);
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : found->second;
  }

  Result<JobRecord> StoredJob(std::uint64_t id) const {
    DASHI_ASSIGN_OR_RETURN(const auto view, store_->NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(const auto record, view->GetJob(id));
    if (!record) {
      return Status::NotFound(fmt::format("unknown job: {}", id));
    }
    return *record;
  }

  void Work() {
    for (;;) {
      std::shared_ptr<ActiveJob> job;
      {
        MutexLock lock(mutex_);
        while (queue_.empty() && !closing_) {
          changed_.Wait(mutex_);
        }
        if (queue_.empty()) {
          return;
        }
        job = queue_.front();
        queue_.pop_front();
        job->record.state = JobState::kRunning;
        job->record.started_at_micros = Clock::System().NowMicros();
      }
      Finish(*job, job->request != Request::kNone
                       ? Status::Cancelled("the job was stopped before it began")
                       : CatchAsStatus("the job", [&] { return Run(*job); }));
    }
  }

  Status Run(ActiveJob& job) {
    DASHI_RETURN_IF_ERROR(SaveRow(job.record));
    DASHI_ASSIGN_OR_RETURN(TensorBackend* const backend,
                           LoadTensorBackend(options_.torch_module_path));
    ThreadPool pool(WantedThreads(job.options));
    TrainingControl control;
    const Stopwatch stopwatch;
    double next_row_seconds = kSecondsBetweenJobRows;
    control.should_stop = [&job] { return job.request.load() != Request::kNone; };
    control.on_progress = [&](const Progress& progress) {
      const JobRecord row = NoteProgress(job, progress, stopwatch.Seconds());
      if (stopwatch.Seconds() >= next_row_seconds) {
        next_row_seconds = stopwatch.Seconds() + kSecondsBetweenJobRows;
        SaveRow(row).IgnoreError("progress is shown again with the next row");
      }
    };
    control.on_epoch = [&](const EpochReport& report) {
      SaveRow(NoteEpoch(job, report)).IgnoreError("the epoch is stored with the next row");
    };
    TrainingJob training;
    training.id = job.record.id;
    training.model = job.record.model;
    training.options = job.options;
    training.num_threads = pool.num_threads();
    training.wants_checkpoint = [&job] {
      const Request request = job.request;
      return request == Request::kPause || request == Request::kClose;
    };
    training.store_checkpoint = [&](const std::vector<std::string>& names) {
      return SaveRow(NoteCheckpoint(job, names));
    };
    training.on_estimate = [&](const TrainingEstimate& estimate) {
      SaveRow(NoteEstimate(job, estimate)).IgnoreError("the estimate is stored with the next row");
    };
    DASHI_ASSIGN_OR_RETURN(const storage::ReleaseRecord release,
                           RunTrainingJob(*store_, training, *backend, pool, control, job.record));
    MutexLock lock(mutex_);
    job.record.result = fmt::format("{}@{}", release.model, release.number);
    return Status::Ok();
  }

  JobRecord NoteProgress(ActiveJob& job, const Progress& progress, double seconds) {
    MutexLock lock(mutex_);
    job.progress = progress;
    job.progress.operation = "TRAIN MODEL " + job.record.model;
    job.progress.seconds = seconds;
    if (job.record.estimated_seconds > 0) {
      job.progress.estimated_seconds = job.record.estimated_seconds;
    }
    ++job.num_reports;
    job.record.phase = progress.phase;
    job.record.done = progress.done;
    job.record.total = progress.total;
    job.record.loss = progress.loss ? progress.loss : job.record.loss;
    return job.record;
  }

  JobRecord NoteCheckpoint(ActiveJob& job, const std::vector<std::string>& names) {
    MutexLock lock(mutex_);
    job.record.checkpoint = names;
    job.record.checkpointed_at_micros = Clock::System().NowMicros();
    job.record.num_checkpoint_metrics = job.record.metrics.size();
    return job.record;
  }

  JobRecord NoteEstimate(ActiveJob& job, const TrainingEstimate& estimate) {
    MutexLock lock(mutex_);
    trainer::NoteEstimate(estimate, &job.record);
    return job.record;
  }

  JobRecord NoteEpoch(ActiveJob& job, const EpochReport& report) {
    MutexLock lock(mutex_);
    job.record.metrics.push_back(DescribeEpoch(report));
    return job.record;
  }

  /// Records how the job ended. A success is already stored with its release.
  void Finish(ActiveJob& job, const Status& outcome) {
    JobRecord row;
    {
      MutexLock lock(mutex_);
      row = job.record;
    }
    row.finished_at_micros = Clock::System().NowMicros();
    if (outcome.ok()) {
      row.state = JobState::kSucceeded;
      row.phase = "done";
    } else {
      row.state = StateAfter(outcome, job.request);
      row.error = row.state == JobState::kFailed || row.state == JobState::kCancelled
                      ? std::string(outcome.message())
                      : std::string();
      if (row.state == JobState::kFailed) {
        row.error_sqlstate = outcome.sqlstate();
        row.error_hint = outcome.hint();
      }
      const Status saved = row.state == JobState::kCancelled ? Forget(row) : SaveRow(row);
      if (!saved.ok()) {
        LogError("job {}: its end cannot be recorded: {}", row.id, saved.message());
      }
    }
    {
      MutexLock lock(mutex_);
      jobs_.erase(row.id);  // Who waits holds the job; who asks later reads its row.
      job.record = std::move(row);
    }
    changed_.NotifyAll();
  }

  static JobState StateAfter(const Status& outcome, Request request) {
    if (outcome.code() != StatusCode::kCancelled) {
      return JobState::kFailed;
    }
    switch (request) {
      case Request::kPause:
        return JobState::kPaused;
      case Request::kClose:
        return JobState::kInterrupted;
      default:
        return JobState::kCancelled;
    }
  }

  Status SaveRow(const JobRecord& record) {
    DASHI_ASSIGN_OR_RETURN(const auto transaction, store_->Begin());
    DASHI_RETURN_IF_ERROR(transaction->PutJob(record));
    return transaction->Commit();
  }

  storage::Store* const store_;
  const JobManagerOptions options_;
  mutable Mutex mutex_;
  CondVar changed_;
  // Sharers: the queue, waiting sessions, the worker.
  std::map<std::uint64_t, std::shared_ptr<ActiveJob>> jobs_ DASHI_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<ActiveJob>> queue_ DASHI_GUARDED_BY(mutex_);
  bool closing_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

JobManager::JobManager(storage::Store* store, const JobManagerOptions& options)
    : impl_(std::make_unique<Impl>(store, options)) {}

JobManager::~JobManager() = default;

Result<std::uint64_t> JobManager::SubmitTraining(const std::string& model,
                                                 const storage::OptionMap& overrides,
                                                 const std::string& statement) {
  return impl_->Submit(model, overrides, statement);
}

Result<TrainingExplanation> JobManager::Explain(const std::string& model,
                                                const storage::OptionMap& overrides,
                                                const ProgressCallback& on_progress,
                                                const std::function<bool()>& interrupted) {
  return impl_->Explain(model, overrides, on_progress, interrupted);
}

Result<JobRecord> JobManager::Wait(std::uint64_t id, const ProgressCallback& on_progress,
                                   const std::function<bool()>& interrupted) {
  return impl_->Wait(id, on_progress, interrupted);
}

Status JobManager::Cancel(std::uint64_t id) { return impl_->Cancel(id); }

Status JobManager::Pause(std::uint64_t id) { return impl_->Pause(id); }

Status JobManager::Resume(std::uint64_t id) { return impl_->Resume(id); }

std::optional<Progress> JobManager::CurrentProgress(std::uint64_t id) const {
  return impl_->CurrentProgress(id);
}

}  // namespace dashi::trainer
