#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "query/publish.h"
#include "query/release_collection.h"
#include "sql/database_impl.h"
#include "sql/own_statements.h"
#include "sql/serving_options.h"
#include "storage/release_removal.h"
#include "storage/release_retention.h"

namespace dashi::sql {

namespace {

using storage::ModelRecord;
using storage::ReleaseRecord;

// A notice is one line.
constexpr std::size_t kReleasesNamedMax = 20;

// Drops what a commit made garbage, and tells. The commit stands whatever becomes of this.
std::vector<std::string> Collect(SessionState& session, const std::string& model) {
  query::CollectedReleases collected =
      query::CollectReleases(session.database.store(), session.database.releases(), model);
  std::vector<std::string> notices;
  const std::size_t num_names = collected.names.size();
  if (num_names > 0) {
    collected.names.resize(std::min(num_names, kReleasesNamedMax));
    const std::string others = num_names > kReleasesNamedMax
                                   ? fmt::format(" and {} more", num_names - kReleasesNamedMax)
                                   : "";
    notices.push_back(fmt::format("releases that nobody keeps were dropped: {}{}",
                                  fmt::join(collected.names, ", "), others));
  }
  if (!collected.status.ok()) {
    notices.push_back(
        fmt::format("releases that nobody keeps stay until the next PUBLISH, or the next open of "
                    "the database: {}",
                    collected.status.message()));
  }
  return notices;
}

Status CheckDroppable(const storage::View& view, const ModelRecord& model,
                      const ReleaseRecord& release) {
  const std::string name = storage::ReleaseName(release.model, release.number);
  if (!model.published.empty() && model.published.back() == release.number) {
    return Status::FailedPrecondition("the release is published: " + name)
        .WithSqlState("55006")
        .WithHint("PUBLISH another one or REVERT MODEL first.");
  }
  if (release.pinned) {
    return Status::FailedPrecondition("the release is pinned: " + name)
        .WithHint(fmt::format("UNPIN RELEASE {} first.", name));
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::JobRecord> jobs, view.ListJobs());
  if (const auto job = storage::JobStartingFrom(jobs, name)) {
    return Status::FailedPrecondition(
               fmt::format("the release is what job {} starts from: {}", *job, name))
        .WithSqlState("55006")
        .WithHint(fmt::format("WAIT JOB {0} or CANCEL JOB {0} first.", *job));
  }
  return Status();
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterModelStatement& alter) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "ALTER MODEL"));
  std::vector<OptionNode> options = alter.options;
  DASHI_ASSIGN_OR_RETURN(const ServingOptions serving, TakeServingOptions(statement, &options));
  if (!options.empty()) {
    return statement.At(
        Status::InvalidArgument("unknown option of ALTER MODEL: " + options.front().name)
            .WithHint("ALTER MODEL sets retain_releases and seal_rows. How a model is trained is "
                      "said by CREATE MODEL and TRAIN MODEL."),
        options.front().offset);
  }
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(std::optional<ModelRecord> model, transaction.GetModel(alter.model));
    if (!model) {
      return Status::NotFound("unknown model: " + alter.model).WithHint("SHOW MODELS lists them.");
    }
    serving.ApplyTo(&*model);
    return transaction.PutModel(*model);
  };
  Status written = WriteAtomically(session, write);
  if (!written.ok()) {
    return statement.At(std::move(written), alter.model_offset);
  }
  return Finished("ALTER MODEL");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropReleaseStatement& drop) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "DROP RELEASE"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "DROP RELEASE"));
  const std::string& model_name = drop.release.model;
  const std::uint32_t number = *drop.release.release;
  std::optional<ReleaseRecord> release;
  std::string start_weights;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(release, transaction.GetRelease(model_name, number));
    DASHI_ASSIGN_OR_RETURN(std::optional<ModelRecord> model, transaction.GetModel(model_name));
    if (!release || !model) {
      return drop.if_exists ? Status() : storage::UnknownRelease(transaction, model_name, number);
    }
    DASHI_RETURN_IF_ERROR(CheckDroppable(transaction, *model, *release));
    start_weights = model->start_weights;
    return storage::DeleteReleaseRow(transaction, number, &*model);
  };
  Status written = WriteAtomically(session, write);
  if (!written.ok()) {
    return statement.At(std::move(written), drop.release.offset);
  }
  if (!release) {
    return Finished("DROP RELEASE",
                    {"there is no such release: " + storage::ReleaseName(model_name, number)});
  }
  query::ForgetRelease(session.database.store(), session.database.releases(), *release,
                       start_weights);
  return Finished("DROP RELEASE");
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PinReleaseStatement& pin) {
  const char* const command = pin.pin ? "PIN RELEASE" : "UNPIN RELEASE";
  DASHI_RETURN_IF_ERROR(RequireWritable(session, command));
  const auto write = [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(std::optional<ReleaseRecord> release,
                           transaction.GetRelease(pin.release.model, *pin.release.release));
    if (!release) {
      return storage::UnknownRelease(transaction, pin.release.model, *pin.release.release);
    }
    if (release->pinned == pin.pin) {
      return Status();
    }
    release->pinned = pin.pin;
    return transaction.PutRelease(*release);
  };
  Status written = WriteAtomically(session, write);
  if (!written.ok()) {
    return statement.At(std::move(written), pin.release.offset);
  }
  return Finished(command);
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const PublishStatement& publish) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "PUBLISH"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "PUBLISH"));
  Result<std::uint32_t> release =
      query::Publish(session.database.store(), session.database.releases(), publish.release.model,
                     publish.release.release);
  if (!release.ok()) {
    return statement.At(std::move(release).status(), publish.release.offset);
  }
  return Finished("PUBLISH", {{"release", ValueType::kText}},
                  {{Value::Text(storage::ReleaseName(publish.release.model, *release))}},
                  Collect(session, publish.release.model));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const RevertModelStatement& revert) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "REVERT MODEL"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "REVERT MODEL"));
  DASHI_ASSIGN_OR_RETURN(const std::uint32_t release,
                         query::Revert(session.database.store(), revert.model));
  return Finished("REVERT MODEL", {{"release", ValueType::kText}},
                  {{Value::Text(storage::ReleaseName(revert.model, release))}},
                  Collect(session, revert.model));
}

}  // namespace dashi::sql
