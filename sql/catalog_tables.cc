#include "sql/catalog_tables.h"

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/status.h"
#include "dashi/result_set.h"
#include "query/row_delta.h"
#include "sql/database_impl.h"
#include "sql/engine_figures.h"
#include "sql/object_comments.h"
#include "sql/planner_cost.h"
#include "sql/roles/roles.h"
#include "sql/schedule/schedule_rows.h"
#include "sql/settings.h"
#include "sql/table_catalog.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

using Rows = std::vector<Row>;
using Load = Result<Rows> (*)(StatementContext& statement);

/// Guessed number of rows: any small number will do.
constexpr sqlite3_int64 kGuessedRows = 100;

class LoadedCursor : public VirtualCursor {
 public:
  LoadedCursor(StatementContext& statement, Load load) : statement_(statement), load_(load) {}

  Status Filter(int /*plan*/, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> /*arguments*/) override {
    position_ = 0;
    DASHI_ASSIGN_OR_RETURN(rows_, load_(statement_));
    return Status();
  }
  Status Next() override {
    ++position_;
    return Status();
  }
  bool AtEnd() const override { return position_ >= rows_.size(); }
  Status Column(int column, sqlite3_context* context) override {
    SetSqliteResult(context, rows_[position_][static_cast<std::size_t>(column)]);
    return Status();
  }
  std::int64_t RowId() const override { return static_cast<std::int64_t>(position_); }

 private:
  StatementContext& statement_;  // Outlives its cursors.
  Load load_;
  Rows rows_;
  std::size_t position_ = 0;
};

class LoadedTable : public VirtualTable {
 public:
  explicit LoadedTable(Load load) : load_(load) {}

  Result<bool> Plan(StatementContext& /*statement*/, sqlite3_index_info* info) override {
    info->estimatedRows = kGuessedRows;
    info->estimatedCost = static_cast<double>(kGuessedRows) * kLookupCost;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "scan"));
    return true;
  }
  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(std::make_unique<LoadedCursor>(statement, load_));
  }

 private:
  Load load_;
};

Value Count(std::uint64_t value) { return Value::Integer(static_cast<std::int64_t>(value)); }

Value Time(std::int64_t micros) {
  return micros == 0 ? Value::Null() : Value::Text(FormatTimestamp(micros));
}

/// NULL where there are none.
Value PublicationsText(const std::vector<storage::Publication>& publications) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const storage::Publication& publication : publications) {
    nlohmann::ordered_json object = {{"at", FormatTimestamp(publication.at_micros)}};
    if (publication.replaced != 0) {
      object["replaced"] = publication.replaced;
    }
    if (!publication.split.empty()) {
      object["split"] = publication.split;
    }
    object["figures"] = nlohmann::ordered_json::array();
    for (const storage::PublishedFigure& figure : publication.figures) {
      nlohmann::ordered_json member = {{"metric", figure.metric}, {"value", figure.value}};
      if (figure.current) {
        member["current"] = *figure.current;
      }
      if (!figure.condition.empty()) {
        member["condition"] = figure.condition;
      }
      object["figures"].push_back(std::move(member));
    }
    array.push_back(std::move(object));
  }
  return array.empty()
             ? Value::Null()
             : Value::Text(array.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Value RealOrNull(const std::optional<double>& value) {
  return value ? Value::Real(*value) : Value::Null();
}

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value::Null() : Value::Text(text);
}

template <typename Map>
Value Json(const Map& map) {
  // Text that is not UTF-8 cannot be stored, but a damaged record must not throw.
  return Value::Text(
      nlohmann::json(map).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string ReleaseText(const std::string& model, std::uint32_t number) {
  return model + "@" + std::to_string(number);
}

Result<Rows> LoadModels(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ModelRecord> models,
                         statement.view->ListModels());
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ReleaseRecord> releases,
                         statement.view->ListReleases());
  std::map<std::string, std::int64_t> counts;
  for (const storage::ReleaseRecord& release : releases) {
    ++counts[release.model];
  }
  Rows rows;
  for (const storage::ModelRecord& model : models) {
    rows.push_back({Value::Text(model.name), Value::Text(model.algorithm),
                    model.published.empty() ? Value::Null() : Count(model.published.back()),
                    Value::Integer(counts[model.name]), Count(model.retain_releases),
                    Count(model.seal_rows), Json(model.options), Time(model.created_at_micros)});
  }
  return rows;
}

Result<Rows> LoadReleases(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ModelRecord> models,
                         statement.view->ListModels());
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ReleaseRecord> releases,
                         statement.view->ListReleases());
  std::map<std::string, std::uint32_t> published;
  for (const storage::ModelRecord& model : models) {
    if (!model.published.empty()) {
      published[model.name] = model.published.back();
    }
  }
  query::ReleaseCache& loaded = statement.database->releases();
  Rows rows;
  for (const storage::ReleaseRecord& release : releases) {
    const auto current = published.find(release.model);
    const bool is_published = current != published.end() && current->second == release.number;
    DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> new_labels,
                           query::CountChangedRows(*statement.view, storage::EntityKind::kLabel,
                                                   release.snapshot_sequence));
    const std::optional<std::string> index_state = loaded.IndexState(release);
    const std::optional<std::string> index_graph = loaded.IndexGraph(release);
    const std::optional<query::RefreshState> refreshed = loaded.refresher().StateOf(release.job);
    rows.push_back({Value::Text(ReleaseText(release.model, release.number)),
                    Value::Text(release.model),
                    Count(release.number),
                    Value::Integer(is_published ? 1 : 0),
                    Value::Integer(release.pinned ? 1 : 0),
                    Count(release.num_documents),
                    Count(release.num_labels),
                    new_labels ? Count(*new_labels) : Value::Null(),
                    Count(release.sealed_labels.num_rows),
                    Count(release.dim),
                    Value::Text(release.index_kind),
                    index_state ? Value::Text(*index_state) : Value::Null(),
                    index_graph ? Value::Text(*index_graph) : Value::Null(),
                    refreshed ? Value::Real(refreshed->lag_seconds) : Value::Null(),
                    Count(release.seed),
                    Value::Real(release.train_seconds),
                    Value::Real(release.fusion_encoder),
                    Value::Real(release.fusion_classifier),
                    Value::Real(release.fusion_ranker),
                    Value::Real(release.fusion_votes),
                    Json(release.metrics),
                    PublicationsText(release.publications),
                    Json(release.options),
                    Json(release.environment),
                    Count(release.snapshot_sequence),
                    Count(release.job),
                    Time(release.created_at_micros)});
  }
  return rows;
}

Result<Rows> LoadReleaseGraphs(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ReleaseRecord> releases,
                         statement.view->ListReleases());
  Rows rows;
  for (const storage::ReleaseRecord& release : releases) {
    for (const storage::ReleaseGraph& graph : release.graphs) {
      rows.push_back({Value::Text(ReleaseText(release.model, release.number)),
                      Value::Text(release.model), Value::Text(graph.graph), Value::Text(graph.side),
                      Value::Real(graph.weight), Count(graph.num_edges), Count(graph.num_kept)});
    }
  }
  return rows;
}

Result<Rows> LoadJobMetrics(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::JobRecord> jobs, statement.view->ListJobs());
  Rows rows;
  for (const storage::JobRecord& job : jobs) {
    for (const storage::JobMetric& metric : job.metrics) {
      rows.push_back({Count(job.id), Value::Text(metric.stage), Count(metric.epoch),
                      Value::Real(metric.seconds), Value::Real(metric.loss), RealOrNull(metric.p1),
                      RealOrNull(metric.ndcg5), RealOrNull(metric.psp5),
                      RealOrNull(metric.cluster_seconds), RealOrNull(metric.wait_seconds),
                      RealOrNull(metric.step_seconds), Count(job.id)});
    }
  }
  return rows;
}

const char* JobStateName(storage::JobState state) {
  switch (state) {
    case storage::JobState::kQueued:
      return "queued";
    case storage::JobState::kRunning:
      return "running";
    case storage::JobState::kSucceeded:
      return "succeeded";
    case storage::JobState::kFailed:
      return "failed";
    case storage::JobState::kCancelled:
      return "cancelled";
    case storage::JobState::kPaused:
      return "paused";
    case storage::JobState::kInterrupted:
      break;
  }
  return "interrupted";
}

Result<Rows> LoadJobs(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(std::vector<storage::JobRecord> jobs, statement.view->ListJobs());
  trainer::JobManager* manager = statement.database->jobs_or_null();
  Rows rows;
  for (storage::JobRecord& job : jobs) {
    const bool active =
        job.state == storage::JobState::kRunning || job.state == storage::JobState::kQueued;
    if (active && manager == nullptr && !statement.database->store().read_only()) {
      // No job manager has been made in this process, which is the only one: nothing runs.
      job.state = storage::JobState::kInterrupted;
    }
    const std::optional<Progress> progress =
        active && manager != nullptr ? manager->CurrentProgress(job.id) : std::nullopt;
    if (progress) {
      job.phase = progress->phase;
      job.done = progress->done;
      job.total = progress->total;
      job.loss = progress->loss;
    }
    rows.push_back(
        {Count(job.id), Value::Text(job.kind), Value::Text(job.statement), TextOrNull(job.model),
         Value::Text(JobStateName(job.state)), TextOrNull(job.phase), Count(job.done),
         Count(job.total), job.loss ? Value::Real(*job.loss) : Value::Null(), TextOrNull(job.error),
         TextOrNull(job.result), Time(job.created_at_micros), Time(job.started_at_micros),
         Time(job.finished_at_micros),
         job.checkpoint.empty() ? Value::Null() : Time(job.checkpointed_at_micros),
         job.estimated_memory_bytes > 0 ? Count(job.estimated_memory_bytes) : Value::Null(),
         job.estimated_disk_bytes > 0 ? Count(job.estimated_disk_bytes) : Value::Null(),
         job.estimated_seconds > 0 ? Value::Real(job.estimated_seconds) : Value::Null()});
  }
  return rows;
}

Result<Rows> LoadEvaluations(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<storage::EvaluationRecord> evaluations,
                         statement.view->ListEvaluations());
  Rows rows;
  for (const storage::EvaluationRecord& one : evaluations) {
    rows.push_back({Count(one.id), Value::Text(ReleaseText(one.model, one.release)),
                    Value::Text(one.split), Value::Text(one.slice), Value::Text(one.metric),
                    Count(one.k), Value::Real(one.value), Value::Real(one.low),
                    Value::Real(one.high), Count(one.num_documents), Json(one.options),
                    Time(one.at_micros)});
  }
  return rows;
}

Result<Rows> LoadRoles(StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const Roles roles, ReadRoles(*statement.view));
  Rows rows;
  rows.reserve(roles.all.size());
  for (const StoredRole& role : roles.all) {
    rows.push_back(
        {Value::Text(role.name), Value::Integer(role.login ? 1 : 0),
         Value::Integer(role.verifier.empty() ? 0 : 1), Value::Text(role.rights.ToString()),
         role.num_connections_max < 0 ? Value::Null() : Value::Integer(role.num_connections_max),
         role.memory_bytes_max == 0 ? Value::Null() : Count(role.memory_bytes_max),
         role.valid_until_micros ? Value::Text(FormatTimestamp(*role.valid_until_micros))
                                 : Value::Null(),
         Json(role.settings)});
  }
  return rows;
}

Result<Rows> LoadSessions(StatementContext& statement) {
  Rows rows;
  for (const SessionActivity& one : statement.database->sessions().All()) {
    rows.push_back({Count(one.id), Value::Text(one.user), TextOrNull(one.client),
                    Value::Text(one.application),
                    Value::Text(std::string(SessionStateName(one.state))),
                    Time(one.state_since_micros), TextOrNull(one.kind), TextOrNull(one.statement),
                    Time(one.opened_at_micros), Time(one.statement_started_at_micros),
                    Time(one.block_started_at_micros), Count(one.memory_bytes)});
  }
  return rows;
}

Result<Rows> LoadSettings(StatementContext& statement) {
  Rows rows;
  for (const SettingInfo& info : Settings::All()) {
    DASHI_ASSIGN_OR_RETURN(std::string value, statement.settings->Get(info.name));
    rows.push_back({Value::Text(std::string(info.name)), Value::Text(std::move(value)),
                    Value::Text(statement.settings->DefaultOf(info)),
                    Value::Integer(info.read_only ? 1 : 0),
                    Value::Text(std::string(info.description))});
  }
  return rows;
}

// The memory of this process that is in use, as the system counts it; 0 where it does not tell.
std::uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<Rows> LoadMemory(StatementContext& statement) {
  storage::Store& store = statement.database->store();
  Rows rows;
  for (const storage::MemoryUsageRow& usage : store.MemoryUsage()) {
    rows.push_back({Value::Text(usage.name), Count(usage.bytes), Value::Text(usage.description)});
  }
  rows.push_back({Value::Text("limit"), Count(store.memory()->limit_bytes()),
                  Value::Text("what all of the above may use together")});
  rows.push_back({Value::Text("statements"),
                  Count(statement.database->role_memory().all()->used_bytes()),
                  Value::Text("what sessions and their statements have allocated beside it")});
  rows.push_back({Value::Text("process"), Count(ResidentBytes()),
                  Value::Text("all of this process, with training and SQL")});
  return rows;
}

Result<Rows> LoadTables(StatementContext& /*statement*/) {
  Rows rows;
  for (const TableDefinition& table : AllTables()) {
    if (table.description != nullptr) {
      rows.push_back({Value::Text(table.name), Value::Integer(table.writable ? 1 : 0),
                      Value::Text(table.description)});
    }
  }
  return rows;
}

Result<Rows> LoadColumns(StatementContext& statement) {
  Rows rows;
  for (const storage::EntityKind kind :
       {storage::EntityKind::kDocument, storage::EntityKind::kLabel}) {
    for (const storage::ColumnRecord* column : statement.schemas.Of(kind)->LiveColumns()) {
      rows.push_back({Value::Text(std::string(EntityTableName(kind))), Value::Text(column->name),
                      Value::Text(ColumnTypeText(*column)), ShownDefault(*column)});
    }
  }
  return rows;
}

Result<Rows> LoadIndexes(StatementContext& statement) {
  Rows rows;
  for (const storage::EntityKind kind :
       {storage::EntityKind::kDocument, storage::EntityKind::kLabel}) {
    const storage::SchemaRecord& schema = *statement.schemas.Of(kind);
    for (const storage::IndexRecord& index : schema.indexes) {
      rows.push_back(
          {Value::Text(index.name), Value::Text(std::string(EntityTableName(kind))),
           Value::Text(schema.FindColumn(index.column)->name),
           Value::Text(index.state == storage::IndexState::kReady ? "ready" : "building")});
    }
  }
  return rows;
}

Result<Rows> LoadComments(StatementContext& statement) {
  Rows rows;
  DASHI_ASSIGN_OR_RETURN(const std::vector<CommentedObject> objects,
                         ListCommentedObjects(*statement.view, statement.schemas, /*kind=*/""));
  for (const CommentedObject& object : objects) {
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> comment, CommentOf(*statement.view, object));
    if (comment) {
      rows.push_back(
          {Value::Text(object.kind), Value::Text(object.name), Value::Text(std::move(*comment))});
    }
  }
  return rows;
}

template <Load kLoad>
std::unique_ptr<VirtualTable> Make(const UserSchemas& /*schemas*/) {
  return std::make_unique<LoadedTable>(kLoad);
}

constexpr TableDefinition kTables[] = {
    {"models",
     "CREATE TABLE t(name TEXT, algorithm TEXT, published INTEGER, releases INTEGER, "
     "retain_releases INTEGER, seal_rows INTEGER, options TEXT, created_at TEXT TIMESTAMP)",
     false, Make<LoadModels>, "what CREATE MODEL declared, and the release that is published"},
    {"releases",
     "CREATE TABLE t(name TEXT, model TEXT, number INTEGER, published INTEGER, "
     "pinned INTEGER, documents INTEGER, labels INTEGER, new_labels INTEGER, "
     "sealed_labels INTEGER, dim INTEGER, "
     "index_kind TEXT, index_state TEXT, index_graph TEXT, refresh_lag REAL, seed INTEGER, "
     "train_seconds REAL, fusion_encoder REAL, fusion_classifier REAL, fusion_ranker REAL, "
     "fusion_votes REAL, metrics TEXT, publications TEXT, "
     "options TEXT, environment TEXT, snapshot_sequence INTEGER, job INTEGER, created_at TEXT "
     "TIMESTAMP)",
     false, Make<LoadReleases>, "what TRAIN MODEL made: weights, embeddings and index"},
    {"release_graphs",
     "CREATE TABLE t(release TEXT, model TEXT, graph TEXT, side TEXT, weight REAL, "
     "edges INTEGER, kept_edges INTEGER, agreement REAL, chance_agreement REAL, "
     "agreement_error REAL)",
     false, Make<LoadReleaseGraphs>, "the graphs that regularised a release's encoder"},
    {"jobs",
     "CREATE TABLE t(id INTEGER, kind TEXT, statement TEXT, model TEXT, state TEXT, phase TEXT, "
     "done INTEGER, total INTEGER, loss REAL, error TEXT, result TEXT, created_at TEXT "
     "TIMESTAMP, started_at TEXT TIMESTAMP, finished_at TEXT TIMESTAMP, checkpointed_at TEXT "
     "TIMESTAMP, "
     "estimated_memory_bytes INTEGER, "
     "estimated_disk_bytes INTEGER, estimated_seconds REAL)",
     false, Make<LoadJobs>, "training jobs and how far they are"},
    {"job_metrics",
     "CREATE TABLE t(job INTEGER, stage TEXT, epoch INTEGER, seconds REAL, loss REAL, "
     "p_at_1 REAL, ndcg_at_5 REAL, psp_at_5 REAL, cluster_seconds REAL, wait_seconds REAL, "
     "step_seconds REAL, of_job INTEGER HIDDEN)",
     false, Make<LoadJobMetrics>, "the epochs of training jobs; job_metrics(3) those of job 3"},
    {"evaluations",
     "CREATE TABLE t(id INTEGER, release TEXT, split TEXT, slice TEXT, metric TEXT, k INTEGER, "
     "value REAL, low REAL, high REAL, documents INTEGER, options TEXT, at TEXT TIMESTAMP)",
     false, Make<LoadEvaluations>, "the results of EVALUATE MODEL"},
    {"memory", "CREATE TABLE t(name TEXT, bytes INTEGER, description TEXT)", false,
     Make<LoadMemory>, "what the database keeps in memory, and its limit"},
    {"storage_figures", "CREATE TABLE t(name TEXT, value INTEGER, description TEXT)", false,
     Make<LoadStorageFigures>, "what the storage engine tells of itself"},
    {"search_times", "CREATE TABLE t(part TEXT, up_to REAL, searches INTEGER, seconds REAL)", false,
     Make<LoadSearchTimes>, "how long the parts of topk took, since the database was opened"},
    {"settings",
     "CREATE TABLE t(name TEXT, value TEXT, default_value TEXT, read_only INTEGER, "
     "description TEXT)",
     false, Make<LoadSettings>, "the settings of this session"},
    {"sessions",
     "CREATE TABLE t(id INTEGER, user TEXT, client TEXT, application_name TEXT, state TEXT, "
     "state_since TEXT TIMESTAMP, kind TEXT, statement TEXT, opened_at TEXT TIMESTAMP, "
     "statement_started_at TEXT TIMESTAMP, transaction_started_at TEXT TIMESTAMP, "
     "memory_bytes INTEGER)",
     false, Make<LoadSessions>, "who has the database open, and what they do"},
    {"roles",
     "CREATE TABLE t(name TEXT, login INTEGER, has_password INTEGER, rights TEXT, "
     "connection_limit INTEGER, memory_limit INTEGER, valid_until TEXT TIMESTAMP, settings TEXT)",
     false, Make<LoadRoles>, "who may log in, and what they may do"},
    {"schedules",
     "CREATE TABLE t(name TEXT, cron TEXT, time_zone TEXT, condition TEXT, statements TEXT, "
     "paused BOOLEAN, next_run TEXT TIMESTAMP, last_run TEXT TIMESTAMP, last_outcome TEXT, "
     "last_reason TEXT, owner TEXT, catch_up TEXT, jitter REAL, retries INTEGER, "
     "retry_wait REAL, created_at TEXT TIMESTAMP)",
     false, Make<LoadSchedules>, "statements that run by themselves, and when"},
    {"schedule_runs",
     "CREATE TABLE t(schedule TEXT, run INTEGER, cause TEXT, due_at TEXT TIMESTAMP, "
     "started_at TEXT TIMESTAMP, finished_at TEXT TIMESTAMP, outcome TEXT, done INTEGER, "
     "retries INTEGER, results TEXT, reason TEXT, sqlstate TEXT)",
     false, Make<LoadScheduleRuns>, "what became of the last 100 runs of each schedule"},
    {"columns", "CREATE TABLE t(\"table\" TEXT, name TEXT, type TEXT, default_value ANY)", false,
     Make<LoadColumns>, "the columns that ALTER TABLE added"},
    {"indexes", "CREATE TABLE t(name TEXT, \"table\" TEXT, \"column\" TEXT, state TEXT)", false,
     Make<LoadIndexes>, "what CREATE INDEX made"},
    {"comments", "CREATE TABLE t(kind TEXT, name TEXT, comment TEXT)", false, Make<LoadComments>,
     "what COMMENT ON says"},
    {"tables", "CREATE TABLE t(name TEXT, writable INTEGER, description TEXT)", false,
     Make<LoadTables>, "this list"},
};

}  // namespace

std::span<const TableDefinition> CatalogTables() { return kTables; }

}  // namespace dashi::sql
