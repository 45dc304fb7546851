#include "sql/copy_options.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/copy_format.h"
#include "sql/table_catalog.h"
#include "sql/token.h"

namespace dashi::sql {

namespace {

using storage::DuplicatePolicy;
using storage::EntityKind;

struct NamedColumn {
  std::string_view name;
  CopyColumn column;
};
constexpr NamedColumn kDocumentColumns[] = {
    {"id", CopyColumn::kId}, {"text", CopyColumn::kText}, {"split", CopyColumn::kSplit}};
constexpr NamedColumn kTextColumns[] = {{"id", CopyColumn::kId}, {"text", CopyColumn::kText}};
constexpr NamedColumn kRelevanceColumns[] = {{"document", CopyColumn::kSource},
                                             {"label", CopyColumn::kTarget},
                                             {"weight", CopyColumn::kWeight}};
constexpr NamedColumn kEdgeColumns[] = {
    {"graph", CopyColumn::kGraph},   {"source", CopyColumn::kSource},
    {"target", CopyColumn::kTarget}, {"weight", CopyColumn::kWeight},
    {"clicks", CopyColumn::kClicks}, {"last_seen", CopyColumn::kTime}};
constexpr NamedColumn kClickColumns[] = {{"graph", CopyColumn::kGraph},
                                         {"document", CopyColumn::kSource},
                                         {"label", CopyColumn::kTarget},
                                         {"at", CopyColumn::kTime},
                                         {"event_id", CopyColumn::kEventId}};

struct LoadableTable {
  std::string_view name;
  CopyTarget target;
  std::optional<EntityKind> kind;
  std::span<const NamedColumn> columns;
};

const LoadableTable kTables[] = {
    {"documents", CopyTarget::kRows, EntityKind::kDocument, kDocumentColumns},
    {"labels", CopyTarget::kRows, EntityKind::kLabel, kTextColumns},
    {"anchors", CopyTarget::kRows, EntityKind::kAnchor, kTextColumns},
    {"relevance", CopyTarget::kRelevance, std::nullopt, kRelevanceColumns},
    {"edges", CopyTarget::kEdges, std::nullopt, kEdgeColumns},
    {"clicks", CopyTarget::kClicks, std::nullopt, kClickColumns},
};

constexpr std::string_view kLoadable =
    "It loads documents, labels, anchors, relevance, edges and clicks.";

Status WithNearest(Status status, std::string_view name,
                   std::span<const std::string_view> candidates, std::string_view otherwise) {
  const std::string_view nearest = NearestName(name, candidates);
  if (!nearest.empty()) {
    return std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
  }
  return std::move(status).WithHint(std::string(otherwise));
}

Result<const LoadableTable*> FindLoadable(const ParsedStatement& statement,
                                          const CopyFromStatement& copy) {
  std::vector<std::string_view> names;
  for (const LoadableTable& table : kTables) {
    if (table.name == copy.table) {
      return &table;
    }
    names.push_back(table.name);
  }
  if (FindTable(copy.table) != nullptr) {
    return statement.At(Status::InvalidArgument("COPY does not load this table: " + copy.table)
                            .WithSqlState("42809")
                            .WithHint(std::string(kLoadable)),
                        copy.table_offset);
  }
  return statement.At(
      WithNearest(Status::NotFound("no such table: " + copy.table).WithSqlState("42P01"),
                  copy.table, names, kLoadable),
      copy.table_offset);
}

// Adds the columns that the table has, in order.
void AddAllColumns(const LoadableTable& table, const storage::SchemaRecord* schema,
                   CopyPlan* plan) {
  for (const NamedColumn& column : table.columns) {
    plan->columns.push_back(column.column);
    plan->column_names.emplace_back(column.name);
    plan->user_columns.emplace_back();
  }
  plan->positional_names = plan->column_names;
  if (schema == nullptr) {
    return;
  }
  for (const storage::ColumnRecord* column : schema->LiveColumns()) {
    plan->columns.push_back(CopyColumn::kUser);
    plan->column_names.push_back(column->name);
    plan->user_columns.emplace_back(*column);
  }
}

Status ReadColumns(const ParsedStatement& statement, const CopyFromStatement& copy,
                   const LoadableTable& table, const storage::SchemaRecord* schema,
                   CopyPlan* plan) {
  CopyPlan all;
  AddAllColumns(table, schema, copy.columns.empty() ? plan : &all);
  const std::vector<std::string_view> names(all.column_names.begin(), all.column_names.end());
  for (std::size_t i = 0; i < copy.columns.size(); ++i) {
    const std::string& name = copy.columns[i];
    const std::size_t offset = copy.column_offsets[i];
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return statement.At(
          WithNearest(
              Status::NotFound("table " + copy.table + " has no column to load named " + name)
                  .WithSqlState("42703"),
              name, names,
              "COPY fills id, text, split and columns of your own; document, label and weight; "
              "graph, source, target, weight, clicks and last_seen; or graph, document, label, at "
              "and event_id."),
          offset);
    }
    if (std::find(plan->column_names.begin(), plan->column_names.end(), name) !=
        plan->column_names.end()) {
      return statement.At(
          Status::InvalidArgument("the column is named twice: " + name).WithSqlState("42701"),
          offset);
    }
    const auto position = static_cast<std::size_t>(found - names.begin());
    plan->columns.push_back(all.columns[position]);
    plan->column_names.push_back(name);
    plan->user_columns.push_back(all.user_columns[position]);
  }
  if (!copy.columns.empty()) {
    plan->positional_names = plan->column_names;
  }
  return Status();
}

Status ReadFormat(const OptionNode& option, CopyPlan* plan) {
  DASHI_ASSIGN_OR_RETURN(plan->format.format, ReadFormatOption(option, /*reads=*/true));
  return Status();
}

Status ReadSplit(const OptionNode& option, CopyPlan* plan) {
  if (plan->table != "documents") {
    return Status::InvalidArgument("the option split is for documents only");
  }
  if (option.value != "train" && option.value != "test" && option.value != "valid") {
    return BadOptionValue(option, "train, test or valid");
  }
  plan->format.split = option.value;
  return Status();
}

Status ReadGraph(const OptionNode& option, CopyPlan* plan) {
  if (plan->target != CopyTarget::kEdges && plan->target != CopyTarget::kClicks) {
    return Status::InvalidArgument("the option graph is for edges and clicks only");
  }
  plan->graph = option.value;
  return option.value.empty() ? BadOptionValue(option, "the name of a graph") : Status();
}

Status ReadConflict(const OptionNode& option, CopyPlan* plan) {
  if (plan->target == CopyTarget::kClicks) {
    return Status::InvalidArgument("the option on_conflict is not for clicks, which are added");
  }
  if (option.value == "replace") {
    plan->on_conflict = DuplicatePolicy::kReplace;
  } else if (option.value == "ignore") {
    plan->on_conflict = DuplicatePolicy::kIgnore;
  } else if (option.value != "error") {
    return BadOptionValue(option, "error, replace or ignore");
  }
  return Status();
}

Status ReadUnknown(const OptionNode& option, CopyPlan* plan) {
  plan->ignore_unknown = option.value == "ignore";
  plan->skip_unknown_ends = plan->ignore_unknown && (plan->target == CopyTarget::kEdges ||
                                                     plan->target == CopyTarget::kClicks);
  return plan->ignore_unknown || option.value == "error"
             ? Status()
             : BadOptionValue(option, "error or ignore");
}

Status ReadRejects(const OptionNode& option, CopyPlan* plan) {
  plan->rejects_path = option.value;
  return option.value.empty() ? BadOptionValue(option, "the path of a file") : Status();
}

struct Option {
  std::string_view name;
  Status (*read)(const OptionNode& option, CopyPlan* plan);
};

constexpr Option kOptions[] = {
    {"format", ReadFormat},
    {"unknown", ReadUnknown},
    {"header", [](const OptionNode& option,
                  CopyPlan* plan) { return ReadSwitch(option, &plan->format.header); }},
    {"delimiter", [](const OptionNode& option,
                     CopyPlan* plan) { return ReadDelimiter(option, &plan->format.delimiter); }},
    // Checked when the format is known.
    {"null", [](const OptionNode& /*option*/, CopyPlan* /*plan*/) { return Status(); }},
    {"on_conflict", ReadConflict},
    {"rejects", ReadRejects},
    {"split", ReadSplit},
    {"graph", ReadGraph},
    {"titles_only", [](const OptionNode& option,
                       CopyPlan* plan) { return ReadSwitch(option, &plan->format.titles_only); }},
    {"labels",
     [](const OptionNode& option, CopyPlan* plan) {
       plan->format.labels_path = option.value;
       return Status();
     }},
    {"documents",
     [](const OptionNode& option, CopyPlan* plan) {
       plan->format.documents_path = option.value;
       return Status();
     }},
    {"document_prefix",
     [](const OptionNode& option, CopyPlan* plan) {
       plan->format.document_prefix = option.value;
       return Status();
     }},
};

Status ReadOption(const OptionNode& node, CopyPlan* plan) {
  std::vector<std::string_view> names;
  for (const Option& option : kOptions) {
    if (option.name == node.name) {
      return option.read(node, plan);
    }
    names.push_back(option.name);
  }
  return WithNearest(Status::InvalidArgument("unknown option of COPY: " + node.name), node.name,
                     names, "docs/SQL.md lists the options of COPY.");
}

SqlType TypeOf(CopyColumn column, const std::optional<storage::ColumnRecord>& user) {
  switch (column) {
    case CopyColumn::kWeight:
      return SqlType::kReal;
    case CopyColumn::kClicks:
      return SqlType::kInteger;
    case CopyColumn::kTime:
      return SqlType::kTimestamp;
    case CopyColumn::kUser:
      break;
    default:
      return SqlType::kText;
  }
  switch (user->type) {
    case storage::ColumnType::kInteger:
      return SqlType::kInteger;
    case storage::ColumnType::kReal:
      return SqlType::kReal;
    case storage::ColumnType::kText:
      return SqlType::kText;
    case storage::ColumnType::kBoolean:
      return SqlType::kBoolean;
    case storage::ColumnType::kTimestamp:
      return SqlType::kTimestamp;
    case storage::ColumnType::kVector:
      return SqlType::kVector;
  }
  return SqlType::kUnknown;
}

// The format that an option, the file's name or, of standard input, PostgreSQL's habit says.
Status SettleFormat(const ParsedStatement& statement, const CopyFromStatement& copy,
                    CopyPlan* plan) {
  std::string& format = plan->format.format;
  if (format.empty()) {
    format = copy.from_input ? "tsv" : FormatOfPath(copy.path);
  }
  if (format.empty()) {
    return Status::InvalidArgument("the format is not told by the name of the file: " + copy.path)
        .WithHint("Add WITH (FORMAT jsonl), csv, tsv or xc.");
  }
  if (!copy.from_input && format == "binary") {
    return statement.At(NoBinaryFile("FROM STDIN"), copy.path_offset);
  }
  if (copy.from_input && format == "xc") {
    return statement.At(
        Status::Unimplemented("FORMAT xc is not read from standard input")
            .WithSqlState("0A000")
            .WithHint("It is told by the names of its files: COPY ... FROM 'trn.json.gz'."),
        copy.path_offset);
  }
  return Status();
}

// Options that the chosen format does not have would be ignored silently: refuse them.
Status CheckOptionsFitFormat(const ParsedStatement& statement, const CopyFromStatement& copy,
                             const std::string& format) {
  for (const OptionNode& option : copy.options) {
    const bool delimited =
        option.name == "header" || option.name == "delimiter" || option.name == "null";
    const bool xc = option.name == "titles_only" || option.name == "labels" ||
                    option.name == "documents" || option.name == "document_prefix";
    if ((delimited && format != "csv" && format != "tsv") || (xc && format != "xc")) {
      return statement.At(
          Status::InvalidArgument("the option " + option.name + " is not for FORMAT " + format),
          option.offset);
    }
    if (option.name == "null") {
      Status status = CheckNullOption(option, format);
      if (!status.ok()) {
        return statement.At(std::move(status), option.offset);
      }
    }
  }
  return Status();
}

// A file without names has no column for the graph when the option says it.
Result<CopyPlan> SettleGraph(const CopyFromStatement& copy, CopyPlan plan) {
  std::vector<std::string>& names = plan.positional_names;
  if (copy.columns.empty() && !plan.graph.empty()) {
    std::erase(names, "graph");
  }
  const bool named = std::find(plan.column_names.begin(), plan.column_names.end(), "graph") !=
                     plan.column_names.end();
  if (plan.graph.empty() && !named) {
    return Status::InvalidArgument("COPY does not know the graph")
        .WithHint("Add WITH (graph = 'name'), or a column graph.");
  }
  return plan;
}

}  // namespace

std::string_view CopyColumnName(CopyColumn column) {
  static constexpr std::array<std::string_view, kNumCopyColumns + 1> kNames = {
      "id",     "text", "split", "source",   "target", "weight",
      "clicks", "time", "graph", "event_id", ""};
  return kNames[static_cast<std::size_t>(column)];
}

std::vector<dashi::Column> InputColumns(const CopyPlan& plan) {
  std::vector<dashi::Column> columns;
  columns.reserve(plan.positional_names.size());
  for (const std::string& name : plan.positional_names) {
    const auto at = static_cast<std::size_t>(
        std::find(plan.column_names.begin(), plan.column_names.end(), name) -
        plan.column_names.begin());
    columns.push_back({name, ValueType::kNull, TypeOf(plan.columns[at], plan.user_columns[at])});
  }
  return columns;
}

Result<CopyPlan> PlanCopy(const ParsedStatement& statement, const CopyFromStatement& copy,
                          const UserSchemas& schemas) {
  CopyPlan plan;
  DASHI_ASSIGN_OR_RETURN(const LoadableTable* table, FindLoadable(statement, copy));
  plan.target = table->target;
  plan.kind = table->kind;
  plan.table = table->name;
  plan.format.table = table->name;
  DASHI_RETURN_IF_ERROR(
      ReadColumns(statement, copy, *table, plan.kind ? schemas.Of(*plan.kind) : nullptr, &plan));
  plan.format.format.clear();
  for (const OptionNode& option : copy.options) {
    Status status = ReadOption(option, &plan);
    if (!status.ok()) {
      return statement.At(std::move(status), option.offset);
    }
  }
  DASHI_RETURN_IF_ERROR(SettleFormat(statement, copy, &plan));
  DASHI_RETURN_IF_ERROR(CheckOptionsFitFormat(statement, copy, plan.format.format));
  const bool of_graph = plan.target == CopyTarget::kEdges || plan.target == CopyTarget::kClicks;
  if (of_graph && plan.format.format == "xc") {
    return Status::Unimplemented("FORMAT xc has no " + plan.table)
        .WithHint("Write source, target and weight as tsv.");
  }
  return of_graph ? SettleGraph(copy, std::move(plan)) : std::move(plan);
}

}  // namespace dashi::sql
