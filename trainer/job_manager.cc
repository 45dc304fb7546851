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

namespace dashi::trainer {
namespace {

using storage::JobRecord;
using storage::JobState;

constexpr std::chrono::milliseconds kWaitPoll{100};
constexpr double kSecondsBetweenJobRows = 5.0;

bool IsOver(JobState state) { return state != JobState::kQueued && state != JobState::kRunning; }

/// A job of this process: its row and what its owner may ask of it.
struct ActiveJob {
  JobRecord record;
  ModelOptions options;
  std::atomic<bool> stop{false};
  Progress progress;
  std::uint64_t num_reports = 0;
};

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
        job->stop = true;
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
    storage::OptionMap merged = overrides;
    merged.insert(record->options.begin(), record->options.end());
    auto job = std::make_shared<ActiveJob>();
    DASHI_ASSIGN_OR_RETURN(job->options, ParseModelOptions(record->algorithm, merged));
    DASHI_ASSIGN_OR_RETURN(job->record.id, transaction->NextId("job"));
    job->record.kind = "train";
    job->record.statement = statement;
    job->record.model = model;
    job->record.created_at_micros = Clock::System().NowMicros();
    DASHI_RETURN_IF_ERROR(transaction->PutJob(job->record));
    DASHI_RETURN_IF_ERROR(transaction->Commit());
    const std::uint64_t id = job->record.id;
    {
      MutexLock lock(mutex_);
      jobs_.emplace(id, job);
      queue_.push_back(std::move(job));
    }
    changed_.NotifyAll();
    return id;
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
    if (const auto job = Find(id)) {
      job->stop = true;
      return Status::Ok();
    }
    return StoredJob(id).status();
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
      Finish(*job,
             job->stop ? Status::Cancelled("the job was cancelled before it began") : Run(*job));
    }
  }

  Status Run(ActiveJob& job) {
    DASHI_RETURN_IF_ERROR(SaveRow(job.record));
    DASHI_ASSIGN_OR_RETURN(TensorBackend* const backend,
                           LoadTensorBackend(options_.torch_module_path));
    const int wanted =
        job.options.ngame.num_threads > 0 ? job.options.ngame.num_threads : options_.num_threads;
    ThreadPool pool(wanted);
    TrainingControl control;
    const Stopwatch stopwatch;
    double next_row_seconds = kSecondsBetweenJobRows;
    control.should_stop = [&job] { return job.stop.load(); };
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
    const TrainingJob training{job.record.id, job.record.model, job.options, pool.num_threads()};
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
    ++job.num_reports;
    job.record.phase = progress.phase;
    job.record.done = progress.done;
    job.record.total = progress.total;
    job.record.loss = progress.loss ? progress.loss : job.record.loss;
    return job.record;
  }

  JobRecord NoteEpoch(ActiveJob& job, const EpochReport& report) {
    MutexLock lock(mutex_);
    job.record.metrics.push_back({report.stage, report.epoch, report.seconds, report.loss,
                                  report.p1, report.ndcg5, report.psp5});
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
      row.state =
          outcome.code() == StatusCode::kCancelled ? JobState::kCancelled : JobState::kFailed;
      row.error = outcome.message();
      if (const Status saved = SaveRow(row); !saved.ok()) {
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

Result<JobRecord> JobManager::Wait(std::uint64_t id, const ProgressCallback& on_progress,
                                   const std::function<bool()>& interrupted) {
  return impl_->Wait(id, on_progress, interrupted);
}

Status JobManager::Cancel(std::uint64_t id) { return impl_->Cancel(id); }

std::optional<Progress> JobManager::CurrentProgress(std::uint64_t id) const {
  return impl_->CurrentProgress(id);
}

}  // namespace dashi::trainer
