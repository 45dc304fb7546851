#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "storage/release_removal.h"
#include "trainer/release_export.h"
#include "trainer/release_import.h"

namespace dashi::sql {

namespace {

using storage::ModelRecord;
using storage::ReleaseRecord;

struct NamedRelease {
  ModelRecord model;
  ReleaseRecord release;
};

Result<NamedRelease> FindRelease(const storage::View& view, const ReleaseName& name) {
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model, view.GetModel(name.model));
  if (!model) {
    return Status::NotFound("unknown model: " + name.model).WithHint("SHOW MODELS lists them.");
  }
  if (!name.release && model->published.empty()) {
    return Status::FailedPrecondition(
               fmt::format("no release of model {} is published", model->name))
        .WithHint(fmt::format("Name one: {}@1. SHOW RELEASES lists what there is.", model->name));
  }
  const std::uint32_t number = name.release ? *name.release : model->published.back();
  DASHI_ASSIGN_OR_RETURN(const std::optional<ReleaseRecord> release,
                         view.GetRelease(model->name, number));
  if (!release) {
    return storage::UnknownRelease(view, model->name, number);
  }
  return NamedRelease{*model, *release};
}

std::vector<std::string> ImportNotices(const trainer::ImportSummary& summary) {
  std::vector<std::string> notices;
  if (summary.num_unclassified > 0) {
    notices.push_back(
        fmt::format("labels that the folder does not have, found by their texts alone: {}",
                    summary.num_unclassified));
  }
  if (summary.num_unknown > 0) {
    notices.push_back(fmt::format("labels of the folder that are not in the database, left out: {}",
                                  summary.num_unknown));
  }
  return notices;
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ExportModelStatement& exported) {
  DASHI_ASSIGN_OR_RETURN(const auto view, ReadView(session));
  Result<NamedRelease> found = FindRelease(*view, exported.release);
  if (!found.ok()) {
    return statement.At(std::move(found).status(), exported.release.offset);
  }
  Status written = trainer::ExportRelease(*view, found->release, found->model.algorithm,
                                          exported.path, session.database.store().directory());
  if (!written.ok()) {
    return statement.At(std::move(written), exported.path_offset);
  }
  return Finished(
      "EXPORT MODEL", OwnColumns(exported),
      {{Value::Text(fmt::format("{}@{}", found->release.model, found->release.number))}});
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ImportModelStatement& transfer) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "IMPORT MODEL"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "IMPORT MODEL"));
  trainer::TrainingControl control;
  control.on_progress = session.on_progress;
  control.should_stop = [&session] { return session.interruption.Poll(); };
  ThreadPool& pool = session.database.releases().pool();
  const trainer::EncoderRuntime runtime{session.database.torch_module_path(), pool.num_threads(),
                                        "auto"};
  Result<trainer::ImportSummary> imported = trainer::ImportRelease(
      session.database.store(), {transfer.model, transfer.path, std::string(statement.text())},
      runtime, pool, control);
  if (!imported.ok()) {
    if (session.interruption.Poll()) {
      return session.interruption.ToStatus();
    }
    return statement.At(std::move(imported).status(), transfer.path_offset);
  }
  return Finished(
      "IMPORT MODEL", OwnColumns(transfer),
      {{Value::Text(fmt::format("{}@{}", imported->release.model, imported->release.number))}},
      ImportNotices(*imported));
}

}  // namespace dashi::sql
