#include "sql/job_statements.h"

#include <utility>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"

namespace dashi::sql {

namespace {

using storage::JobRecord;
using storage::JobState;

std::string JobName(std::uint64_t id) { return "job " + std::to_string(id); }

}  // namespace

Result<bool> TakeWaitOption(const ParsedStatement& statement, std::vector<OptionNode>* options) {
  for (auto option = options->begin(); option != options->end(); ++option) {
    if (option->name != "wait") {
      continue;
    }
    const bool on = option->value == "on" || option->value == "true" || option->value == "1";
    if (!on && option->value != "off" && option->value != "false" && option->value != "0") {
      return statement.At(
          Status::InvalidArgument("the option wait is on or off: got " + option->value),
          option->offset);
    }
    options->erase(option);
    return on;
  }
  return true;
}

Status JobOutcome(const JobRecord& job) {
  const std::string name = JobName(job.id);
  switch (job.state) {
    case JobState::kSucceeded:
      return Status();
    case JobState::kCancelled:
      return Status::Cancelled(name + " was cancelled").WithSqlState("57014");
    case JobState::kFailed: {
      std::string hint = job.error_hint;
      if (!job.checkpoint.empty()) {
        hint += (hint.empty() ? "" : " ") + ("RESUME JOB " + std::to_string(job.id)) +
                " goes on from its last checkpoint.";
      }
      // Memory or disk that did not suffice.
      const bool lacks_room = job.error_sqlstate.starts_with("53");
      Status failed(lacks_room ? StatusCode::kResourceExhausted : StatusCode::kFailedPrecondition,
                    name + " failed: " + job.error);
      if (lacks_room) {
        failed = std::move(failed).WithSqlState(job.error_sqlstate);
      }
      return hint.empty() ? failed : std::move(failed).WithHint(std::move(hint));
    }
    default:
      return Status::Aborted(name +
                             (job.state == JobState::kPaused ? " was paused" : " was interrupted"))
          .WithSqlState("57014")
          .WithHint("RESUME JOB " + std::to_string(job.id) + " goes on with it.");
  }
}

Result<JobRecord> WaitForOwnJob(SessionState& session, std::uint64_t id, OnInterrupt on_interrupt) {
  trainer::JobManager& jobs = session.database.jobs();
  Result<JobRecord> job =
      jobs.Wait(id, session.on_progress, [&] { return session.interruption.Poll(); });
  if (job.ok() || !session.interruption.Poll()) {
    return job;
  }
  if (on_interrupt == OnInterrupt::kCancel) {
    DASHI_RETURN_IF_ERROR(jobs.Cancel(id));
  } else {
    jobs.Pause(id).IgnoreError("it has just ended");
  }
  DASHI_RETURN_IF_ERROR(jobs.Wait(id, session.on_progress, [] { return false; }).status());
  return session.interruption.ToStatus();
}

Result<std::vector<std::string>> ForgetCheckpoints(storage::Transaction& transaction,
                                                   const std::string& model) {
  std::vector<std::string> blobs;
  DASHI_ASSIGN_OR_RETURN(std::vector<JobRecord> jobs, transaction.ListJobs());
  for (JobRecord& job : jobs) {
    if (job.model == model && !job.checkpoint.empty()) {
      const std::vector<std::string> names = std::exchange(job.checkpoint, {});
      blobs.insert(blobs.end(), names.begin(), names.end());
      DASHI_RETURN_IF_ERROR(transaction.PutJob(job));
    }
  }
  return blobs;
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const WaitJobStatement& wait) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "WAIT JOB"));
  DASHI_ASSIGN_OR_RETURN(const JobRecord job,
                         session.database.jobs().Wait(wait.job, session.on_progress,
                                                      [&] { return session.interruption.Poll(); }));
  DASHI_RETURN_IF_ERROR(JobOutcome(job));
  return Finished("WAIT JOB", OwnColumns(wait), {{Value::Text(job.result)}});
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const CancelJobStatement& cancel) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "CANCEL JOB"));
  DASHI_RETURN_IF_ERROR(session.database.jobs().Cancel(cancel.job));
  return Finished("CANCEL JOB");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const PauseJobStatement& pause) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "PAUSE JOB"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "PAUSE JOB"));
  trainer::JobManager& jobs = session.database.jobs();
  DASHI_RETURN_IF_ERROR(jobs.Pause(pause.job));
  DASHI_ASSIGN_OR_RETURN(const JobRecord job, jobs.Wait(pause.job, session.on_progress, [&] {
    return session.interruption.Poll();
  }));
  if (job.state != JobState::kPaused) {
    return Status::FailedPrecondition(JobName(pause.job) + " ended before it could be paused");
  }
  return Finished("PAUSE JOB");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ResumeJobStatement& resume) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "RESUME JOB"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "RESUME JOB"));
  std::vector<OptionNode> nodes = resume.options;
  DASHI_ASSIGN_OR_RETURN(const bool wait, TakeWaitOption(statement, &nodes));
  if (!nodes.empty()) {
    return statement.At(
        Status::InvalidArgument("unknown option of RESUME JOB: " + nodes.front().name)
            .WithHint("It knows wait, which is on or off."),
        nodes.front().offset);
  }
  DASHI_RETURN_IF_ERROR(session.database.jobs().Resume(resume.job));
  if (!wait) {
    return Finished("RESUME JOB");
  }
  DASHI_ASSIGN_OR_RETURN(const JobRecord job,
                         WaitForOwnJob(session, resume.job, OnInterrupt::kPause));
  DASHI_RETURN_IF_ERROR(JobOutcome(job));
  return Finished("RESUME JOB", OwnColumns(resume), {{Value::Text(job.result)}});
}

}  // namespace dashi::sql
