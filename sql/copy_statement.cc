#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "sql/copy_format.h"
#include "sql/copy_input.h"
#include "sql/copy_options.h"
#include "sql/copy_row_reader.h"
#include "sql/copy_rows.h"
#include "sql/copy_target.h"
#include "sql/database_impl.h"
#include "sql/export_file.h"
#include "sql/graph/graph_lookup.h"
#include "sql/import_reader.h"
#include "sql/own_statements.h"
#include "sql/progress_meter.h"
#include "sql/rows_ahead.h"

namespace dashi::sql {

namespace {

using storage::BulkLoad;

/// Rows between two looks at the clock and at Cancel.
constexpr std::uint64_t kRowsPerPoll = 64;
/// Rows by which the number of those to come is estimated.
constexpr std::uint64_t kRowsMeasured = 64;

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

/// The file of rejected rows: line number, tab, reason. It appears when the whole file has been
/// read, so a COPY that fails on the way leaves no file, or the one from before.
class Rejects {
 public:
  explicit Rejects(const std::optional<std::string>& path) : path_(path.value_or("")) {}

  bool wanted() const { return !path_.empty(); }
  std::uint64_t count() const { return count_; }
  const std::string& path() const { return path_; }

  Status Open() {
    if (wanted()) {
      DASHI_ASSIGN_OR_RETURN(file_, ExportFile::Create(path_));
    }
    return Status();
  }

  Status Add(std::uint64_t line, std::string reason) {
    for (char& c : reason) {
      c = c == '\n' || c == '\t' || c == '\r' ? ' ' : c;
    }
    ++count_;
    return file_->Append(std::to_string(line) + "\t" + reason + "\n");
  }

  Status Finish() { return wanted() ? file_->Finish() : Status(); }

 private:
  const std::string path_;
  std::uint64_t count_ = 0;
  std::unique_ptr<ExportFile> file_;
};

// Adds file and line to the error of a row, unless the reader has said them already.
Status AtLine(Status status, const ImportSource& source, std::uint64_t line) {
  return std::move(status).WithContext("bad row: " + source.PlaceOf(line));
}

/// Ends a wait for more input as it goes, so that nobody waits for the thread that reads.
class InputStopper {
 public:
  explicit InputStopper(const ImportSource& source) : source_(source) {}
  ~InputStopper() {
    if (source_.stop != nullptr) {
      CatchAsStatus("the application's stop of a COPY", [this] {
        source_.stop();
      }).IgnoreError("the COPY has its own end");
    }
  }
  InputStopper(const InputStopper&) = delete;
  InputStopper& operator=(const InputStopper&) = delete;

 private:
  const ImportSource& source_;
};

class Copy {
 public:
  Copy(SessionState& session, const CopyPlan& plan, ImportSource source)
      : session_(session),
        plan_(plan),
        source_(std::move(source)),
        rejects_(plan.rejects_path),
        meter_(session.on_progress, "COPY " + plan.table) {}

  Result<BulkLoad::Counts> Run(BulkLoad& load) {
    DASHI_RETURN_IF_ERROR(rejects_.Open());
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportReader> records,
                           ImportReader::Open(source_, plan_.format, plan_.positional_names));
    DASHI_ASSIGN_OR_RETURN(
        const std::unique_ptr<RowsAhead<CopyRow>> reader,
        RowsAhead<CopyRow>::Start(std::make_unique<CopyRowReader>(std::move(records), plan_)));
    const InputStopper stopper(source_);
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
  /// Edges that were left out because an end is in no table.
  std::uint64_t num_skipped() const { return num_skipped_; }

 private:
  Status Read(RowsAhead<CopyRow>& reader, BulkLoad& load) {
    CopyRows rows(plan_.target, load, [this](std::uint64_t line, Status status) {
      return TakeBadRow(line, std::move(status));
    });
    auto row = std::make_unique<CopyRow>();
    std::uint64_t measured_bytes = 0;
    for (std::uint64_t count = 0;; ++count) {
      if (count % kRowsPerPoll == 0) {
        meter_.Update(reader.bytes_read());
        DASHI_RETURN_IF_ERROR(session_.interruption.ToStatus());
      }
      Result<bool> more = reader.Next(&row);
      if (!more.ok()) {
        DASHI_RETURN_IF_ERROR(rows.Flush());
        Status status = std::move(more).status();
        if (!rejects_.wanted() || status.code() != StatusCode::kInvalidArgument) {
          return status;
        }
        DASHI_RETURN_IF_ERROR(rejects_.Add(row->line, std::string(status.message())));
        continue;
      }
      if (!*more) {
        return rows.Flush();
      }
      if (count < kRowsMeasured) {
        measured_bytes += BytesOf(*row) + 1;
        if (count + 1 == kRowsMeasured) {
          DASHI_RETURN_IF_ERROR(
              load.ExpectRows(kRowsMeasured * reader.bytes_total() / measured_bytes));
        }
      }
      DASHI_RETURN_IF_ERROR(rows.Add(&row));
    }
  }

  // What becomes of a row that could not be added: an error that ends the copy, or OK.
  Status TakeBadRow(std::uint64_t line, Status status) {
    if (plan_.skip_unknown_ends && status.sqlstate() == "23503") {
      ++num_skipped_;
      return Status();
    }
    if (!rejects_.wanted() || !IsRowError(status)) {
      return IsRowError(status) ? AtLine(std::move(status), source_, line) : status;
    }
    return rejects_.Add(line, std::string(status.message()));
  }

  SessionState& session_;
  const CopyPlan& plan_;
  const ImportSource source_;
  Rejects rejects_;
  ProgressMeter meter_;
  std::uint64_t num_skipped_ = 0;
};

Result<UserSchemas> ReadSchemas(SessionState& session) {
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view, ReadView(session));
  return UserSchemas::Read(*view);
}

Result<std::unique_ptr<BulkLoad>> BeginLoad(SessionState& session, const CopyPlan& plan) {
  storage::Store& store = session.database.store();
  if (plan.target == CopyTarget::kRows) {
    return store.BeginRowLoad(*plan.kind, plan.on_conflict);
  }
  if (plan.target == CopyTarget::kRelevance) {
    return store.BeginRelevanceLoad(plan.on_conflict);
  }
  DASHI_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::View> view, ReadView(session));
  DASHI_ASSIGN_OR_RETURN(const storage::GraphRecord graph, FindGraph(*view, plan.graph));
  return plan.target == CopyTarget::kEdges ? store.BeginEdgeLoad(graph, plan.on_conflict)
                                           : store.BeginClickLoad(graph);
}

Result<BulkLoad::Counts> LoadAlone(SessionState& session, const CopyPlan& plan, Copy& copy) {
  DASHI_ASSIGN_OR_RETURN(
      const std::unique_ptr<LoadTurns::Turn> turn,
      session.database.load_turns().Take(session.interruption, session.settings.lock_timeout_ms()));
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<BulkLoad> load, BeginLoad(session, plan));
  return copy.Run(*load);
}

Status UnknownGraph(std::string_view why) {
  return Status::InvalidArgument("COPY does not know the graph: " + std::string(why))
      .WithSqlState("23502")
      .WithHint("Add WITH (graph = 'name').");
}

// The graph of the file's first row, for a COPY whose columns say it.
Status ReadGraphName(const ImportSource& source, CopyPlan* plan) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<ImportReader> reader,
                         ImportReader::Open(source, plan->format, plan->positional_names));
  ImportRecord record;
  DASHI_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
  for (const ImportField& field : record.fields) {
    if (more && field.name == "graph" && field.value.type() == ValueType::kText) {
      plan->graph = field.value.text();
    }
  }
  return plan->graph.empty() ? UnknownGraph("the first row names none") : Status();
}

Result<BulkLoad::Counts> Load(SessionState& session, const CopyPlan& plan, Copy& copy) {
  if (!session.block.active()) {
    return LoadAlone(session, plan, copy);
  }
  BulkLoad::Counts counts;
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, [&](storage::Transaction& transaction) -> Status {
    DASHI_ASSIGN_OR_RETURN(const auto load, NewTransactionLoad(transaction, plan));
    DASHI_ASSIGN_OR_RETURN(counts, copy.Run(*load));
    return Status();
  }));
  return counts;
}

StatementResult Report(const CopyPlan& plan, const Copy& copy, const BulkLoad::Counts& counts) {
  std::vector<std::string> notices;
  if (counts.ignored > 0) {
    notices.push_back((plan.target == CopyTarget::kClicks
                           ? "clicks left out because their events were counted already: "
                           : "rows left out because they exist already: ") +
                      std::to_string(counts.ignored));
  }
  if (copy.num_skipped() > 0) {
    notices.push_back("edges left out because an end is in none of the graph's tables: " +
                      std::to_string(copy.num_skipped()));
  }
  if (copy.rejects().count() > 0) {
    notices.push_back("rows rejected: " + std::to_string(copy.rejects().count()) + ", listed in " +
                      copy.rejects().path());
  }
  return Finished("COPY " + std::to_string(counts.inserted + counts.replaced), std::move(notices));
}

// Copies from a source. `rewind` has it begin anew.
StatementResult CopyFrom(SessionState& session, CopyPlan plan, const ImportSource& source,
                         const std::function<void()>& rewind) {
  const bool of_graph = plan.target == CopyTarget::kEdges || plan.target == CopyTarget::kClicks;
  if (of_graph && plan.graph.empty() && source.read_row != nullptr) {
    return UnknownGraph("FORMAT binary needs its name");
  }
  if (of_graph && plan.graph.empty()) {
    DASHI_RETURN_IF_ERROR(ReadGraphName(source, &plan));
  }
  rewind();
  Copy copy(session, plan, source);
  DASHI_ASSIGN_OR_RETURN(const BulkLoad::Counts counts, Load(session, plan, copy));
  return Report(plan, copy, counts);
}

StatementResult CopyFromInput(SessionState& session, const CopyPlan& plan,
                              const CopyStreams& streams) {
  if (streams.begin != nullptr) {
    CopyStart start{/*from_input=*/true, plan.format.format, InputColumns(plan), std::nullopt};
    if (const std::optional<std::int64_t> micros = session.interruption.MicrosLeft()) {
      start.time_left = std::chrono::milliseconds(*micros / 1000 + 1);  // Not before.
    }
    DASHI_RETURN_IF_ERROR(
        CatchAsStatus("the application's begin of a COPY", [&] { return streams.begin(start); }));
  }
  CopyInput input(streams);
  input.Keep();
  StatementResult result =
      CopyFrom(session, plan, input.Source(plan.format.format), [&input] { input.Rewind(); });
  if (!result.ok()) {
    return input.Explained(result.status());
  }
  return result;
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CopyFromStatement& node) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "COPY"));
  DASHI_ASSIGN_OR_RETURN(const UserSchemas schemas, ReadSchemas(session));
  DASHI_ASSIGN_OR_RETURN(const CopyPlan plan, PlanCopy(statement, node, schemas));
  if (node.from_input) {
    const bool rows = plan.format.format == "binary";
    if (session.streams == nullptr ||
        (rows ? session.streams->read_row == nullptr : session.streams->read == nullptr)) {
      return statement.At(
          NoCopyStream(rows ? "FROM STDIN (FORMAT binary)" : "FROM STDIN", "COPY ... FROM 'path'"),
          node.path_offset);
    }
    return CopyFromInput(session, plan, *session.streams);
  }
  std::error_code error;
  if (plan.rejects_path && std::filesystem::equivalent(*plan.rejects_path, node.path, error)) {
    return Status::InvalidArgument("the rejects file is the file that is read: " + node.path);
  }
  return CopyFrom(session, plan, ImportSource::OfFile(node.path), [] {});
}

}  // namespace dashi::sql
