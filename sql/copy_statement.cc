#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "sql/copy_options.h"
#include "sql/copy_target.h"
#include "sql/database_impl.h"
#include "sql/import_ahead.h"
#include "sql/import_reader.h"
#include "sql/own_statements.h"
#include "sql/progress_meter.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

using storage::BulkLoad;
using storage::EntityRow;

/// Rows between two looks at the clock and at Cancel.
constexpr std::uint64_t kRowsPerPoll = 64;

Status NullValue(CopyColumn column) {
  return Status::InvalidArgument("no value for column " + std::string(CopyColumnName(column)))
      .WithSqlState("23502");
}

// Errors that concern one row alone, so that the rows after it can be loaded.
bool IsRowError(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kAlreadyExists:
    case StatusCode::kNotFound:
      return true;
    default:
      return false;
  }
}

/// Hands the records of a file to a load.
class CopyRows {
 public:
  explicit CopyRows(const CopyPlan& plan) : plan_(plan) {}

  /// Adds one record. Errors: those of the row.
  Status Add(const ImportRecord& record, BulkLoad& load) {
    for (std::string& value : values_) {
      value.clear();
    }
    present_.fill(false);
    attributes_.clear();
    for (const ImportField& field : record.fields) {
      DASHI_RETURN_IF_ERROR(Take(field));
    }
    return plan_.kind ? AddRow(load) : AddPair(load);
  }

 private:
  std::string& ValueOf(CopyColumn column) { return values_[static_cast<std::size_t>(column)]; }
  bool Has(CopyColumn column) const { return present_[static_cast<std::size_t>(column)]; }

  Status Take(const ImportField& field) {
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      if (plan_.column_names[i] != field.name) {
        continue;
      }
      if (plan_.columns[i] == CopyColumn::kUser) {
        return TakeUser(*plan_.user_columns[i], field.value);
      }
      const auto slot = static_cast<std::size_t>(plan_.columns[i]);
      if (!field.value.is_null()) {
        present_[slot] = true;
        values_[slot] = field.value.type() == ValueType::kText ? std::string(field.value.text())
                                                               : field.value.ToString();
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

  Status TakeUser(const storage::ColumnRecord& column, const Value& given) {
    DASHI_ASSIGN_OR_RETURN(Value value, ToColumnValue(plan_.table, column, given));
    if (!value.is_null() || !column.default_value.is_null()) {
      attributes_.push_back({column.number, std::move(value)});
    }
    return Status();
  }

  Status AddRow(BulkLoad& load) {
    for (const CopyColumn column : {CopyColumn::kId, CopyColumn::kText}) {
      if (!Has(column)) {
        return NullValue(column);
      }
    }
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
    return load.AddRow(row_);
  }

  Status AddPair(BulkLoad& load) {
    for (const CopyColumn column : {CopyColumn::kDocument, CopyColumn::kLabel}) {
      if (!Has(column)) {
        return NullValue(column);
      }
    }
    float weight = 1.0F;
    if (Has(CopyColumn::kWeight)) {
      const std::string& text = ValueOf(CopyColumn::kWeight);
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
      if (error != std::errc() || end != text.data() + text.size()) {
        return Status::InvalidArgument("column weight takes a number: got \"" + text + "\"")
            .WithSqlState("22P02");
      }
    }
    return load.AddRelevance(ValueOf(CopyColumn::kDocument), ValueOf(CopyColumn::kLabel), weight);
  }

  const CopyPlan& plan_;
  std::array<std::string, 6> values_;
  std::array<bool, 6> present_{};
  std::vector<storage::Attribute> attributes_;
  EntityRow row_;
};

/// The file of rejected rows: line number, tab, reason. It appears when the whole file has been
/// read, so a COPY that fails on the way leaves no file, or the one from before.
class Rejects {
 public:
  explicit Rejects(const std::optional<std::string>& path) : path_(path.value_or("")) {}
  ~Rejects() {
    if (file_.is_open()) {
      file_.close();
      std::remove(TemporaryPath().c_str());
    }
  }

  bool wanted() const { return !path_.empty(); }
  std::uint64_t count() const { return count_; }
  const std::string& path() const { return path_; }

  Status Open() {
    if (!wanted()) {
      return Status();
    }
    file_.open(TemporaryPath(), std::ios::binary | std::ios::trunc);
    return Check();
  }

  Status Add(std::uint64_t line, std::string reason) {
    for (char& c : reason) {
      c = c == '\n' || c == '\t' || c == '\r' ? ' ' : c;
    }
    file_ << line << '\t' << reason << '\n';
    ++count_;
    return Check();
  }

  Status Finish() {
    if (!wanted()) {
      return Status();
    }
    file_.close();
    DASHI_RETURN_IF_ERROR(Check());
    std::error_code error;
    std::filesystem::rename(TemporaryPath(), path_, error);
    return error ? Status::IoError("the rejects file cannot be written: " + path_) : Status();
  }

 private:
  std::string TemporaryPath() const { return path_ + ".part"; }
  Status Check() const {
    return file_.good() ? Status()
                        : Status::IoError("the rejects file cannot be written: " + path_);
  }

  std::string path_;
  std::ofstream file_;
  std::uint64_t count_ = 0;
};

// Adds file and line to the error of a row, unless the reader has said them already.
Status AtLine(Status status, const std::string& path, std::uint64_t line) {
  return std::move(status).WithContext("bad row: " + path + ", line " + std::to_string(line));
}

class Copy {
 public:
  Copy(SessionState& session, const CopyPlan& plan, const std::string& path)
      : session_(session),
        plan_(plan),
        path_(path),
        rejects_(plan.rejects_path),
        meter_(session.on_progress, "COPY " + plan.table) {}

  Result<BulkLoad::Counts> Run(BulkLoad& load) {
    DASHI_RETURN_IF_ERROR(rejects_.Open());
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportReader> reader,
                           ImportReader::Open(path_, plan_.format, plan_.positional_names));
    DASHI_ASSIGN_OR_RETURN(reader, ReadAhead(std::move(reader)));
    meter_.BeginPhase("reading", "bytes", reader->bytes_total());
    DASHI_RETURN_IF_ERROR(Read(*reader, load));
    meter_.EndPhase(reader->bytes_read());
    DASHI_RETURN_IF_ERROR(rejects_.Finish());  // Nothing may fail behind the commit.
    bool applying = false;
    DASHI_ASSIGN_OR_RETURN(const BulkLoad::Counts counts,
                           load.Commit([&](std::uint64_t done, std::uint64_t total) {
                             if (!std::exchange(applying, true)) {
                               meter_.BeginPhase("storing", "rows", total);
                             }
                             meter_.Update(done);
                           }));
    if (applying) {
      meter_.EndPhase(counts.inserted + counts.replaced);
    }
    return counts;
  }

  const Rejects& rejects() const { return rejects_; }

 private:
  Status Read(ImportReader& reader, BulkLoad& load) {
    CopyRows rows(plan_);
    ImportRecord record;
    for (std::uint64_t count = 0;; ++count) {
      if (count % kRowsPerPoll == 0) {
        meter_.Update(reader.bytes_read());
        DASHI_RETURN_IF_ERROR(session_.interruption.ToStatus());
      }
      Result<bool> more = reader.Next(&record);
      if (!more.ok()) {
        Status status = std::move(more).status();
        if (!rejects_.wanted() || status.code() != StatusCode::kInvalidArgument) {
          return status;
        }
        DASHI_RETURN_IF_ERROR(rejects_.Add(record.line, std::string(status.message())));
        continue;
      }
      if (!*more) {
        return Status();
      }
      Status status = rows.Add(record, load);
      if (status.ok()) {
        continue;
      }
      if (!rejects_.wanted() || !IsRowError(status)) {
        return IsRowError(status) ? AtLine(std::move(status), path_, record.line) : status;
      }
      DASHI_RETURN_IF_ERROR(rejects_.Add(record.line, std::string(status.message())));
    }
  }

  SessionState& session_;
  const CopyPlan& plan_;
  const std::string& path_;
  Rejects rejects_;
  ProgressMeter meter_;
};

Result<UserSchemas> ReadSchemas(SessionState& session) {
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view, ReadView(session));
  return UserSchemas::Read(*view);
}

Result<BulkLoad::Counts> LoadAlone(SessionState& session, const CopyPlan& plan, Copy& copy) {
  storage::Store& store = session.database.store();
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BulkLoad> load,
                         plan.kind ? store.BeginRowLoad(*plan.kind, plan.on_conflict)
                                   : store.BeginRelevanceLoad(plan.on_conflict));
  return copy.Run(*load);
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CopyFromStatement& node) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "COPY"));
  DASHI_ASSIGN_OR_RETURN(const UserSchemas schemas, ReadSchemas(session));
  DASHI_ASSIGN_OR_RETURN(const CopyPlan plan, PlanCopy(statement, node, schemas));
  std::error_code error;
  if (plan.rejects_path && std::filesystem::equivalent(*plan.rejects_path, node.path, error)) {
    return Status::InvalidArgument("the rejects file is the file that is read: " + node.path);
  }
  Copy copy(session, plan, node.path);
  BulkLoad::Counts counts;
  if (session.block.active()) {
    const auto write = [&](storage::Transaction& transaction) -> Status {
      const auto load = NewTransactionLoad(transaction, plan.kind, plan.on_conflict);
      DASHI_ASSIGN_OR_RETURN(counts, copy.Run(*load));
      return Status();
    };
    DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  } else {
    DASHI_ASSIGN_OR_RETURN(counts, LoadAlone(session, plan, copy));
  }
  std::vector<std::string> notices;
  if (counts.ignored > 0) {
    notices.push_back("rows left out because they exist already: " +
                      std::to_string(counts.ignored));
  }
  if (copy.rejects().count() > 0) {
    notices.push_back("rows rejected: " + std::to_string(copy.rejects().count()) + ", listed in " +
                      copy.rejects().path());
  }
  return Finished("COPY " + std::to_string(counts.inserted + counts.replaced), std::move(notices));
}

}  // namespace dashi::sql
