#include "sql/object_comments.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/schema_names.h"
#include "sql/table_catalog.h"
#include "sql/table_columns.h"
#include "sql/token.h"

namespace dashi::sql {
namespace {

using storage::EntityKind;

class ObjectList {
 public:
  explicit ObjectList(std::string_view kind) : kind_(kind) {}

  bool Wants(std::string_view kind) const { return kind_.empty() || kind_ == kind; }
  /// `key` tells it from all others of its kind, those that are gone included.
  void Add(std::string_view kind, std::string name, std::string_view key) {
    objects_.push_back(
        {std::string(kind), std::move(name), fmt::format("comment.{}.{}", kind, key)});
  }
  std::vector<CommentedObject> Take() { return std::move(objects_); }

 private:
  const std::string_view kind_;
  std::vector<CommentedObject> objects_;
};

void AddTables(ObjectList* list) {
  for (const TableDefinition& table : AllTables()) {
    if (table.description != nullptr) {
      list->Add("table", table.name, table.name);
    }
  }
}

const storage::SchemaRecord* SchemaOf(std::string_view table, const UserSchemas& schemas) {
  return table == "documents" ? schemas.documents.get()
         : table == "labels"  ? schemas.labels.get()
                              : nullptr;
}

void AddColumns(const UserSchemas& schemas, ObjectList* list) {
  for (const TableDefinition& table : AllTables()) {
    const storage::SchemaRecord* schema = SchemaOf(table.name, schemas);
    for (const TableColumn& column : TableColumns(table.name, schemas)) {
      std::string name = fmt::format("{}.{}", table.name, column.name);
      const storage::ColumnRecord* own =
          schema == nullptr ? nullptr : schema->FindColumn(column.name);
      const std::string key = own == nullptr ? name : fmt::format("{}.{}", table.name, own->number);
      list->Add("column", std::move(name), key);
    }
  }
}

void AddIndexes(const UserSchemas& schemas, ObjectList* list) {
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    for (const storage::IndexRecord& index : schemas.Of(kind)->indexes) {
      list->Add("index", index.name, std::to_string(index.number));
    }
  }
}

Status NoSuchObject(std::string_view kind, std::string_view name,
                    const std::vector<CommentedObject>& objects) {
  const std::string_view state = kind == "table" ? "42P01" : kind == "column" ? "42703" : "42704";
  std::vector<std::string_view> names;
  names.reserve(objects.size());
  for (const CommentedObject& object : objects) {
    names.push_back(object.name);
  }
  return WithNearestName(
      Status::NotFound(fmt::format("no such {}: {}", kind, name)).WithSqlState(state), name, names);
}

}  // namespace

Result<std::vector<CommentedObject>> ListCommentedObjects(const storage::View& view,
                                                          const UserSchemas& schemas,
                                                          std::string_view kind) {
  ObjectList list(kind);
  if (list.Wants("table")) {
    AddTables(&list);
  }
  if (list.Wants("column")) {
    AddColumns(schemas, &list);
  }
  if (list.Wants("index")) {
    AddIndexes(schemas, &list);
  }
  if (list.Wants("graph")) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<storage::GraphRecord> graphs, view.ListGraphs());
    for (const storage::GraphRecord& graph : graphs) {
      list.Add("graph", graph.name, std::to_string(graph.number));
    }
  }
  if (list.Wants("model")) {
    DASHI_ASSIGN_OR_RETURN(const std::vector<storage::ModelRecord> models, view.ListModels());
    for (const storage::ModelRecord& model : models) {
      list.Add("model", model.name, fmt::format("{}.{}", model.name, model.created_at_micros));
    }
  }
  return list.Take();
}

Result<CommentedObject> FindCommentedObject(const storage::View& view, const UserSchemas& schemas,
                                            std::string_view kind, std::string_view name) {
  DASHI_ASSIGN_OR_RETURN(std::vector<CommentedObject> objects,
                         ListCommentedObjects(view, schemas, kind));
  const bool case_counts = kind == "graph" || kind == "model";
  const auto found = std::find_if(objects.begin(), objects.end(), [&](const auto& object) {
    return case_counts ? object.name == name : EqualsIgnoreCase(object.name, name);
  });
  if (found == objects.end()) {
    return NoSuchObject(kind, name, objects);
  }
  return std::move(*found);
}

Result<std::optional<std::string>> CommentOf(const storage::View& view,
                                             const CommentedObject& object) {
  DASHI_ASSIGN_OR_RETURN(std::optional<std::string> comment, view.GetSetting(object.setting));
  return comment && !comment->empty() ? comment : std::nullopt;
}

}  // namespace dashi::sql
