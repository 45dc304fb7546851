#include "sql/copy_rows.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "sql/user_column.h"

namespace dashi::sql {

using storage::BulkLoad;

namespace {

// Edges wait until they are so many, or their ids take so much memory.
constexpr std::size_t kEdgesAtOnce = 256;
constexpr std::size_t kIdBytesAtOnce = std::size_t{256} << 10;

}  // namespace

CopyRows::CopyRows(const CopyPlan& plan, BulkLoad& load, OnBadRow on_bad_row)
    : plan_(plan),
      load_(load),
      on_bad_row_(std::move(on_bad_row)),
      started_at_micros_(Clock::System().NowMicros()) {}

Status CopyRows::Add(const ImportRecord& record) {
  Status status = Convert(record);
  if (!status.ok()) {
    DASHI_RETURN_IF_ERROR(Flush());
    return on_bad_row_(record.line, std::move(status));
  }
  return num_edges_ >= kEdgesAtOnce || id_bytes_ >= kIdBytesAtOnce ? Flush() : Status();
}

Status CopyRows::Convert(const ImportRecord& record) {
  for (std::string& value : values_) {
    value.clear();
  }
  present_.fill(false);
  attributes_.clear();
  for (std::size_t place = 0; place < record.fields.size(); ++place) {
    DASHI_RETURN_IF_ERROR(Take(record.fields[place], place));
  }
  switch (plan_.target) {
    case CopyTarget::kRows:
      return AddRow();
    case CopyTarget::kRelevance:
      return AddPair();
    case CopyTarget::kEdges:
      return AddEdge(record.line);
    case CopyTarget::kClicks:
      break;
  }
  return AddClick();
}

Status CopyRows::Flush() {
  named_edges_.clear();
  for (std::size_t i = 0; i < num_edges_; ++i) {
    named_edges_.push_back({edges_[i].source, edges_[i].target, edges_[i].values});
  }
  std::size_t done = 0;
  while (done < num_edges_) {
    std::size_t num_added = 0;
    Status status = load_.AddEdges(std::span(named_edges_).subspan(done), &num_added);
    done += num_added;
    if (!status.ok()) {
      DASHI_RETURN_IF_ERROR(on_bad_row_(edges_[done].line, std::move(status)));
      ++done;
    }
  }
  num_edges_ = 0;
  id_bytes_ = 0;
  return Status();
}

Status CopyRows::Require(CopyColumn column) const {
  if (Has(column)) {
    return Status();
  }
  std::string name(CopyColumnName(column));
  for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
    name = plan_.columns[i] == column ? plan_.column_names[i] : name;
  }
  return Status::InvalidArgument("no value for column " + name).WithSqlState("23502");
}

Status CopyRows::Take(const ImportField& field, std::size_t place) {
  const std::size_t num_columns = plan_.columns.size();
  for (std::size_t tried = 0; tried < num_columns; ++tried) {
    const std::size_t i = (place + tried) % num_columns;
    if (plan_.column_names[i] != field.name) {
      continue;
    }
    if (plan_.columns[i] == CopyColumn::kUser) {
      return TakeUser(*plan_.user_columns[i], field.value);
    }
    const auto slot = static_cast<std::size_t>(plan_.columns[i]);
    if (!field.value.is_null()) {
      present_[slot] = true;
      if (field.value.type() == ValueType::kText) {
        values_[slot] = field.value.text();
      } else {
        values_[slot] = field.value.ToString();
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

Status CopyRows::TakeUser(const storage::ColumnRecord& column, const Value& given) {
  DASHI_ASSIGN_OR_RETURN(Value value, ToColumnValue(plan_.table, column, given));
  if (!value.is_null() || !column.default_value.is_null()) {
    attributes_.push_back({column.number, std::move(value)});
  }
  return Status();
}

Status CopyRows::AddRow() {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kId));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kText));
  row_.id = std::move(ValueOf(CopyColumn::kId));
  row_.text = std::move(ValueOf(CopyColumn::kText));
  const std::string& split =
      Has(CopyColumn::kSplit) ? ValueOf(CopyColumn::kSplit) : plan_.format.split;
  const bool has_split = Has(CopyColumn::kSplit) || !split.empty();
  row_.split = has_split ? std::optional<std::string>(split) : std::nullopt;
  row_.updated_at_micros = Clock::System().NowMicros();
  std::sort(attributes_.begin(), attributes_.end(),
            [](const auto& a, const auto& b) { return a.column < b.column; });
  std::swap(row_.attributes, attributes_);
  return load_.AddRow(row_);
}

Result<float> CopyRows::ReadWeight() {
  float weight = 1.0F;
  const std::string& text = ValueOf(CopyColumn::kWeight);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::InvalidArgument("column weight takes a number: got \"" + text + "\"")
        .WithSqlState("22P02");
  }
  return weight;
}

Status CopyRows::AddPair() {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kSource));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTarget));
  float weight = 1.0F;
  if (Has(CopyColumn::kWeight)) {
    DASHI_ASSIGN_OR_RETURN(weight, ReadWeight());
  }
  return load_.AddRelevance(ValueOf(CopyColumn::kSource), ValueOf(CopyColumn::kTarget), weight);
}

// A load is of one graph.
Status CopyRows::CheckGraph() {
  if (Has(CopyColumn::kGraph) && ValueOf(CopyColumn::kGraph) != plan_.graph) {
    return Status::InvalidArgument("one COPY fills one graph: got " + ValueOf(CopyColumn::kGraph) +
                                   ", want " + plan_.graph);
  }
  return Status();
}

Result<std::int64_t> CopyRows::ReadTime(CopyColumn column) {
  storage::ColumnRecord record;
  record.name = CopyColumnName(column);
  record.type = storage::ColumnType::kTimestamp;
  DASHI_ASSIGN_OR_RETURN(const Value micros,
                         ToColumnValue(plan_.table, record, Value::Text(ValueOf(column))));
  return micros.integer();
}

Status CopyRows::AddEdge(std::uint64_t line) {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kSource));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTarget));
  DASHI_RETURN_IF_ERROR(CheckGraph());
  storage::EdgeValues values;
  values.last_seen_micros = started_at_micros_;
  if (Has(CopyColumn::kClicks)) {
    const std::string& text = ValueOf(CopyColumn::kClicks);
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), values.clicks);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Status::InvalidArgument("column clicks takes an integer, 0 or above: got \"" + text +
                                     "\"")
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
  if (num_edges_ == edges_.size()) {
    edges_.emplace_back();
  }
  WaitingEdge& edge = edges_[num_edges_++];
  edge.line = line;
  std::swap(edge.source, ValueOf(CopyColumn::kSource));
  std::swap(edge.target, ValueOf(CopyColumn::kTarget));
  edge.values = values;
  id_bytes_ += edge.source.size() + edge.target.size();
  return Status();
}

Status CopyRows::AddClick() {
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kSource));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTarget));
  DASHI_RETURN_IF_ERROR(Require(CopyColumn::kTime));
  DASHI_RETURN_IF_ERROR(CheckGraph());
  BulkLoad::Click click;
  DASHI_ASSIGN_OR_RETURN(click.at_micros, ReadTime(CopyColumn::kTime));
  click.event_id = ValueOf(CopyColumn::kEventId);
  return load_.AddClick(ValueOf(CopyColumn::kSource), ValueOf(CopyColumn::kTarget), click);
}

}  // namespace dashi::sql
