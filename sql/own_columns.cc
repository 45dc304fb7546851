#include "sql/own_columns.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "sql/option_nodes.h"

namespace dashi::sql {

namespace {

dashi::Column TextColumn(std::string name) {
  return {std::move(name), ValueType::kText, SqlType::kText};
}
dashi::Column IntegerColumn(std::string name) {
  return {std::move(name), ValueType::kInteger, SqlType::kInteger};
}
dashi::Column RealColumn(std::string name) {
  return {std::move(name), ValueType::kReal, SqlType::kReal};
}
dashi::Column TimestampColumn(std::string name) {
  return {std::move(name), ValueType::kText, SqlType::kTimestamp};
}

// Whether the option wait is off. What it should not be is an error when the statement runs.
bool IsLeftToItself(const std::vector<OptionNode>& options) {
  return std::any_of(options.begin(), options.end(), [](const OptionNode& option) {
    return option.name == "wait" &&
           (option.value == "off" || option.value == "false" || option.value == "0");
  });
}

// Whether COMPARE shows documents, not metrics.
bool ShowsDocuments(const CompareStatement& compare) {
  return std::any_of(compare.options.begin(), compare.options.end(), [](const OptionNode& option) {
    return option.name == "rows" && option.value == "documents";
  });
}

template <typename T>
concept HasOwnColumns = requires(const T& statement) {
  {OwnColumns(statement)};
};

}  // namespace

std::vector<dashi::Column> PlanColumns() { return {TextColumn("QUERY PLAN")}; }

std::vector<dashi::Column> OwnColumns(const TrainModelStatement& train) {
  if (train.explain) {
    return PlanColumns();
  }
  return {IsLeftToItself(train.options) ? IntegerColumn("job") : TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const RunScheduleStatement& /*run*/) {
  return {TextColumn("statement")};
}

std::vector<dashi::Column> OwnColumns(const EvaluateModelStatement& /*evaluate*/) {
  return {TextColumn("release"), TextColumn("split"), TextColumn("slice"),
          TextColumn("metric"),  IntegerColumn("k"),  RealColumn("value"),
          RealColumn("low"),     RealColumn("high"),  IntegerColumn("documents")};
}

std::vector<dashi::Column> OwnColumns(const CompareStatement& compare) {
  if (ShowsDocuments(compare)) {
    return {TextColumn("document"), IntegerColumn("k"), RealColumn("first"), RealColumn("second"),
            RealColumn("difference")};
  }
  return {TextColumn("slice"),  TextColumn("metric"),      IntegerColumn("k"), RealColumn("first"),
          RealColumn("second"), RealColumn("difference"),  RealColumn("low"),  RealColumn("high"),
          RealColumn("better"), IntegerColumn("documents")};
}

std::vector<dashi::Column> OwnColumns(const ExportModelStatement& /*exported*/) {
  return {TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const ImportModelStatement& /*transfer*/) {
  return {TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const RefreshModelStatement& /*refresh*/) {
  return {TextColumn("release"), IntegerColumn("rows")};
}

std::vector<dashi::Column> OwnColumns(const PublishStatement& /*publish*/) {
  return {TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const RevertModelStatement& /*revert*/) {
  return {TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const WaitJobStatement& /*wait*/) {
  return {TextColumn("result")};
}

std::vector<dashi::Column> OwnColumns(const ResumeJobStatement& resume) {
  if (IsLeftToItself(resume.options)) {
    return {};
  }
  return {TextColumn("release")};
}

std::vector<dashi::Column> OwnColumns(const BackupStatement& /*backup*/) {
  return {IntegerColumn("backup"), IntegerColumn("commit_sequence"), IntegerColumn("files"),
          IntegerColumn("bytes"),  IntegerColumn("files_copied"),    IntegerColumn("bytes_copied")};
}

std::vector<dashi::Column> OwnColumns(const ShowBackupsStatement& /*show*/) {
  return {IntegerColumn("backup"),          TimestampColumn("created_at"),
          IntegerColumn("commit_sequence"), IntegerColumn("files"),
          IntegerColumn("bytes"),           IntegerColumn("files_shared"),
          IntegerColumn("bytes_shared"),    TextColumn("damage")};
}

std::vector<dashi::Column> OwnColumns(const CheckDatabaseStatement& /*check*/) {
  return {TextColumn("object"), TextColumn("problem"), TextColumn("detail")};
}

std::vector<dashi::Column> OwnColumns(const ShowModelStatement& /*show*/) {
  return {TextColumn("property"), TextColumn("value")};
}

std::vector<dashi::Column> OwnColumns(const ShowSettingStatement& show) {
  return {TextColumn(show.name)};
}

std::vector<dashi::Column> OwnColumns(const DescribeStatement& describe) {
  if (describe.query) {
    return {TextColumn("column"), TextColumn("type")};
  }
  return {TextColumn("column"),
          TextColumn("type"),
          {"default_value", ValueType::kNull, SqlType::kUnknown},
          TextColumn("index"),
          TextColumn("comment")};
}

std::vector<dashi::Column> ColumnsBeforeRun(const StatementNode& node) {
  return std::visit(
      [](const auto& statement) {
        if constexpr (HasOwnColumns<decltype(statement)>) {
          return OwnColumns(statement);
        } else {
          return std::vector<dashi::Column>();
        }
      },
      node);
}

}  // namespace dashi::sql
