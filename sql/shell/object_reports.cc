#include "sql/shell/object_reports.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/shell/ascii_case.h"
#include "sql/shell/display_width.h"
#include "sql/shell/sql_quoting.h"
#include "sql/shell/text_plot.h"

namespace dashi {

namespace {

using Rows = ScriptRunner::Rows;

constexpr std::int64_t kEvaluatedRanksMax = 5;

// The types that columns of one's own were given: a result tells only what values look like, and a
// timestamp looks like text.
Result<std::map<std::string, std::string>> GivenTypes(const std::string& table,
                                                      ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(
      const Rows found,
      runner.Query(fmt::format("SELECT name, type FROM columns WHERE \"table\" = {} COLLATE NOCASE",
                               QuotedText(table))));
  std::map<std::string, std::string> types;
  for (const Row& row : found.rows) {
    types.emplace(row.at(0).text(), row.at(1).text());
  }
  return types;
}

// Asked first, because a statement that fails would end a transaction block.
Status RequireTable(const std::string& table, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(const Rows tables, runner.Query("SELECT name FROM tables"));
  std::vector<std::string_view> names;
  names.reserve(tables.rows.size());
  for (const Row& row : tables.rows) {
    names.push_back(row.at(0).text());
    if (EqualsIgnoringCase(names.back(), table)) {
      return Status();
    }
  }
  const std::string_view nearest = NearestName(table, names);
  return Status::NotFound(fmt::format("there is no such table: {}", table))
      .WithSqlState("42P01")
      .WithHint(nearest.empty() ? "\\dt lists them."
                                : fmt::format("Perhaps you meant \"{}\".", nearest));
}

Result<Rows> ColumnsOf(const std::string& table, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(const Rows empty, runner.Query(fmt::format("SELECT * FROM {} LIMIT 0",
                                                                    QuotedIdentifier(table))));
  DASHI_ASSIGN_OR_RETURN(const auto given, GivenTypes(table, runner));
  Rows columns;
  columns.columns = {{"column", ValueType::kText}, {"type", ValueType::kText}};
  columns.rows.reserve(empty.columns.size());
  for (const Column& column : empty.columns) {
    const auto found = given.find(column.name);
    const std::string_view type = found != given.end() ? std::string_view(found->second)
                                  : column.type == ValueType::kNull ? ""
                                                                    : ValueTypeName(column.type);
    columns.rows.push_back({Value::Text(column.name), Value::Text(std::string(type))});
  }
  return columns;
}

Result<std::string> IndexLines(const std::string& table, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(
      const Rows indexes,
      runner.Query(fmt::format("SELECT name, \"column\", state FROM indexes "
                               "WHERE \"table\" = {} COLLATE NOCASE ORDER BY name",
                               QuotedText(table))));
  std::string lines = indexes.rows.empty() ? "" : "Indexes:\n";
  for (const Row& row : indexes.rows) {
    lines += PrintableText(fmt::format("    {} ({}), {}\n", row.at(0).ToString(),
                                       row.at(1).ToString(), row.at(2).ToString()));
  }
  return lines;
}

bool DrawsPictures(ScriptRunner& runner) { return runner.options().format == OutputFormat::kTable; }

// One row, a line a value.
Status WriteExpanded(const Rows& rows, ScriptRunner& runner, ByteSink& sink) {
  const Expanded before = std::exchange(runner.options().expanded, Expanded::kOn);
  Status written = runner.WriteRows(rows, sink);
  runner.options().expanded = before;
  return written;
}

double RealOrNan(const Value& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.real();
}

// The losses of a job's stages, one picture a stage.
Result<std::string> LossPictures(const std::string& job, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(
      const Rows epochs,
      runner.Query(fmt::format("SELECT stage, epoch, loss FROM job_metrics({})", job)));
  std::string pictures;
  for (std::size_t begin = 0; begin < epochs.rows.size();) {
    const std::string stage = epochs.rows[begin].at(0).ToString();
    const auto first = static_cast<std::size_t>(epochs.rows[begin].at(1).integer());
    std::vector<double> losses;
    losses.reserve(epochs.rows.size());
    for (; begin < epochs.rows.size() && epochs.rows[begin].at(0).ToString() == stage; ++begin) {
      losses.push_back(RealOrNan(epochs.rows[begin].at(2)));
    }
    const std::string curve = PlotCurve(losses, first, TerminalWidth());
    if (losses.size() > 1 && !curve.empty()) {
      pictures += fmt::format("\n{}: loss by epoch\n{}", PrintableText(stage), curve);
    }
  }
  return pictures;
}

// The newest P@k of each slice and split.
Result<std::string> PrecisionPictures(const std::string& release, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(
      const Rows found,
      runner.Query(fmt::format(
          "SELECT split, slice, k, value, low, high, max(id) FROM evaluations WHERE release = {} "
          "AND metric = 'P' AND k <= {} AND documents > 0 GROUP BY split, slice, k "
          "ORDER BY split, k, instr('all head torso tail new', slice)",
          QuotedText(release), kEvaluatedRanksMax)));
  std::string pictures;
  for (std::size_t begin = 0; begin < found.rows.size();) {
    const std::string split = found.rows[begin].at(0).ToString();
    std::vector<PlotBar> bars;
    bars.reserve(found.rows.size());
    for (; begin < found.rows.size() && found.rows[begin].at(0).ToString() == split; ++begin) {
      const Row& row = found.rows[begin];
      PlotBar bar;
      bar.name = PrintableText(fmt::format("P@{} {}", row.at(2).ToString(), row.at(1).ToString()));
      bar.value = row.at(3).real();
      if (!row.at(4).is_null() && !row.at(5).is_null()) {
        bar.low = row.at(4).real();
        bar.high = row.at(5).real();
      }
      bars.push_back(std::move(bar));
    }
    pictures += fmt::format("\nprecision on '{}'\n{}", PrintableText(split),
                            PlotBars(bars, TerminalWidth()));
  }
  return pictures;
}

Status ShowTable(ScriptRunner& runner, const std::function<Status(ByteSink&)>& write) {
  DASHI_RETURN_IF_ERROR(runner.Show(write));
  return runner.Space();
}

}  // namespace

Status DescribeTable(const std::string& table, ScriptRunner& runner) {
  DASHI_RETURN_IF_ERROR(RequireTable(table, runner));
  DASHI_ASSIGN_OR_RETURN(const Rows columns, ColumnsOf(table, runner));
  DASHI_ASSIGN_OR_RETURN(const std::string indexes, IndexLines(table, runner));
  return ShowTable(runner, [&](ByteSink& sink) {
    DASHI_RETURN_IF_ERROR(runner.WriteRows(columns, sink));
    return DrawsPictures(runner) ? sink.Write(indexes) : Status();
  });
}

Status DescribeRelease(const std::string& release, ScriptRunner& runner) {
  DASHI_ASSIGN_OR_RETURN(
      const Rows rows,
      runner.Query(fmt::format("SELECT * FROM releases WHERE name = {}", QuotedText(release))));
  if (rows.rows.empty()) {
    return Status::NotFound("there is no such release: " + release)
        .WithSqlState("42704")
        .WithHint("\\dr lists them.");
  }
  std::string pictures;
  if (DrawsPictures(runner)) {
    DASHI_ASSIGN_OR_RETURN(pictures, PrecisionPictures(release, runner));
  }
  return ShowTable(runner, [&](ByteSink& sink) {
    DASHI_RETURN_IF_ERROR(WriteExpanded(rows, runner, sink));
    return sink.Write(pictures);
  });
}

Status DescribeJob(const std::string& job, ScriptRunner& runner) {
  const bool is_number =
      !job.empty() && job.size() < 19 && job.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) {
    return Status::InvalidArgument("\\dj takes the number of a job, not " + job);
  }
  DASHI_ASSIGN_OR_RETURN(const Rows rows,
                         runner.Query(fmt::format("SELECT * FROM jobs WHERE id = {}", job)));
  if (rows.rows.empty()) {
    return Status::NotFound("there is no such job: " + job)
        .WithSqlState("42704")
        .WithHint("\\dj lists them.");
  }
  std::string pictures;
  if (DrawsPictures(runner)) {
    DASHI_ASSIGN_OR_RETURN(pictures, LossPictures(job, runner));
  }
  return ShowTable(runner, [&](ByteSink& sink) {
    DASHI_RETURN_IF_ERROR(WriteExpanded(rows, runner, sink));
    return sink.Write(pictures);
  });
}

}  // namespace dashi
