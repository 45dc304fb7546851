#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "query/publish.h"
#include "query/publish_gate.h"
#include "query/release_collection.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/serving_options.h"
#include "storage/release_removal.h"
#include "storage/release_retention.h"
#include "trainer/release_index.h"

namespace dashi::sql {

namespace {

using storage::ModelRecord;
using storage::ReleaseRecord;

// A notice is one line.
constexpr std::size_t kReleasesNamedMax = 20;

// Drops what a commit made garbage, and tells. The commit stands whatever becomes of this.
std::vector<std::string> Collect(SessionState& session, const std::string& model) {
  query::CollectedReleases collected =
      query::CollectReleases(session.database.store(), session.database.releases(), model,
                             &session.database.release_events());
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

// A release before it is published.
struct MeasuredRelease {
  std::uint32_t release = 0;
  query::PublishBasis basis;
  std::vector<std::string> notices;
};

// Asks whether a release meets the conditions of the statement.
Status MeasureConditions(const std::shared_ptr<const storage::View>& view, SessionState& session,
                         const PublishStatement& publish, const query::MeasuringControl& control,
                         MeasuredRelease* measured) {
  const query::GateRequest request{publish.release.model, measured->release, publish.split,
                                   publish.conditions};
  DASHI_ASSIGN_OR_RETURN(const query::GateReport report,
                         query::MeasureGate(view, session.database.store(),
                                            session.database.releases(), request, control));
  if (!report.passed()) {
    return query::RefusedByGate(request, report);
  }
  measured->basis = query::BasisOf(request, report);
  measured->notices = query::DescribeGate(request, report);
  return Status();
}

// Probes the graph of a release, unless a condition has done so, and tells when it finds less than
// the last one that was built anew.
Status ProbeGraph(const storage::View& view, SessionState& session,
                  const query::MeasuringControl& control, const std::string& model,
                  MeasuredRelease* measured) {
  DASHI_ASSIGN_OR_RETURN(const auto release,
                         session.database.releases().Resolve(view, model, measured->release));
  if (release->record.index_kind != "hnsw") {
    return Status();
  }
  std::vector<storage::PublishedFigure>& figures = measured->basis.figures;
  auto probe = std::find_if(figures.begin(), figures.end(),
                            [](const auto& each) { return each.metric == query::kRecallMetric; });
  if (probe == figures.end()) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<std::string> queries, query::ReadStoredQueries(view));
    if (queries.empty()) {
      return Status();
    }
    DASHI_ASSIGN_OR_RETURN(
        const double recall,
        query::MeasureRecall(*release, queries, session.database.releases().pool(), control));
    figures.push_back({std::string(query::kRecallMetric), recall});
    probe = std::prev(figures.end());
  }
  const auto built = release->record.metrics.find(trainer::kBuiltRecallMetric);
  if (built != release->record.metrics.end() &&
      probe->value < built->second - trainer::kGraphRecallLossMax) {
    measured->notices.push_back(
        fmt::format("{} of {} is {:.4f}, {:.4f} below that of the last graph that was built anew: "
                    "TRAIN MODEL {} WITH (relink = off) builds another",
                    query::kRecallMetric, storage::ReleaseName(model, measured->release),
                    probe->value, built->second - probe->value, model));
  }
  return Status();
}

// Finds out what PUBLISH wants to know of a release beforehand.
Result<MeasuredRelease> MeasureBeforePublishing(SessionState& session,
                                                const PublishStatement& publish) {
  const std::string& model = publish.release.model;
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view,
                         session.database.store().NewSnapshot());
  MeasuredRelease measured;
  if (publish.release.release) {
    measured.release = *publish.release.release;
  } else {
    DASHI_ASSIGN_OR_RETURN(measured.release, query::NewestRelease(*view, model));
  }
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> record, view->GetModel(model));
  const std::function<bool()> cancelled = [&session] { return session.interruption.Poll(); };
  const query::MeasuringControl control{"PUBLISH " + storage::ReleaseName(model, measured.release),
                                        session.on_progress, cancelled};
  if (!publish.conditions.empty()) {
    DASHI_RETURN_IF_ERROR(MeasureConditions(view, session, publish, control, &measured));
  }
  const bool serves =
      record && !record->published.empty() && record->published.back() == measured.release;
  if (!serves) {
    DASHI_RETURN_IF_ERROR(ProbeGraph(*view, session, control, model, &measured));
  }
  return measured;
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
  Status written =
      session.database.release_events().Commit([&](std::vector<ReleaseEvent>* done) -> Status {
        DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
        if (release) {
          done->push_back({ReleaseChange::kDropped, model_name, number});
        }
        return Status();
      });
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
  query::ReleaseCache& releases = session.database.releases();
  Result<MeasuredRelease> measured = MeasureBeforePublishing(session, publish);
  if (!measured.ok()) {
    return statement.At(std::move(measured).status(), publish.release.offset);
  }
  Result<std::uint32_t> release =
      query::Publish(session.database.store(), releases, publish.release.model, measured->release,
                     measured->basis, &session.database.release_events());
  if (!release.ok()) {
    return statement.At(std::move(release).status(), publish.release.offset);
  }
  std::vector<std::string> notices = std::move(measured->notices);
  for (std::string& notice : Collect(session, publish.release.model)) {
    notices.push_back(std::move(notice));
  }
  return Finished("PUBLISH", OwnColumns(publish),
                  {{Value::Text(storage::ReleaseName(publish.release.model, *release))}},
                  std::move(notices));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& /*statement*/,
                                    const RevertModelStatement& revert) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "REVERT MODEL"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "REVERT MODEL"));
  DASHI_ASSIGN_OR_RETURN(
      const std::uint32_t release,
      query::Revert(session.database.store(), revert.model, &session.database.release_events()));
  return Finished("REVERT MODEL", OwnColumns(revert),
                  {{Value::Text(storage::ReleaseName(revert.model, release))}},
                  Collect(session, revert.model));
}

}  // namespace dashi::sql
