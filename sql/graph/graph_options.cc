#include "sql/graph/graph_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "base/nearest_name.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "sql/schema_names.h"
#include "sql/token.h"

namespace dashi::sql {

namespace {

using storage::EntityKind;
using storage::GraphRecord;

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};
constexpr std::uint32_t kEventDaysMax = 36'500;

Result<std::vector<EntityKind>> ReadTables(const ParsedStatement& statement,
                                           const std::vector<TableName>& names) {
  std::vector<EntityKind> tables;
  for (const TableName& table : names) {
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](EntityKind one) {
      return EqualsIgnoreCase(EntityTableName(one), table.name);
    });
    if (kind == kKinds.end()) {
      const std::array<std::string_view, 3> known = {"documents", "labels", "anchors"};
      return statement.At(
          WithNearestName(Status::NotFound("no table for nodes of a graph: " + table.name)
                              .WithSqlState("42P01")
                              .WithHint("Edges lead from and to documents, labels and anchors."),
                          table.name, known),
          table.offset);
    }
    if (std::find(tables.begin(), tables.end(), *kind) != tables.end()) {
      return statement.At(
          Status::InvalidArgument("the table is named twice: " + table.name).WithSqlState("42701"),
          table.offset);
    }
    tables.push_back(*kind);
  }
  return tables;
}

Status BadValue(const OptionNode& option, std::string_view allowed) {
  return Status::InvalidArgument("invalid value for the option " + option.name + ": \"" +
                                 option.value + "\"")
      .WithHint("Allowed: " + std::string(allowed) + ".");
}

Status ReadOption(const OptionNode& option, GraphRecord* graph) {
  if (option.name == "half_life") {
    const std::optional<std::int64_t> micros = ParseLongDuration(option.value);
    if (!micros && option.value != "off") {
      return BadValue(option, "a duration such as '30 days' or '12h', or off");
    }
    graph->half_life_micros = micros.value_or(0);
    return Status();
  }
  if (option.name == "directed") {
    graph->directed =
        EqualsIgnoreCase(option.value, "on") || EqualsIgnoreCase(option.value, "true");
    const bool off =
        EqualsIgnoreCase(option.value, "off") || EqualsIgnoreCase(option.value, "false");
    return graph->directed || off ? Status() : BadValue(option, "on or off");
  }
  if (option.name == "event_days") {
    const char* end = option.value.data() + option.value.size();
    const auto [parsed, error] = std::from_chars(option.value.data(), end, graph->event_days);
    return error == std::errc() && parsed == end && graph->event_days >= 1 &&
                   graph->event_days <= kEventDaysMax
               ? Status()
               : BadValue(option, "1 to 36500");
  }
  static constexpr std::array<std::string_view, 3> kNames = {"half_life", "directed", "event_days"};
  return WithNearestName(Status::InvalidArgument("unknown option of CREATE GRAPH: " + option.name)
                             .WithHint("The options are half_life, directed and event_days."),
                         option.name, kNames);
}

}  // namespace

Result<GraphRecord> ReadGraphDeclaration(const ParsedStatement& statement,
                                         const CreateGraphStatement& create) {
  GraphRecord graph;
  graph.name = create.name;
  if (create.name.empty() || create.name.size() > kSchemaNameBytesMax) {
    return statement.At(Status::InvalidArgument("the name of a graph has 1 to " +
                                                std::to_string(kSchemaNameBytesMax) +
                                                " bytes: got " + std::to_string(create.name.size()))
                            .WithSqlState("42622"),
                        create.name_offset);
  }
  DASHI_ASSIGN_OR_RETURN(graph.sources, ReadTables(statement, create.sources));
  DASHI_ASSIGN_OR_RETURN(graph.targets, ReadTables(statement, create.targets));
  for (const OptionNode& option : create.options) {
    Status status = ReadOption(option, &graph);
    if (!status.ok()) {
      return statement.At(std::move(status), option.offset);
    }
  }
  return graph;
}

}  // namespace dashi::sql
