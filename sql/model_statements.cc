#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "query/evaluate.h"
#include "query/release_collection.h"
#include "sql/database_impl.h"
#include "sql/job_statements.h"
#include "sql/option_nodes.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/serving_options.h"
#include "sql/train_explanation.h"
#include "storage/catalog_records.h"
#include "storage/row_check.h"
#include "trainer/model_options.h"
#include "trainer/training_encoder.h"

namespace dashi::sql {

namespace {

using storage::JobRecord;
using storage::JobState;
using storage::ModelRecord;
using storage::OptionMap;
using storage::ReleaseRecord;

Status CheckModelOptions(const std::string& algorithm, const OptionMap& options) {
  return trainer::ParseModelOptions(algorithm, options).status();
}

Status UnknownModel(const std::string& model) {
  return Status::NotFound("unknown model: " + model).WithHint("SHOW MODELS lists them.");
}

// Copies the pretrained transformer of the option `path` into the database, and names the copy in
// the model. A model of that name that exists already is left to the statement's transaction.
Status StoreStart(SessionState& session, const ParsedStatement& statement,
                  const CreateModelStatement& create, ModelRecord* model) {
  const auto path = std::find_if(create.options.begin(), create.options.end(),
                                 [](const OptionNode& node) { return node.name == "path"; });
  if (path == create.options.end() || path->value.empty()) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "CREATE MODEL with the option path"));
  DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> other, view->GetModel(model->name));
  if (other) {
    return Status();
  }
  Result<std::string> stored = trainer::StoreStartWeights(session.database.store(), path->value);
  if (!stored.ok()) {
    return statement.At(std::move(stored).status(), path->offset);
  }
  model->start_weights = std::move(stored).value();
  return Status();
}

// What a training cannot be told: a model's folder is read once, when the model is created, and how
// many releases stay is the model's affair.
Status RefuseModelsOptions(const ParsedStatement& statement,
                           const std::vector<OptionNode>& options) {
  for (const OptionNode& option : options) {
    if (option.name == "path") {
      return statement.At(
          Status::InvalidArgument("the option path is for CREATE MODEL alone")
              .WithHint("The folder is copied into the database then. Create another model."),
          option.offset);
    }
    if (IsServingOption(option.name)) {
      return statement.At(Status::InvalidArgument("the option " + option.name +
                                                  " is for CREATE and ALTER MODEL alone"),
                          option.offset);
    }
  }
  return Status();
}

std::string ReleaseText(const std::string& model, std::uint32_t number) {
  return model + "@" + std::to_string(number);
}

Status RefuseWhileTraining(SessionState& session, const storage::View& view,
                           const std::string& model) {
  trainer::JobManager* manager = session.database.jobs_or_null();
  if (manager == nullptr) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<JobRecord> jobs, view.ListJobs());
  for (const JobRecord& job : jobs) {
    const bool active = job.state == JobState::kQueued || job.state == JobState::kRunning;
    if (active && job.model == model) {
      return Status::FailedPrecondition("model " + model + " is being trained by job " +
                                        std::to_string(job.id))
          .WithSqlState("55006")
          .WithHint("CANCEL JOB " + std::to_string(job.id) + ", or wait for it.");
    }
  }
  return Status();
}

Row EvaluationRow(const storage::EvaluationRecord& record) {
  return {Value::Text(ReleaseText(record.model, record.release)),
          Value::Text(record.split),
          Value::Text(record.slice),
          Value::Text(record.metric),
          Value::Integer(record.k),
          Value::Real(record.value),
          Value::Real(record.low),
          Value::Real(record.high),
          Value::Integer(static_cast<std::int64_t>(record.num_documents))};
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateModelStatement& create) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "CREATE MODEL"));
  ModelRecord model;
  model.name = create.model;
  model.algorithm = create.algorithm;
  std::vector<OptionNode> training_options = create.options;
  DASHI_ASSIGN_OR_RETURN(const ServingOptions serving,
                         TakeServingOptions(statement, &training_options));
  serving.ApplyTo(&model);
  model.options = ToOptionMap(training_options);
  model.created_at_micros = Clock::System().NowMicros();
  DASHI_RETURN_IF_ERROR(storage::CheckName("model", model.name));
  Status algorithm = trainer::ListModelOptions(model.algorithm).status();
  if (!algorithm.ok()) {
    return statement.At(std::move(algorithm), create.algorithm_offset);
  }
  Status options = CheckModelOptions(model.algorithm, model.options);
  if (!options.ok()) {
    return AtOption(statement, std::move(options), create.options);
  }
  DASHI_RETURN_IF_ERROR(StoreStart(session, statement, create, &model));
  bool exists = false;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> other,
                           transaction.GetModel(model.name));
    exists = other.has_value();
    if (exists && create.if_not_exists) {
      return Status();
    }
    if (exists) {
      return Status::AlreadyExists("the model exists already: " + model.name)
          .WithHint("DROP MODEL removes it.");
    }
    return transaction.PutModel(model);
  };
  Status written = WriteAtomically(session, write);
  if (!model.start_weights.empty() && (exists || !written.ok())) {
    session.database.store()
        .DeleteWeights(model.start_weights)
        .IgnoreError("removed at the next open");
  }
  DASHI_RETURN_IF_ERROR(std::move(written));
  if (exists) {
    return Finished("CREATE MODEL", {"the model exists already: " + model.name});
  }
  return Finished("CREATE MODEL");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const DropModelStatement& drop) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "DROP MODEL"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "DROP MODEL"));
  bool found = true;
  std::string start_weights;
  std::vector<ReleaseRecord> dropped;
  std::uint32_t served = 0;
  std::vector<std::string> checkpoints;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model,
                           transaction.GetModel(drop.model));
    found = model.has_value();
    if (!found) {
      return drop.if_exists ? Status() : UnknownModel(drop.model);
    }
    DASHI_RETURN_IF_ERROR(RefuseWhileTraining(session, transaction, drop.model));
    DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, transaction.ListReleases());
    for (const ReleaseRecord& release : releases) {
      if (release.model == drop.model) {
        DASHI_RETURN_IF_ERROR(transaction.DeleteRelease(release.model, release.number));
        dropped.push_back(release);
      }
    }
    served = model->published.empty() ? 0 : model->published.back();
    start_weights = model->start_weights;
    DASHI_ASSIGN_OR_RETURN(checkpoints, ForgetCheckpoints(transaction, drop.model));
    checkpoints.insert(checkpoints.end(), model->tokens.begin(), model->tokens.end());
    return transaction.DeleteModel(drop.model);
  };
  const auto commit = [&](std::vector<ReleaseEvent>* done) -> Status {
    DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
    done->reserve(dropped.size());
    for (const ReleaseRecord& release : dropped) {
      const std::uint32_t previous = release.number == served ? served : 0;
      done->push_back({ReleaseChange::kDropped, drop.model, release.number, previous});
    }
    return Status();
  };
  DASHI_RETURN_IF_ERROR(session.database.release_events().Commit(commit));
  for (const ReleaseRecord& release : dropped) {
    query::ForgetRelease(session.database.store(), session.database.releases(), release,
                         /*start_weights=*/"");
  }
  if (!start_weights.empty()) {
    checkpoints.push_back(start_weights);
  }
  for (const std::string& blob : checkpoints) {
    session.database.store().DeleteWeights(blob).IgnoreError("removed at the next open");
  }
  if (!found) {
    return Finished("DROP MODEL", {"there is no such model: " + drop.model});
  }
  return Finished("DROP MODEL");
}

namespace {

// What is to be done with the release of a model that has none published.
Result<std::vector<std::string>> NextStep(SessionState& session, const std::string& name,
                                          const std::string& release) {
  DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model, view->GetModel(name));
  std::vector<std::string> notices;
  if (model && model->published.empty()) {
    notices.push_back(release + " is not published: PUBLISH " + release +
                      " has topk() answer from it");
  }
  return notices;
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const TrainModelStatement& train) {
  const char* const command = train.explain ? "EXPLAIN TRAIN MODEL" : "TRAIN MODEL";
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, command));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, command));
  std::vector<OptionNode> nodes = train.options;
  DASHI_ASSIGN_OR_RETURN(const bool wait, TakeWaitOption(statement, &nodes));
  DASHI_RETURN_IF_ERROR(RefuseModelsOptions(statement, nodes));
  DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model, view->GetModel(train.model));
  if (!model) {
    return UnknownModel(train.model);
  }
  const OptionMap overrides = ToOptionMap(nodes);
  Status options =
      CheckModelOptions(model->algorithm, trainer::MergeModelOptions(model->options, overrides));
  if (!options.ok()) {
    return AtOption(statement, std::move(options), nodes);
  }
  if (train.explain) {
    DASHI_ASSIGN_OR_RETURN(
        const trainer::TrainingExplanation explanation,
        session.database.jobs().Explain(train.model, overrides, session.on_progress,
                                        [&] { return session.interruption.Poll(); }));
    return Finished("EXPLAIN", OwnColumns(train), ExplanationRows(train.model, explanation));
  }
  const Result<std::uint64_t> submitted =
      session.database.jobs().SubmitTraining(train.model, overrides, std::string(statement.text()));
  if (!submitted.ok()) {
    return AtOption(statement, submitted.status(), nodes);
  }
  const std::uint64_t id = *submitted;
  if (!wait) {
    return Finished("TRAIN MODEL", OwnColumns(train),
                    {{Value::Integer(static_cast<std::int64_t>(id))}});
  }
  DASHI_ASSIGN_OR_RETURN(
      const JobRecord job,
      WaitForOwnJob(session, id, session.pauses_jobs ? OnInterrupt::kPause : OnInterrupt::kCancel));
  DASHI_RETURN_IF_ERROR(JobOutcome(job));
  DASHI_ASSIGN_OR_RETURN(std::vector<std::string> notices,
                         NextStep(session, train.model, job.result));
  return Finished("TRAIN MODEL", OwnColumns(train), {{Value::Text(job.result)}},
                  std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const EvaluateModelStatement& evaluate) {
  const bool writable = RequireWritable(session, "EVALUATE MODEL").ok();
  query::EvaluateRequest request;
  request.model = evaluate.release.model;
  request.release = evaluate.release.release;
  request.split = evaluate.split.value_or("test");
  request.options = ToOptionMap(evaluate.options);
  DASHI_ASSIGN_OR_RETURN(const auto view, ReadView(session));
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model, view->GetModel(request.model));
  if (!model) {
    return statement.At(UnknownModel(request.model), evaluate.release.offset);
  }
  Result<std::vector<storage::EvaluationRecord>> records =
      query::Evaluate(*view, session.database.releases(), request, session.on_progress,
                      [&] { return session.interruption.Poll(); });
  if (!records.ok()) {
    return AtOption(statement, std::move(records).status(), evaluate.options);
  }
  std::vector<std::string> notices;
  if (writable) {
    const auto write = [&](storage::Transaction& transaction) -> Status {
      DASHI_ASSIGN_OR_RETURN(const std::uint64_t id, transaction.NextId("evaluation"));
      const std::int64_t now = Clock::System().NowMicros();
      for (storage::EvaluationRecord& record : *records) {
        record.id = id;
        record.at_micros = now;
      }
      return transaction.PutEvaluations(*records);
    };
    DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  } else {
    notices.emplace_back("the figures are not stored: nothing can be written here");
  }
  std::vector<Row> rows;
  for (const storage::EvaluationRecord& record : *records) {
    rows.push_back(EvaluationRow(record));
  }
  return Finished("EVALUATE MODEL", OwnColumns(evaluate), std::move(rows), std::move(notices));
}

}  // namespace dashi::sql
