#include "sql/pg_catalog/catalog_objects.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/entity_columns.h"
#include "sql/object_comments.h"
#include "sql/pg_catalog/builtin_types.h"
#include "sql/pg_catalog/system_relations.h"
#include "sql/ranking_metrics.h"
#include "sql/sqlite_text.h"
#include "sql/table_catalog.h"
#include "sql/table_columns.h"
#include "sql/token.h"
#include "sql/user_column.h"

namespace dashi::sql::pg_catalog {

namespace {

constexpr Oid kBooleanType = 16;
constexpr Oid kBigintType = 20;
constexpr Oid kTextType = 25;
constexpr Oid kDoubleType = 701;
constexpr Oid kSingleArrayType = 1021;
constexpr Oid kTimestamptzType = 1184;
constexpr Oid kRecordType = 2249;

struct SchemaEntry {
  Oid oid;
  std::string_view name;
};
constexpr SchemaEntry kSchemas[] = {{kCatalogSchema, "pg_catalog"},
                                    {kPublicSchema, "public"},
                                    {kInformationSchema, "information_schema"}};

/// The type of a column by the word that TableColumns has for it.
Oid TypeOfWord(std::string_view word) {
  static constexpr std::pair<std::string_view, Oid> kWords[] = {{"INTEGER", kBigintType},
                                                                {"REAL", kDoubleType},
                                                                {"BOOLEAN", kBooleanType},
                                                                {"TIMESTAMP", kTimestamptzType}};
  for (const auto& [name, type] : kWords) {
    if (name == word) {
      return type;
    }
  }
  if (word.starts_with("VECTOR")) {
    return kSingleArrayType;
  }
  return kTextType;  // Also ANY: values of several types.
}

std::string DefaultText(const storage::ColumnRecord& column) {
  const Value shown = ShownDefault(column);
  if (shown.is_null()) {
    return {};
  }
  if (column.type == storage::ColumnType::kBoolean) {
    return shown.integer() != 0 ? "true" : "false";
  }
  if (shown.type() != ValueType::kText) {
    return shown.ToString();
  }
  std::string quoted = "'";
  for (const char c : shown.text()) {
    quoted += c == '\'' ? "''" : std::string(1, c);
  }
  return quoted + "'::" + FormatType(TypeOfWord(ColumnTypeName(column.type)), std::nullopt);
}

// Words that PostgreSQL reserves and that names here may be.
bool IsKeyword(std::string_view name) {
  static constexpr std::string_view kWords[] = {
      "all",   "and",   "any",  "array", "as",     "asc",    "case",   "check",  "column",
      "desc",  "do",    "else", "end",   "false",  "for",    "from",   "group",  "in",
      "into",  "limit", "not",  "null",  "offset", "on",     "or",     "order",  "select",
      "table", "then",  "to",   "true",  "union",  "user",   "using",  "when",   "where",
      "with",  "both",  "cast", "fetch", "grant",  "having", "unique", "window", "default"};
  return std::find(std::begin(kWords), std::end(kWords), name) != std::end(kWords);
}

struct PrimaryKey {
  std::string_view table;
  std::array<std::string_view, 2> columns;
};
constexpr PrimaryKey kPrimaryKeys[] = {{"documents", {"id", ""}},
                                       {"labels", {"id", ""}},
                                       {"anchors", {"id", ""}},
                                       {"relevance", {"document", "label"}}};

struct ForeignKey {
  std::string_view column;
  std::string_view table;
};
constexpr ForeignKey kForeignKeys[] = {{"document", "documents"}, {"label", "labels"}};

/// Whether a table takes arguments. PostgreSQL's own tables only hide tableoid.
bool IsFunction(const TableDefinition& table) {
  const std::vector<TableColumn> arguments = TableArguments(table.name);
  return table.description == nullptr && !arguments.empty() &&
         arguments.front().name != "tableoid" && !std::string_view(table.name).starts_with("dashi");
}

struct ScalarSignature {
  std::string_view name;
  std::vector<std::pair<std::string, Oid>> arguments;
  Oid result;
  char kind = 'f';
};

std::vector<ScalarSignature> ScalarSignatures() {
  std::vector<ScalarSignature> all = {
      {"similarity", {{"a", kTextType}, {"b", kTextType}}, kDoubleType},
      {"similarity", {{"a", kTextType}, {"b", kTextType}, {"options", kTextType}}, kDoubleType},
      {"embed", {{"text", kTextType}}, kTextType},
      {"embed", {{"text", kTextType}, {"options", kTextType}}, kTextType},
      {"propensity", {{"label", kTextType}}, kDoubleType},
      {"propensity", {{"label", kTextType}, {"a", kDoubleType}, {"b", kDoubleType}}, kDoubleType},
      {"sparkline", {{"x", kDoubleType}}, kTextType, 'a'},
  };
  for (const std::string_view name : RankingMetricNames()) {
    if (name == "propensity") {
      continue;
    }
    ScalarSignature metric{
        name, {{"k", kBigintType}, {"rank", kBigintType}, {"relevant", kBooleanType}}, kDoubleType};
    metric.kind = 'a';
    if (name == "psp_at") {
      metric.arguments.emplace_back("propensity", kDoubleType);
    }
    all.push_back(metric);
    metric.arguments.emplace_back("query", kTextType);
    all.push_back(std::move(metric));
  }
  return all;
}

std::vector<CatalogColumn> ParseColumns(std::string_view spec) {
  std::vector<CatalogColumn> columns;
  while (!spec.empty()) {
    const std::size_t comma = spec.find(", ");
    const std::string_view one = spec.substr(0, comma);
    spec = comma == std::string_view::npos ? std::string_view() : spec.substr(comma + 2);
    const std::size_t space = one.find(' ');
    CatalogColumn column;
    column.number = static_cast<std::int32_t>(columns.size()) + 1;
    column.name = one.substr(0, space);
    const BuiltinType* type = FindType(one.substr(space + 1));
    column.type = type == nullptr ? kTextType : type->oid;
    column.not_null = column.number == 1 && column.name == "oid";
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

const CatalogColumn* CatalogRelation::FindColumn(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const CatalogColumn& one) { return one.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

const std::vector<CatalogRelation>& SystemCatalogRelations() {
  static const std::vector<CatalogRelation> relations = [] {
    std::vector<CatalogRelation> all;
    all.reserve(SystemRelations().size());
    for (const SystemRelation& relation : SystemRelations()) {
      all.push_back({relation.oid, relation.schema, relation.name, relation.kind,
                     ParseColumns(relation.columns)});
    }
    return all;
  }();
  return relations;
}

std::string QuotedIdentifier(std::string_view name) {
  const bool plain =
      !name.empty() && (name.front() < '0' || name.front() > '9') &&
      std::all_of(
          name.begin(), name.end(),
          [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }) &&
      !IsKeyword(name);
  return plain ? std::string(name) : QuotedName(name);
}

std::string_view SchemaName(Oid schema) {
  const auto* found = std::find_if(std::begin(kSchemas), std::end(kSchemas),
                                   [&](const SchemaEntry& one) { return one.oid == schema; });
  return found == std::end(kSchemas) ? std::string_view() : found->name;
}

Oid FindSchema(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSchemas), std::end(kSchemas),
                                   [&](const SchemaEntry& one) { return one.name == name; });
  return found == std::end(kSchemas) ? 0 : found->oid;
}

Oid CatalogObjects::NewOid(std::string_view kind, std::string_view name) const {
  Oid oid = OidOf(kind, name);
  while (!taken_.emplace(oid, name).second) {
    ++oid;
  }
  return oid;
}

Result<CatalogObjects> CatalogObjects::Read(StatementContext& statement) {
  CatalogObjects objects;
  objects.database_ = statement.database->name();
  DASHI_ASSIGN_OR_RETURN(objects.roles_, ListRoles(statement));
  objects.AddRelations(statement);
  objects.AddIndexes(statement.schemas);
  objects.AddForeignKeys();
  objects.schemas_ = statement.schemas;
  return objects;
}

// Tables that are written are tables here, those that are only read are views.
void CatalogObjects::AddRelations(const StatementContext& statement) {
  for (const TableDefinition& table : AllTables()) {
    if (table.description == nullptr) {
      continue;
    }
    CatalogRelation relation;
    relation.name = table.name;
    relation.oid = NewOid("table", table.name);
    relation.kind = table.writable ? 'r' : 'v';
    for (const TableColumn& column : TableColumns(table.name, statement.schemas)) {
      CatalogColumn added;
      added.number = static_cast<std::int32_t>(relation.columns.size()) + 1;
      added.name = column.name;
      added.type = TypeOfWord(column.type);
      relation.columns.push_back(std::move(added));
    }
    const bool documents = relation.name == "documents";
    const auto& schema = documents ? statement.schemas.documents : statement.schemas.labels;
    if (table.user_columns != nullptr && schema != nullptr) {
      const auto live = schema->LiveColumns();
      const std::size_t num_built_in = relation.columns.size() - live.size();
      for (std::size_t i = 0; i < live.size(); ++i) {
        CatalogColumn& column = relation.columns[num_built_in + i];
        column.number =
            static_cast<std::int32_t>(num_built_in + 1 + live[i]->number - storage::kUserColumnMin);
        column.default_text = DefaultText(*live[i]);
      }
    }
    relations_.push_back(std::move(relation));
  }
}

void CatalogObjects::AddIndexes(const UserSchemas& schemas) {
  for (const PrimaryKey& key : kPrimaryKeys) {
    const auto relation =
        std::find_if(relations_.begin(), relations_.end(),
                     [&](const CatalogRelation& one) { return one.name == key.table; });
    CatalogIndex index;
    index.name = relation->name + "_pkey";
    index.relation = relation->oid;
    index.primary = true;
    for (const std::string_view name : key.columns) {
      const auto column = std::find_if(relation->columns.begin(), relation->columns.end(),
                                       [&](const CatalogColumn& one) { return one.name == name; });
      if (column != relation->columns.end()) {
        column->not_null = true;
        index.columns.push_back(column->number);
      }
    }
    index.oid = NewOid("index", index.name);
    CatalogConstraint constraint;
    constraint.oid = NewOid("constraint", index.name);
    constraint.name = index.name;
    constraint.relation = relation->oid;
    constraint.columns = index.columns;
    constraint.index = index.oid;
    constraints_.push_back(std::move(constraint));
    indexes_.push_back(std::move(index));
  }
  for (const storage::EntityKind kind :
       {storage::EntityKind::kDocument, storage::EntityKind::kLabel}) {
    const CatalogRelation* relation = FindRelation("public", storage::EntityTableName(kind));
    const storage::SchemaRecord& schema = *schemas.Of(kind);
    for (const storage::IndexRecord& record : schema.indexes) {
      const CatalogColumn* column = relation->FindColumn(schema.FindColumn(record.column)->name);
      CatalogIndex index;
      index.name = record.name;
      index.oid = NewOid("index", record.name);
      index.relation = relation->oid;
      index.columns = {column->number};
      index.valid = record.state == storage::IndexState::kReady;
      indexes_.push_back(std::move(index));
    }
  }
}

void CatalogObjects::AddForeignKeys() {
  const CatalogRelation* relevance = FindRelation("public", "relevance");
  for (const ForeignKey& key : kForeignKeys) {
    const CatalogRelation* target = FindRelation("public", key.table);
    CatalogConstraint constraint;
    constraint.name = fmt::format("relevance_{}_fkey", key.column);
    constraint.oid = NewOid("constraint", constraint.name);
    constraint.kind = 'f';
    constraint.relation = relevance->oid;
    constraint.columns = {relevance->FindColumn(key.column)->number};
    constraint.index = FindIndex(std::string(key.table) + "_pkey")->oid;
    constraint.foreign_relation = target->oid;
    constraint.foreign_columns = {target->FindColumn("id")->number};
    constraints_.push_back(std::move(constraint));
  }
}

Result<std::vector<CatalogComment>> ReadComments(const CatalogObjects& objects,
                                                 const StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<CommentedObject> commented,
                         ListCommentedObjects(*statement.view, statement.schemas, /*kind=*/""));
  std::vector<CatalogComment> comments;
  for (const CommentedObject& object : commented) {
    DASHI_ASSIGN_OR_RETURN(std::optional<std::string> text, CommentOf(*statement.view, object));
    if (!text) {
      continue;
    }
    CatalogComment comment;
    comment.text = std::move(*text);
    if (object.kind == "index") {
      const CatalogIndex* index = objects.FindIndex(object.name);
      comment.object = index == nullptr ? 0 : index->oid;
    } else if (object.kind == "table" || object.kind == "column") {
      const std::size_t dot = object.name.find('.');
      const CatalogRelation* relation = objects.FindRelation("public", object.name.substr(0, dot));
      const CatalogColumn* column = relation == nullptr || dot == std::string::npos
                                        ? nullptr
                                        : relation->FindColumn(object.name.substr(dot + 1));
      comment.object = relation == nullptr ? 0 : relation->oid;
      comment.column = column == nullptr ? 0 : column->number;
    }
    if (comment.object != 0) {  // Graphs and models are no objects of PostgreSQL's.
      comments.push_back(std::move(comment));
    }
  }
  return comments;
}

const std::vector<CatalogFunction>& CatalogObjects::functions() const {
  if (!functions_) {
    functions_ = MakeFunctions();
  }
  return *functions_;
}

std::vector<CatalogFunction> CatalogObjects::MakeFunctions() const {
  std::vector<CatalogFunction> functions;
  functions.reserve(AllTables().size());
  for (const TableDefinition& table : AllTables()) {
    if (!IsFunction(table)) {
      continue;
    }
    CatalogFunction function;
    function.name = table.name;
    function.oid = NewOid("function", table.name);
    function.returns_rows = true;
    function.result = kRecordType;
    const std::vector<TableColumn> shown = TableColumns(table.name, schemas_);
    for (const TableColumn& column : shown) {
      CatalogColumn added;
      added.number = static_cast<std::int32_t>(function.result_columns.size()) + 1;
      added.name = column.name;
      added.type = TypeOfWord(column.type);
      function.result_columns.push_back(std::move(added));
    }
    for (const TableColumn& argument : TableArguments(table.name)) {
      function.argument_names.push_back(argument.name);
      function.argument_types.push_back(TypeOfWord(argument.type));
    }
    functions.push_back(std::move(function));
  }
  for (const ScalarSignature& scalar : ScalarSignatures()) {
    CatalogFunction function;
    function.name = scalar.name;
    function.kind = scalar.kind;
    function.result = scalar.result;
    for (const auto& [name, type] : scalar.arguments) {
      function.argument_names.push_back(name);
      function.argument_types.push_back(type);
    }
    function.oid = NewOid("function", fmt::format("{}/{}", scalar.name, scalar.arguments.size()));
    functions.push_back(std::move(function));
  }
  return functions;
}

const CatalogRelation* CatalogObjects::FindRelation(Oid oid) const {
  for (const auto* list : {&relations_, &SystemCatalogRelations()}) {
    for (const CatalogRelation& relation : *list) {
      if (relation.oid == oid) {
        return &relation;
      }
    }
  }
  return nullptr;
}

const CatalogRelation* CatalogObjects::FindRelation(std::string_view schema,
                                                    std::string_view name) const {
  for (const auto* list : {&relations_, &SystemCatalogRelations()}) {
    for (const CatalogRelation& relation : *list) {
      if (relation.name == name && SchemaName(relation.schema) == schema) {
        return &relation;
      }
    }
  }
  return nullptr;
}

const CatalogIndex* CatalogObjects::FindIndex(Oid oid) const {
  const auto found = std::find_if(indexes_.begin(), indexes_.end(),
                                  [&](const CatalogIndex& one) { return one.oid == oid; });
  return found == indexes_.end() ? nullptr : &*found;
}

const CatalogIndex* CatalogObjects::FindIndex(std::string_view name) const {
  const auto found = std::find_if(indexes_.begin(), indexes_.end(), [&](const CatalogIndex& one) {
    return EqualsIgnoreCase(one.name, name);
  });
  return found == indexes_.end() ? nullptr : &*found;
}

const CatalogConstraint* CatalogObjects::FindConstraint(Oid oid) const {
  const auto found = std::find_if(constraints_.begin(), constraints_.end(),
                                  [&](const CatalogConstraint& one) { return one.oid == oid; });
  return found == constraints_.end() ? nullptr : &*found;
}

const CatalogFunction* CatalogObjects::FindFunction(Oid oid) const {
  const auto found = std::find_if(functions().begin(), functions().end(),
                                  [&](const CatalogFunction& one) { return one.oid == oid; });
  return found == functions().end() ? nullptr : &*found;
}

std::string CatalogObjects::RoleName(Oid oid) const {
  const auto found =
      std::find_if(roles_.begin(), roles_.end(), [&](const Role& one) { return one.oid == oid; });
  return found == roles_.end() ? fmt::format("unknown (OID={})", oid) : found->name;
}

}  // namespace dashi::sql::pg_catalog
