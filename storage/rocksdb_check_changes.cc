#include <fmt/format.h>

#include "base/status.h"
#include "storage/change_codec.h"
#include "storage/rocksdb_check.h"

namespace dashi::storage {

Status CheckChangeLog(CheckRun* run) {
  bool complete = false;
  std::uint64_t last = 0;
  std::vector<ChangeRun> runs;
  DASHI_RETURN_IF_ERROR(run->Walk(Family::kChanges, "changes", "", &complete,
                                  [&](std::string_view key, std::string_view value) {
                                    std::uint64_t sequence = 0;
                                    if (!ParseChangeKey(key, &sequence)) {
                                      run->Report("changes", "a key is no commit sequence",
                                                  fmt::format("{} bytes", key.size()));
                                    } else if (!DecodeChanges(value, &runs)) {
                                      run->Report("changes", "an entry cannot be decoded",
                                                  fmt::format("commit {}", sequence));
                                    }
                                    last = std::max(last, sequence);
                                    return Status::Ok();
                                  }));
  if (last > run->findings().commit_sequence) {
    run->Report(
        "meta", "the commit sequence is behind the change log",
        fmt::format("commit sequence {}, last change {}", run->findings().commit_sequence, last));
  }
  return Status::Ok();
}

namespace {

void CheckCheckpoint(const JobRecord& job, CheckRun* run) {
  for (const std::string& name : job.checkpoint) {
    run->findings().used_weights.insert(name);
    if (!run->findings().weights.contains(name)) {
      run->Report("jobs", "a part of a checkpoint is missing",
                  fmt::format("job {}: {}", job.id, name));
    }
  }
}

}  // namespace

// After CheckMeta.
Status CheckHistory(CheckRun* run) {
  bool complete = false;
  DASHI_RETURN_IF_ERROR(run->Walk(
      Family::kJobs, "jobs", "", &complete, [&](std::string_view key, std::string_view value) {
        JobRecord job;
        if (!DecodeJob(value, &job)) {
          run->Report("jobs", "a record cannot be decoded",
                      fmt::format("key of {} bytes", key.size()));
        } else if (key != JobKey(job.id)) {
          run->Report("jobs", "a record stands under another key", fmt::format("job {}", job.id));
        }
        CheckCheckpoint(job, run);
        return Status::Ok();
      }));
  for (const auto& [name, record] : run->findings().weights) {
    if (!run->findings().used_weights.contains(name)) {
      run->Note(fmt::format("weights that no release, model or job names: {}", name));
    }
  }
  return run->Walk(Family::kEvaluations, "evaluations", "", &complete,
                   [&](std::string_view key, std::string_view value) {
                     EvaluationRecord evaluation;
                     if (!DecodeEvaluation(value, &evaluation)) {
                       run->Report("evaluations", "a record cannot be decoded",
                                   fmt::format("key of {} bytes", key.size()));
                     } else if (!key.starts_with(JobKey(evaluation.id))) {
                       run->Report("evaluations", "a record stands under another key",
                                   fmt::format("evaluation {}", evaluation.id));
                     }
                     return Status::Ok();
                   });
}

}  // namespace dashi::storage
