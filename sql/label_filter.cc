#include "sql/label_filter.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/index_range.h"
#include "sql/interruption.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::ColumnType;
using storage::EntityKind;
using storage::OrderedRange;

/// Entries of an index between two questions whether to stop.
constexpr std::uint64_t kEntriesPerPoll = 4096;
/// How many index entries are walked in the time in which a search finds one row, reads it and
/// drops it: measured, .24 us against 8 to 10 (docs/BENCHMARKS.md, *Filtered search*).
constexpr double kEntriesPerRow = 32.0;

const storage::IndexRecord* IndexOf(const storage::SchemaRecord& schema,
                                    const ColumnRecord& column) {
  const auto found = std::find_if(
      schema.indexes.begin(), schema.indexes.end(), [&](const storage::IndexRecord& index) {
        return index.column == column.number && index.state == storage::IndexState::kReady;
      });
  return found == schema.indexes.end() ? nullptr : &*found;
}

bool HasRange(const ColumnTest& test) {
  static constexpr std::string_view kOperators[] = {
      "=", "IS", "<", "<=", ">", ">=", "ISNULL", "NOTNULL"};
  return std::find(std::begin(kOperators), std::end(kOperators), test.op) != std::end(kOperators);
}

// The ranges of a test over a column; nullopt when it has none.
std::optional<std::vector<OrderedRange>> RangesOf(const ColumnFilter::BoundTest& bound,
                                                  const ColumnRecord& column) {
  const bool text = column.type == ColumnType::kText || column.type == ColumnType::kTimestamp;
  const bool in = bound.test.op == "IN";
  if ((!in && !HasRange(bound.test)) || (text && bound.test.collation != "BINARY")) {
    return std::nullopt;
  }
  std::vector<OrderedRange> ranges;
  for (const Value& value : bound.values) {
    if (std::optional<OrderedRange> range = RangeFor(column, in ? "=" : bound.test.op, value)) {
      ranges.push_back(std::move(*range));
    }
  }
  return ranges;
}

}  // namespace

Result<LabelFilter> LabelFilter::Make(const StatementContext& statement,
                                      const ColumnFilter& filter) {
  LabelFilter made;
  const storage::SchemaRecord& schema = *statement.schemas.labels;
  if (filter.empty() || schema.indexes.empty()) {
    return made;
  }
  for (const ColumnFilter::BoundTest& bound : filter.tests()) {
    for (const ColumnRecord* column : schema.LiveColumns()) {
      const storage::IndexRecord* index = IndexOf(schema, *column);
      if (index == nullptr || bound.test.column != TestName(*column)) {
        continue;
      }
      auto ranges = RangesOf(bound, *column);
      if (!ranges) {
        continue;
      }
      TestedIndex tested{index->number, std::move(*ranges), 0};
      for (const OrderedRange& range : tested.ranges) {
        DASHI_ASSIGN_OR_RETURN(
            const std::uint64_t entries,
            statement.view->EstimateIndexEntries(EntityKind::kLabel, index->number, range));
        tested.num_entries += entries;
      }
      made.indexes_.push_back(std::move(tested));
    }
  }
  std::stable_sort(
      made.indexes_.begin(), made.indexes_.end(),
      [](const TestedIndex& a, const TestedIndex& b) { return a.num_entries < b.num_entries; });
  return made;
}

Result<index::RowSet> LabelFilter::ReadEntries(const StatementContext& statement,
                                               const TestedIndex& tested) {
  index::RowSet labels;
  std::uint64_t num_entries = 0;
  for (const OrderedRange& range : tested.ranges) {
    const auto entries = statement.view->ScanIndex(tested.index, range);
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, entries->Next());
      if (!more) {
        break;
      }
      labels.Add(ToInteger(entries->ordinal()));
      if (++num_entries % kEntriesPerPoll == 0) {
        DASHI_RETURN_IF_ERROR(statement.interruption->ToStatus());
      }
    }
  }
  return labels;
}

Result<std::shared_ptr<const index::RowSet>> LabelFilter::LookUp(const StatementContext& statement,
                                                                 std::size_t num_wanted) {
  if (indexes_.empty()) {
    return can_pass_;
  }
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t rows,
                         statement.view->EstimateRows(EntityKind::kLabel));
  while (num_read_ < indexes_.size()) {
    // Without the index searches walk about num_wanted / share rows.
    const auto entries = static_cast<double>(indexes_[num_read_].num_entries);
    const double dropping =
        kEntriesPerRow * static_cast<double>(num_wanted) * static_cast<double>(rows);
    if (entries * entries > dropping) {
      break;
    }
    DASHI_RETURN_IF_ERROR(LookUpMore(statement).status());
  }
  return can_pass_;
}

std::optional<std::uint64_t> LabelFilter::num_dropped_max() const {
  if (num_read_ == indexes_.size()) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(static_cast<double>(indexes_[num_read_].num_entries) /
                                    kEntriesPerRow);
}

Result<std::shared_ptr<const index::RowSet>> LabelFilter::LookUpMore(
    const StatementContext& statement) {
  DASHI_ASSIGN_OR_RETURN(index::RowSet labels, ReadEntries(statement, indexes_[num_read_]));
  ++num_read_;
  if (can_pass_ != nullptr) {
    labels.IntersectWith(*can_pass_);
  }
  can_pass_ = std::make_shared<const index::RowSet>(std::move(labels));
  return can_pass_;
}

}  // namespace dashi::sql
