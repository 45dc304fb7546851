#include "sql/copy_row_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

// Of the memory that a text had, the row that comes next reuses no more.
constexpr std::size_t kReusedBytesMax = std::size_t{4} << 10;

void Assign(std::string_view text, std::string* to) {
  if (to->capacity() > kReusedBytesMax) {
    *to = std::string(text);
  } else {
    to->assign(text);
  }
}

}  // namespace

std::size_t BytesOf(const CopyRow& row) {
  std::size_t bytes = row.entity.id.size() + row.entity.text.size() + row.source.size() +
                      row.target.size() + row.event_id.size();
  for (const storage::Attribute& attribute : row.entity.attributes) {
    bytes += sizeof(attribute) + attribute.value.text().size() + attribute.value.bytes().size();
  }
  return bytes;
}

CopyRowReader::CopyRowReader(std::unique_ptr<ImportReader> reader, const CopyPlan& plan)
    : reader_(std::move(reader)), plan_(plan), started_at_micros_(Clock::System().NowMicros()) {}

Result<bool> CopyRowReader::Next(CopyRow* row) {
  Result<bool> more = reader_->Next(&record_);
  row->line = record_.line;
  if (more.ok() && *more) {
    row->error.IgnoreError("of the row that had this memory before");
    row->error = Convert(row);
    row->error.IgnoreError("whoever takes the row looks at it");
  }
  return more;
}

Status CopyRowReader::Convert(CopyRow* row) {
  present_.fill(false);
  row->entity.attributes.clear();
  for (std::size_t place = 0; place < record_.fields.size(); ++place) {
    DASHI_RETURN_IF_ERROR(Take(record_.fields[place], place, row));
  }
  if (plan_.target == CopyTarget::kRows) {
    return ConvertEntity(&row->entity);
  }
  DASHI_RETURN_IF_ERROR(ConvertEnds(row));
  switch (plan_.target) {
    case CopyTarget::kEdges:
      return ConvertEdge(row);
    case CopyTarget::kClicks:
      return ConvertClick(row);
    default:
      break;
  }
  row->values.weight = 1.0;
  if (Has(CopyColumn::kWeight)) {
    DASHI_ASSIGN_OR_RETURN(const float weight, ReadWeight());
    row->values.weight = static_cast<double>(weight);
  }
  return Status();
}

Status CopyRowReader::Require(CopyColumn column) const {
  if (Has(column)) {
    return Status();
  }
  std::string name(CopyColumnName(column));
  for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
    name = plan_.columns[i] == column ? plan_.column_names[i] : name;
  }
  return Status::InvalidArgument("no value for column " + name).WithSqlState("23502");
}

Status CopyRowReader::Take(const ImportField& field, std::size_t place, CopyRow* row) {
  const std::size_t num_columns = plan_.columns.size();
  for (std::size_t tried = 0; tried < num_columns; ++tried) {
    const std::size_t i = (place + tried) % num_columns;
    if (plan_.column_names[i] != field.name) {
      continue;
    }
    if (plan_.columns[i] == CopyColumn::kUser) {
      return TakeUser(*plan_.user_columns[i], field.value, row);
    }
    const auto slot = static_cast<std::size_t>(plan_.columns[i]);
    if (!field.value.is_null()) {
      present_[slot] = true;
      if (field.value.type() == ValueType::kText) {
        values_[slot] = field.value.text();
      } else {
        printed_[slot] = field.value.ToString();
        values_[slot] = printed_[slot];
      }
    }
    return Status();
  }
  if (plan_.ignore_unknown) {
    return Status();
  }
  return Status::NotFound("unknown column: " + field.name)
      .WithSqlState("42703")
      .WithHint("WITH (unknown = 'ignore') skips columns that the table does not have.");
}

Status CopyRowReader::TakeUser(const storage::ColumnRecord& column, const Value& given,
                               CopyRow* row) {
  DASHI_ASSIGN_OR_RETURN(Value value, ToColumnValue(plan_.table, column, given));
  if (!value.is_null() || !column.default_value.is_null()) {
    row->entity.attributes.push_back({column.number, std::move(value)});
  }
  return Status();
}

Status CopyRowReader::ConvertEntity(storage::EntityRow* row) const {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kId));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kText));
  Assign(ValueOf(CopyColumn::kId), &row->id);
  Assign(ValueOf(CopyColumn::kText), &row->text);
  row->split.reset();
  if (Has(CopyColumn::kSplit)) {
    row->split = std::string(ValueOf(CopyColumn::kSplit));
  } else if (!plan_.format.split.empty()) {
    row->split = plan_.format.split;
  }
  row->updated_at_micros = Clock::System().NowMicros();
  std::sort(row->attributes.begin(), row->attributes.end(),
            [](const auto& a, const auto& b) { return a.column < b.column; });
  return Status();
}

Status CopyRowReader::ConvertEnds(CopyRow* row) const {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kSource));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTarget));
  Assign(ValueOf(CopyColumn::kSource), &row->source);
  Assign(ValueOf(CopyColumn::kTarget), &row->target);
  return Status();
}

Result<float> CopyRowReader::ReadWeight() const {
  float weight = 1.0F;
  const std::string_view text = ValueOf(CopyColumn::kWeight);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::InvalidArgument("column weight takes a number: got \"" + std::string(text) +
                                   "\"")
        .WithSqlState("22P02");
  }
  return weight;
}

// A load is of one graph.
Status CopyRowReader::CheckGraph() const {
  if (Has(CopyColumn::kGraph) && ValueOf(CopyColumn::kGraph) != plan_.graph) {
    return Status::InvalidArgument("one COPY fills one graph: got " +
                                   std::string(ValueOf(CopyColumn::kGraph)) + ", want " +
                                   plan_.graph);
  }
  return Status();
}

Result<std::int64_t> CopyRowReader::ReadTime(CopyColumn column) const {
  storage::ColumnRecord record;
  record.name = CopyColumnName(column);
  record.type = storage::ColumnType::kTimestamp;
  DASHI_ASSIGN_OR_RETURN(
      const Value micros,
      ToColumnValue(plan_.table, record, Value::Text(std::string(ValueOf(column)))));
  return micros.integer();
}

Status CopyRowReader::ConvertEdge(CopyRow* row) const {
  DASHI_RETURN_IF_ERROR(CheckGraph());
  storage::EdgeValues values;
  values.last_seen_micros = started_at_micros_;
  if (Has(CopyColumn::kClicks)) {
    const std::string_view text = ValueOf(CopyColumn::kClicks);
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), values.clicks);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Status::InvalidArgument("column clicks takes an integer, 0 or above: got \"" +
                                     std::string(text) + "\"")
          .WithSqlState("22P02");
    }
    values.weight = values.clicks > 0 ? static_cast<double>(values.clicks) : 1.0;
  }
  if (Has(CopyColumn::kWeight)) {
    DASHI_ASSIGN_OR_RETURN(const float weight, ReadWeight());
    values.weight = static_cast<double>(weight);
  }
  if (Has(CopyColumn::kTime)) {
    DASHI_ASSIGN_OR_RETURN(values.last_seen_micros, ReadTime(CopyColumn::kTime));
  }
  row->values = values;
  return Status();
}

Status CopyRowReader::ConvertClick(CopyRow* row) const {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTime));
  DASHI_RETURN_IF_ERROR(CheckGraph());
  DASHI_ASSIGN_OR_RETURN(row->values.last_seen_micros, ReadTime(CopyColumn::kTime));
  Assign(Has(CopyColumn::kEventId) ? ValueOf(CopyColumn::kEventId) : std::string_view(),
         &row->event_id);
  return Status();
}

}  // namespace dashi::sql
