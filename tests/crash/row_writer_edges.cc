#include <cstdlib>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "tests/crash/row_writer.h"

namespace dashi::crash {

namespace {

// Few, so that edges are met again and again.
constexpr std::uint64_t kNumEndDocuments = 12;
constexpr std::uint64_t kNumEndLabels = 8;

std::uint64_t ClicksOf(const Rows& rows, const RelevanceIds& ends) {
  const auto edge = rows.find(EdgeKey(ends.document, ends.label));
  return edge == rows.end() ? 0 : std::strtoull(edge->second.c_str(), nullptr, 10);
}

void SetClicks(const RelevanceIds& ends, std::uint64_t clicks, Rows* rows) {
  (*rows)[EdgeKey(ends.document, ends.label)] = std::to_string(clicks);
}

}  // namespace

std::optional<RelevanceIds> RowWriter::RandomEnds(const Rows& rows) {
  RelevanceIds ends{RandomId("d", kNumEndDocuments), RandomId("l", kNumEndLabels)};
  return rows.contains(DocumentKey(ends.document)) && rows.contains(LabelKey(ends.label))
             ? std::optional<RelevanceIds>(std::move(ends))
             : std::nullopt;
}

std::optional<RowWriter::Plan> RowWriter::PlanAddClicks(const Rows& rows) {
  Plan plan{"INSERT INTO edges (graph, source, target, clicks) VALUES ", rows};
  bool any = false;
  for (std::uint64_t left = random_.Uniform(6) + 1; left > 0; --left) {
    const std::optional<RelevanceIds> ends = RandomEnds(rows);
    if (!ends) {
      continue;
    }
    const std::uint64_t clicks = random_.Uniform(3) + 1;
    plan.sql += fmt::format("{}('{}', {}, {}, {})", any ? ", " : "", kClickGraph,
                            Quoted(ends->document), Quoted(ends->label), clicks);
    SetClicks(*ends, ClicksOf(plan.after, *ends) + clicks, &plan.after);
    any = true;
  }
  plan.sql += " ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks";
  return any ? std::optional<Plan>(std::move(plan)) : std::nullopt;
}

std::optional<RowWriter::Plan> RowWriter::PlanPutOrDeleteEdge(const Rows& rows) {
  const std::optional<RelevanceIds> ends = RandomEnds(rows);
  if (!ends) {
    return std::nullopt;
  }
  Plan plan{"", rows};
  if (random_.Uniform(2) == 0) {
    plan.sql = fmt::format("DELETE FROM edges WHERE graph = '{}' AND source = {} AND target = {}",
                           kClickGraph, Quoted(ends->document), Quoted(ends->label));
    plan.after.erase(EdgeKey(ends->document, ends->label));
    return plan;
  }
  const std::uint64_t clicks = random_.Uniform(100) + 1;
  plan.sql = fmt::format(
      "INSERT OR REPLACE INTO edges (graph, source, target, clicks) VALUES ('{}', {}, {}, {})",
      kClickGraph, Quoted(ends->document), Quoted(ends->label), clicks);
  SetClicks(*ends, clicks, &plan.after);
  return plan;
}

// Clicks are added: what a load does must not happen twice.
std::optional<RowWriter::Plan> RowWriter::PlanLoadClicks(const Rows& rows,
                                                         std::uint64_t num_clicks) {
  const std::string path = LoadPath("clicks.tsv");
  Plan plan{fmt::format("COPY clicks (document, label, at) FROM {} WITH (graph = '{}')",
                        Quoted(path), kClickGraph),
            rows};
  std::ofstream file(path);
  bool any = false;
  for (std::uint64_t left = num_clicks; left > 0; --left) {
    if (const std::optional<RelevanceIds> ends = RandomEnds(rows)) {
      file << ends->document << '\t' << ends->label << "\t2026-11-27T00:00:00Z\n";
      SetClicks(*ends, ClicksOf(plan.after, *ends) + 1, &plan.after);
      any = true;
    }
  }
  return any ? std::optional<Plan>(std::move(plan)) : std::nullopt;
}

}  // namespace dashi::crash
