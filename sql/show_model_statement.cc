#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/object_comments.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"

namespace dashi::sql {

namespace {

using storage::ModelRecord;
using storage::ReleaseGraph;
using storage::ReleaseRecord;

class Properties {
 public:
  void Add(std::string name, std::string value) {
    rows_.push_back({Value::Text(std::move(name)), Value::Text(std::move(value))});
  }
  std::vector<Row> Take() { return std::move(rows_); }

 private:
  std::vector<Row> rows_;
};

std::string PublishedName(const ModelRecord& model) {
  return model.published.empty() ? "none"
                                 : fmt::format("{}@{}", model.name, model.published.back());
}

// What became of a graph, as a sentence.
std::string Describe(const ReleaseGraph& graph) {
  std::string text = fmt::format("weight {:.4g}, {} of {} edges kept", graph.weight, graph.num_kept,
                                 graph.num_edges);
  if (graph.agreement && graph.chance_agreement && graph.agreement_error) {
    text += fmt::format(", agreement with the task {:.3f}, by chance {:.3f}, error {:.3f}",
                        *graph.agreement, *graph.chance_agreement, *graph.agreement_error);
  }
  return graph.weight > 0 ? text : text + ": the graph does not help, and has no part in the model";
}

void AddRelease(const ReleaseRecord& release, Properties* properties) {
  std::string text = fmt::format("of {}, {} documents, {} labels, {:.0f} s",
                                 FormatTimestamp(release.created_at_micros), release.num_documents,
                                 release.num_labels, release.train_seconds);
  for (const char* metric : {"P@1", "PSP@5"}) {
    if (const auto found = release.metrics.find(metric); found != release.metrics.end()) {
      text += fmt::format(", {} {:.4f} on the hold-out", metric, found->second);
    }
  }
  const std::string name = fmt::format("release {}@{}", release.model, release.number);
  properties->Add(name, std::move(text));
  for (const ReleaseGraph& graph : release.graphs) {
    properties->Add(fmt::format("{}, graph {}, {}s", name, graph.graph, graph.side),
                    Describe(graph));
  }
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const ShowModelStatement& show) {
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view, ReadView(session));
  DASHI_ASSIGN_OR_RETURN(const std::optional<ModelRecord> model, view->GetModel(show.model));
  if (!model) {
    return statement.At(
        Status::NotFound("unknown model: " + show.model).WithHint("SHOW MODELS lists them."),
        show.offset);
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<ReleaseRecord> releases, view->ListReleases());
  Properties properties;
  properties.Add("name", model->name);
  properties.Add("algorithm", model->algorithm);
  properties.Add("created_at", FormatTimestamp(model->created_at_micros));
  DASHI_ASSIGN_OR_RETURN(const UserSchemas schemas, UserSchemas::Read(*view));
  DASHI_ASSIGN_OR_RETURN(const CommentedObject object,
                         FindCommentedObject(*view, schemas, "model", model->name));
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::string> comment, CommentOf(*view, object));
  if (comment) {
    properties.Add("comment", *comment);
  }
  properties.Add("published", PublishedName(*model));
  properties.Add("retain_releases", std::to_string(model->retain_releases));
  properties.Add("seal_rows", std::to_string(model->seal_rows));
  for (const auto& [name, value] : model->options) {
    properties.Add("option " + name, value);
  }
  for (const ReleaseRecord& release : releases) {
    if (release.model == model->name) {
      AddRelease(release, &properties);
    }
  }
  return Finished("SHOW", OwnColumns(show), properties.Take());
}

}  // namespace dashi::sql
