#include <algorithm>

#include <fmt/format.h>

#include "base/status.h"
#include "base/vector_codec.h"
#include "storage/rocksdb_check.h"
#include "storage/row_check.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

using Side = SetComparison::Side;

constexpr std::array kKinds = {EntityKind::kDocument, EntityKind::kLabel, EntityKind::kAnchor};

std::uint64_t KeyOf(EntityKind kind, Ordinal ordinal) {
  return static_cast<std::uint64_t>(kind) << 32U | ToInteger(ordinal);
}

// Called with each row or id; the first visit compares, the second finds what differs.
using VisitId = std::function<void(EntityKind kind, Ordinal ordinal, std::string_view id)>;

bool HasType(const Value& value, const ColumnRecord& column) {
  switch (column.type) {
    case ColumnType::kReal:
      return value.type() == ValueType::kReal;
    case ColumnType::kText:
      return value.type() == ValueType::kText;
    case ColumnType::kInteger:
    case ColumnType::kBoolean:
    case ColumnType::kTimestamp:
      return value.type() == ValueType::kInteger;
    case ColumnType::kVector:
      return CheckVector(value.bytes()).ok() &&
             (column.dimension == 0 || VectorDimension(value.bytes()) == column.dimension);
  }
  return false;
}

// Values of dropped columns are passed over by readers, but their numbers were given once.
void CheckColumns(CheckRun* run, EntityKind kind, Ordinal ordinal, const EntityRow& row) {
  const SchemaRecord& schema = run->findings().schemas[static_cast<std::size_t>(kind) - 1];
  for (const Attribute& attribute : row.attributes) {
    const auto column =
        std::find_if(schema.columns.begin(), schema.columns.end(),
                     [&](const ColumnRecord& known) { return known.number == attribute.column; });
    if (column == schema.columns.end()) {
      run->Report(
          EntityTableName(kind), "a row has a column that does not exist",
          fmt::format("ordinal {}, column number {}", ToInteger(ordinal), attribute.column));
    } else if (!attribute.value.is_null() && !HasType(attribute.value, *column)) {
      run->Report(EntityTableName(kind), "a value is not of its column's type",
                  fmt::format("ordinal {}, column {}", ToInteger(ordinal), column->name));
    }
  }
}

// Checks one row, except for what other families say of it.
void CheckStoredRow(CheckRun* run, EntityKind kind, Ordinal ordinal, std::string_view value,
                    const VisitId& visit) {
  const std::string_view table = EntityTableName(kind);
  EntityRow row;
  if (!DecodeRow(value, &row)) {
    run->Report(table, "a row cannot be decoded", fmt::format("ordinal {}", ToInteger(ordinal)));
    return;
  }
  const Status valid = CheckRow(kind, row);
  if (!valid.ok()) {
    run->Report(table, "a row breaks a rule",
                fmt::format("ordinal {}: {}", ToInteger(ordinal), valid.message()));
  }
  CheckColumns(run, kind, ordinal, row);
  visit(kind, ordinal, row.id);
}

Status VisitRows(CheckRun* run, EntityKind kind, const VisitId& visit) {
  const std::string_view table = EntityTableName(kind);
  OrdinalSet& rows = run->findings().rows[static_cast<std::size_t>(kind) - 1];
  const auto visit_row = [&](std::string_view key, std::string_view value) {
    Ordinal ordinal{};
    if (!ParseRowKey(key, &ordinal)) {
      run->Report(table, "a key is no ordinal", fmt::format("{} bytes", key.size()));
      return Status::Ok();
    }
    if (ToInteger(ordinal) >= rows.limit()) {
      run->Report(table, "an ordinal is not below its counter",
                  fmt::format("ordinal {}, counter {}", ToInteger(ordinal), rows.limit()));
    }
    rows.Add(ordinal);
    ++run->report().num_rows;
    CheckStoredRow(run, kind, ordinal, value, visit);
    return Status::Ok();
  };
  return run->Walk(RowFamily(kind), table, "",
                   &run->findings().rows_known[static_cast<std::size_t>(kind) - 1], visit_row);
}

Status VisitIds(CheckRun* run, bool* complete, const VisitId& visit) {
  return run->Walk(
      Family::kIds, "ids", "", complete, [&](std::string_view key, std::string_view value) {
        Ordinal ordinal{};
        const int kind = key.empty() ? 0 : static_cast<unsigned char>(key.front());
        if (kind < 1 || kind > 3 || key.size() < 2) {
          run->Report("ids", "a key has no kind or no id",
                      fmt::format("kind {}, {} bytes", kind, key.size()));
        } else if (!DecodeOrdinal(value, &ordinal)) {
          run->Report("ids", "an ordinal cannot be decoded",
                      fmt::format("{} '{}'", EntityTableName(static_cast<EntityKind>(kind)),
                                  key.substr(1)));
        } else {
          visit(static_cast<EntityKind>(kind), ordinal, key.substr(1));
        }
        return Status::Ok();
      });
}

void ReportDifference(CheckRun* run, const SetComparison::Difference& difference) {
  const auto kind = static_cast<EntityKind>(difference.key >> 32U);
  const auto ordinal = Ordinal{static_cast<std::uint32_t>(difference.key)};
  const std::string_view table = EntityTableName(kind);
  const std::string place =
      fmt::format("{} '{}', ordinal {}", table, difference.payload, ToInteger(ordinal));
  if (difference.side == Side::kLeft) {
    run->Report(table, "a row is not found by its id", place);
  } else if (run->findings().RowsOf(kind).Contains(ordinal)) {
    run->Report("ids", "an id leads to a row with another id", place);
  } else {
    run->Report("ids", "an id leads to a row that does not exist", place);
  }
}

// The second visit reports nothing about single rows again: they were all seen by the first.
Status FindDifferences(CheckRun* run, SetComparison* comparison) {
  comparison->BeginSearch();
  bool complete = false;
  for (const EntityKind kind : kKinds) {
    DASHI_RETURN_IF_ERROR(run->Walk(RowFamily(kind), EntityTableName(kind), "", &complete,
                                    [&](std::string_view key, std::string_view value) {
                                      Ordinal ordinal{};
                                      EntityRow row;
                                      if (ParseRowKey(key, &ordinal) && DecodeRow(value, &row)) {
                                        comparison->Collect(Side::kLeft, KeyOf(kind, ordinal),
                                                            row.id);
                                      }
                                      return Status::Ok();
                                    }));
  }
  DASHI_RETURN_IF_ERROR(run->Walk(
      Family::kIds, "ids", "", &complete, [&](std::string_view key, std::string_view value) {
        Ordinal ordinal{};
        if (key.size() > 1 && key.front() >= 1 && key.front() <= 3 &&
            DecodeOrdinal(value, &ordinal)) {
          comparison->Collect(Side::kRight, KeyOf(static_cast<EntityKind>(key.front()), ordinal),
                              key.substr(1));
        }
        return Status::Ok();
      }));
  for (const SetComparison::Difference& difference : comparison->Differences()) {
    ReportDifference(run, difference);
  }
  if (comparison->partial()) {
    run->Report("ids", "there are more ids and rows that do not match",
                "the first were found; check again after they are repaired");
  }
  return Status::Ok();
}

}  // namespace

Status CheckRows(CheckRun* run) {
  SetComparison comparison;
  const auto add = [&](Side side) {
    return [&comparison, side](EntityKind kind, Ordinal ordinal, std::string_view id) {
      comparison.Add(side, KeyOf(kind, ordinal), id);
    };
  };
  bool complete = true;
  for (const EntityKind kind : kKinds) {
    DASHI_RETURN_IF_ERROR(VisitRows(run, kind, add(Side::kLeft)));
    complete = complete && run->findings().KnowsRowsOf(kind);
  }
  bool ids_complete = false;
  DASHI_RETURN_IF_ERROR(VisitIds(run, &ids_complete, add(Side::kRight)));
  if (!complete || !ids_complete) {
    run->Note("ids and rows were not compared: not all of them can be read");
    return Status::Ok();
  }
  return comparison.Equal() ? Status::Ok() : FindDifferences(run, &comparison);
}

}  // namespace dashi::storage
