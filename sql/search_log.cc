#include "sql/search_log.h"

#include <algorithm>

#include <fmt/format.h>

namespace dashi::sql {

namespace {

/// Searches that have lines of their own.
constexpr std::uint64_t kShownMax = 10;

std::string FilterLine(const query::SearchSummary& summary, std::uint64_t num_dropped) {
  std::string line = "  filter: ";
  if (summary.num_passing) {
    line += fmt::format("{} of {} rows can pass ({:.3g} %), by an index", *summary.num_passing,
                        summary.num_rows,
                        100.0 * static_cast<double>(*summary.num_passing) /
                            static_cast<double>(std::max<std::size_t>(summary.num_rows, 1)));
  } else {
    line += "no rows ruled out before the search";
  }
  return line + fmt::format("; {} found and dropped", num_dropped);
}

std::string SearchLine(const query::SearchSummary& summary) {
  if (!summary.searched) {
    return "  search: none";
  }
  const index::SearchStatistics& statistics = summary.statistics;
  return fmt::format("  search: {}; visited {}, refills {}; {}",
                     index::SearchPathName(statistics.path), statistics.num_visited,
                     statistics.num_refills, statistics.exact ? "exact" : "approximate");
}

}  // namespace

void SearchLog::Add(std::string_view function, const query::SearchSummary& summary,
                    std::uint64_t num_dropped) {
  if (++num_searches_ > kShownMax) {
    num_more_visited_ += summary.statistics.num_visited;
    num_more_refills_ += summary.statistics.num_refills;
    return;
  }
  lines_.push_back(fmt::format("{}: {}, {} of {} rows{}{}", function, summary.release,
                               summary.index, summary.num_rows,
                               summary.index_state.empty() ? "" : ", " + summary.index_state,
                               summary.index_graph.empty() ? "" : "; " + summary.index_graph));
  if (summary.num_left_out > 0) {
    lines_.push_back(
        fmt::format("  left out: {} rows that others have changed, still being embedded",
                    summary.num_left_out));
  }
  lines_.push_back(FilterLine(summary, num_dropped));
  lines_.push_back(SearchLine(summary));
}

void SearchLog::AddBatch(std::size_t num_searches) {
  ++num_batches_;
  num_batched_ += num_searches;
}

std::vector<std::string> SearchLog::Lines() const {
  std::vector<std::string> lines = lines_;
  if (num_searches_ > kShownMax) {
    lines.push_back(fmt::format("and {} more searches: visited {}, refills {}",
                                num_searches_ - kShownMax, num_more_visited_, num_more_refills_));
  }
  if (num_batches_ > 0) {
    lines.push_back(fmt::format("{} searches were made in {} batches, for rows ahead", num_batched_,
                                num_batches_));
  }
  return lines;
}

}  // namespace dashi::sql
