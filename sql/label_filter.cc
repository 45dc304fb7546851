#include "sql/label_filter.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/index_range.h"
#include "sql/interruption.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::ColumnType;
using storage::EntityKind;
using storage::OrderedRange;

/// Entries of an index between two questions whether to stop.
constexpr std::uint64_t kEntriesPerPoll = 4096;
/// How many index entries are walked in the time in which a search finds one row, reads it and
/// drops it.
constexpr double kEntriesPerRow = 16.0;

/// The entries of one index that a test leaves.
struct TestedIndex {
  std::uint32_t index = 0;
  std::vector<OrderedRange> ranges;
  std::uint64_t num_entries = 0;  // about
};

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

Result<std::vector<TestedIndex>> FindIndexes(const StatementContext& statement,
                                             const ColumnFilter& filter) {
  const storage::SchemaRecord& schema = *statement.schemas.labels;
  std::vector<TestedIndex> found;
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
      found.push_back(std::move(tested));
    }
  }
  return found;
}

Result<index::RowSet> ReadEntries(const StatementContext& statement, const TestedIndex& tested) {
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

}  // namespace

std::string TestName(const ColumnRecord& column) {
  const bool plain = std::all_of(column.name.begin(), column.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? column.name : "#" + std::to_string(column.number);
}

Result<std::shared_ptr<const index::RowSet>> LabelsThatCanPass(const StatementContext& statement,
                                                               const ColumnFilter& filter,
                                                               std::size_t k) {
  std::shared_ptr<index::RowSet> labels;
  if (filter.empty() || statement.schemas.labels->indexes.empty()) {
    return std::shared_ptr<const index::RowSet>();
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<TestedIndex> found, FindIndexes(statement, filter));
  DASHI_ASSIGN_OR_RETURN(const std::uint64_t rows,
                         statement.view->EstimateRows(EntityKind::kLabel));
  for (const TestedIndex& tested : found) {
    // Without the index a search walks about k / share rows.
    const auto entries = static_cast<double>(tested.num_entries);
    const double dropping = kEntriesPerRow * static_cast<double>(k) * static_cast<double>(rows);
    if (entries * entries > dropping) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(index::RowSet passing, ReadEntries(statement, tested));
    if (labels == nullptr) {
      labels = std::make_shared<index::RowSet>(std::move(passing));
    } else {
      labels->IntersectWith(passing);
    }
  }
  return std::shared_ptr<const index::RowSet>(std::move(labels));
}

}  // namespace dashi::sql
