#include "sql/plan_analysis.h"

#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "sql/listed_rows.h"

namespace dashi::sql {
namespace {

constexpr double kMsPerSecond = 1000;
constexpr std::string_view kVirtualTable = " VIRTUAL TABLE ";

/// What tells one plan of a table from another; empty for a line that is none of a table of ours.
std::string_view PlanOf(std::string_view line) {
  const std::size_t at = line.find(kVirtualTable);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + kVirtualTable.size());
}

}  // namespace

/// Hands all calls on. While one runs, searches are told to the table's use.
class PlanAnalysis::MeasuredCursor : public VirtualCursor {
 public:
  MeasuredCursor(TableUse* use, std::unique_ptr<VirtualCursor> cursor, StatementContext& statement)
      : use_(*use), cursor_(std::move(cursor)), statement_(statement) {}
  ~MeasuredCursor() override {
    const Call call(*this);
    cursor_.reset();
  }

  Status Filter(int plan, std::string_view plan_text,
                std::span<sqlite3_value*> arguments) override {
    const Call call(*this);
    use_.plan = fmt::format("INDEX {}:{}", plan, plan_text);
    ++use_.num_walks;
    Status status = cursor_->Filter(plan, plan_text, arguments);
    CountRow(status);
    return status;
  }
  Status Next() override {
    const Call call(*this);
    Status status = cursor_->Next();
    CountRow(status);
    return status;
  }
  bool AtEnd() const override { return cursor_->AtEnd(); }
  Status Column(int column, sqlite3_context* context) override {
    const Call call(*this);
    return cursor_->Column(column, context);
  }
  std::int64_t RowId() const override { return cursor_->RowId(); }

 private:
  class Call {
   public:
    explicit Call(MeasuredCursor& cursor)
        : cursor_(cursor),
          outer_(std::exchange(cursor.statement_.searches, &cursor.use_.searches)) {}
    ~Call() {
      cursor_.statement_.searches = outer_;
      cursor_.use_.seconds += stopwatch_.Seconds();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    MeasuredCursor& cursor_;
    SearchLog* const outer_;
    const Stopwatch stopwatch_;
  };

  void CountRow(const Status& status) { use_.num_rows += status.ok() && !cursor_->AtEnd() ? 1 : 0; }

  TableUse& use_;
  std::unique_ptr<VirtualCursor> cursor_;
  StatementContext& statement_;  // Outlives its cursors.
};

std::unique_ptr<VirtualCursor> PlanAnalysis::Measure(std::string_view table,
                                                     std::unique_ptr<VirtualCursor> cursor,
                                                     StatementContext& statement) {
  if (table == kListedRowsTable) {  // No table of the person's.
    return cursor;
  }
  uses_.push_back({});
  uses_.back().table = table;
  const ListedRows* listed = statement.listed;
  uses_.back().of_part = listed == nullptr        ? "a function"
                         : listed->values.empty() ? "RETURNING"
                                                  : "ON CONFLICT";
  return std::make_unique<MeasuredCursor>(&uses_.back(), std::move(cursor), statement);
}

std::vector<std::string> PlanAnalysis::Lines(const std::vector<PlanLine>& plan) const {
  std::vector<std::string> lines;
  std::vector<bool> told(uses_.size(), false);
  const auto tell = [&](const TableUse& use, std::size_t depth, std::string_view text) {
    lines.push_back(fmt::format("{:{}}{} ({} {}, {} rows, {:.3f} ms)", "", depth * 2, text,
                                use.num_walks, use.num_walks == 1 ? "walk" : "walks", use.num_rows,
                                use.seconds * kMsPerSecond));
    for (const std::string& line : use.searches.Lines()) {
      lines.push_back(fmt::format("{:{}}{}", "", depth * 2 + 2, line));
    }
  };
  for (const PlanLine& line : plan) {
    const std::string_view wanted = PlanOf(line.text);
    std::size_t use = 0;
    while (use < uses_.size() && (told[use] || wanted.empty() || uses_[use].plan != wanted)) {
      ++use;
    }
    if (use < uses_.size()) {
      told[use] = true;
      tell(uses_[use], line.depth, line.text);
    } else {
      lines.push_back(fmt::format("{:{}}{}{}", "", line.depth * 2, line.text,
                                  wanted.empty() ? "" : " (never walked)"));
    }
  }
  for (std::size_t use = 0; use < uses_.size(); ++use) {
    if (!told[use] && uses_[use].num_walks > 0) {
      tell(uses_[use], 0,
           fmt::format("in {}: {}{}{}", uses_[use].of_part, uses_[use].table, kVirtualTable,
                       uses_[use].plan));
    }
  }
  return lines;
}

}  // namespace dashi::sql
