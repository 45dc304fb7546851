#include "sql/write_statement.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/status.h"
#include "sql/interruption.h"
#include "sql/listed_rows.h"
#include "sql/postgres/column_types.h"
#include "sql/table_catalog.h"
#include "sql/write_text.h"

namespace dashi::sql {

namespace {

constexpr std::size_t kRowsPerPoll = 256;

/// The columns that are a table's key, ascending.
std::vector<std::string> KeyOf(std::string_view table) {
  return table == "relevance" ? std::vector<std::string>{"document", "label"}
                              : std::vector<std::string>{"id"};
}

Status CheckKey(const ParsedStatement& statement, const WriteClauses& write) {
  const RowUpsert& upsert = *write.upsert;
  const std::vector<std::string> key = KeyOf(write.table);
  if (upsert.key.empty() && upsert.nothing) {
    return Status();
  }
  if (upsert.key.empty()) {
    Status status = Status::InvalidArgument(fmt::format(
        "ON CONFLICT DO UPDATE needs the key's columns: ON CONFLICT ({})", fmt::join(key, ", ")));
    return statement.At(std::move(status).WithSqlState("42601"), upsert.set.begin);
  }
  std::vector<std::string> given = upsert.key;
  std::sort(given.begin(), given.end());
  if (given == key) {
    return Status();
  }
  Status status = Status::InvalidArgument(
      fmt::format("ON CONFLICT names columns that are not the key of {}: the key is ({})",
                  write.table, fmt::join(key, ", ")));
  return statement.At(std::move(status).WithSqlState("42P10"), upsert.key_offset);
}

class WriteRunner {
 public:
  WriteRunner(SqliteConnection& sqlite, const ParsedStatement& statement,
              std::span<const Value> values, StatementContext& context)
      : sqlite_(sqlite), statement_(statement), values_(values), context_(context) {
    const auto& write = std::get<SqliteStatement>(statement.node).write;
    write_ = write ? &*write : nullptr;
  }

  Result<WriteOutcome> Run(const CompiledStatement& compiled) {
    if (write_ == nullptr) {
      DASHI_RETURN_IF_ERROR(sqlite_.Bind(compiled.get(), values_));
      DASHI_RETURN_IF_ERROR(StepAll(compiled.get()));
      outcome_.rows_changed = context_.rows_changed;
      return std::move(outcome_);
    }
    if (write_->verb == SqliteVerb::kDelete) {
      return Delete(compiled);
    }
    return InsertOrUpdate(compiled.get());
  }

 private:
  /// Whether a * stands alone in the list of RETURNING.
  bool ReturnsAll() const {
    const Token* before = nullptr;
    for (const Token& token : statement_.tokens) {
      const bool inside =
          token.offset >= write_->returning->begin && token.offset < write_->returning->end;
      if (inside && token.IsOperator("*") &&
          (token.offset == write_->returning->begin ||
           (before != nullptr && before->IsOperator(",")))) {
        return true;
      }
      before = &token;
    }
    return false;
  }

  Status StepAll(sqlite3_stmt* compiled) {
    for (bool more = true; more;) {
      DASHI_ASSIGN_OR_RETURN(more, sqlite_.Step(compiled, statement_, context_));
    }
    return Status();
  }

  Result<CompiledStatement> Compile(const SqliteText& text, const postgres::TypedStatement& read) {
    DASHI_ASSIGN_OR_RETURN(CompiledStatement compiled,
                           sqlite_.CompileComposed(text, statement_, read, context_));
    DASHI_RETURN_IF_ERROR(sqlite_.Bind(compiled.get(), values_));
    return compiled;
  }

  /// Compiles the clauses first, so that what is wrong with them does not depend on the rows.
  Result<WriteOutcome> InsertOrUpdate(sqlite3_stmt* compiled) {
    std::vector<std::int64_t> written;
    std::optional<ConflictingRows> conflicts;
    CompiledStatement upsert;
    CompiledStatement returning;
    DASHI_ASSIGN_OR_RETURN(const postgres::TypedStatement read,
                           postgres::ReadWithTypes(statement_, context_.schemas));
    if (write_->upsert) {
      DASHI_RETURN_IF_ERROR(CheckKey(statement_, *write_));
      conflicts.emplace(!write_->upsert->nothing);
      if (conflicts->updates()) {
        DASHI_ASSIGN_OR_RETURN(
            upsert, Compile(UpsertText(statement_, read.replaced, context_.schemas), read));
      }
    }
    if (write_->returning) {
      DASHI_RETURN_IF_ERROR(CheckReturned());
      DASHI_ASSIGN_OR_RETURN(returning, Compile(ReturningText(statement_, read.replaced), read));
    }
    context_.conflicts = conflicts ? &*conflicts : nullptr;
    context_.written = &written;
    DASHI_RETURN_IF_ERROR(sqlite_.Bind(compiled, values_));
    DASHI_RETURN_IF_ERROR(StepAll(compiled));
    context_.conflicts = nullptr;
    if (conflicts && !conflicts->listed().rows.empty()) {
      DASHI_RETURN_IF_ERROR(UpdateConflicting(conflicts->listed(), upsert.get(), &written));
    }
    context_.written = nullptr;
    if (write_->returning) {
      DASHI_RETURN_IF_ERROR(ReadReturned({std::move(written), {}}, returning));
    }
    outcome_.rows_changed = context_.rows_changed;
    return std::move(outcome_);
  }

  Status CheckReturned() const {
    if (!write_->updates_from || !ReturnsAll()) {
      return Status();
    }
    return statement_.At(
        Status::Unimplemented("RETURNING * beside FROM would leave out the columns of FROM")
            .WithSqlState("0A000")
            .WithHint("Write " + write_->name() + ".* or name the columns."),
        write_->returning->begin);
  }

  /// Updates the rows whose keys exist. `written` has the rows that were inserted, and gets those
  /// that were updated where they stood in the statement.
  Status UpdateConflicting(const ListedRows& listed, sqlite3_stmt* compiled,
                           std::vector<std::int64_t>* written) {
    std::vector<std::int64_t> updated;
    context_.written = &updated;
    context_.listed = &listed;
    DASHI_RETURN_IF_ERROR(StepAll(compiled));
    context_.listed = nullptr;
    const std::unordered_set<std::int64_t> were_updated(updated.begin(), updated.end());
    const std::unordered_set<std::int64_t> met(listed.rows.begin(), listed.rows.end());
    std::erase_if(*written, [&](std::int64_t row) {
      return met.contains(row) && !were_updated.contains(row);  // WHERE did not hold.
    });
    return Status();
  }

  Status ReadReturned(const ListedRows& listed, const CompiledStatement& compiled) {
    context_.listed = &listed;
    outcome_.columns = compiled.Columns();
    Row row;
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, sqlite_.Step(compiled.get(), statement_, context_));
      if (!more) {
        context_.listed = nullptr;
        return Status();
      }
      DASHI_ASSIGN_OR_RETURN(const std::size_t num_bytes,
                             SqliteConnection::ReadRow(compiled.get(), &row));
      DASHI_RETURN_IF_ERROR(Keep(std::move(row), num_bytes));
    }
  }

  /// Keeps a row that comes back.
  Status Keep(Row row, std::size_t num_bytes) {
    DASHI_RETURN_IF_ERROR(outcome_.memory.Add(sizeof(Row) + num_bytes));
    outcome_.rows.push_back(std::move(row));
    return Status();
  }

  /// Reads all rows before the first is deleted.
  Result<WriteOutcome> Delete(const CompiledStatement& compiled) {
    DASHI_RETURN_IF_ERROR(sqlite_.Bind(compiled.get(), values_));
    outcome_.columns = compiled.Columns();
    outcome_.columns.erase(outcome_.columns.begin());
    std::vector<std::int64_t> deleted;
    Row row;
    for (;;) {
      DASHI_ASSIGN_OR_RETURN(const bool more, sqlite_.Step(compiled.get(), statement_, context_));
      if (!more) {
        break;
      }
      DASHI_ASSIGN_OR_RETURN(const std::size_t num_bytes,
                             SqliteConnection::ReadRow(compiled.get(), &row));
      deleted.push_back(row.front().integer());
      if (write_->returning) {
        row.erase(row.begin());
        DASHI_RETURN_IF_ERROR(Keep(std::move(row), num_bytes));
      }
    }
    const TableDefinition* definition = FindTable(write_->table);
    if (!definition->writable) {
      return Status::InvalidArgument("the table is read-only: " + write_->table)
          .WithSqlState("42809");
    }
    const std::unique_ptr<VirtualTable> table = definition->make(context_.schemas);
    for (std::size_t i = 0; i < deleted.size(); ++i) {
      if (i % kRowsPerPoll == 0) {
        DASHI_RETURN_IF_ERROR(context_.interruption->ToStatus());
      }
      DASHI_RETURN_IF_ERROR(table->Delete(context_, deleted[i]));
    }
    outcome_.rows_changed = context_.rows_changed;
    return std::move(outcome_);
  }

  SqliteConnection& sqlite_;
  const ParsedStatement& statement_;
  const std::span<const Value> values_;
  StatementContext& context_;
  const WriteClauses* write_ = nullptr;  // Null: there are none.
  WriteOutcome outcome_;
};

}  // namespace

const char* WriteWord(SqliteVerb verb) {
  switch (verb) {
    case SqliteVerb::kInsert:
      return "INSERT";
    case SqliteVerb::kUpdate:
      return "UPDATE";
    default:
      return "DELETE";
  }
}

Result<WriteOutcome> RunWriteStatement(SqliteConnection& sqlite, const ParsedStatement& statement,
                                       std::span<const Value> values,
                                       const CompiledStatement& compiled,
                                       StatementContext& context) {
  return WriteRunner(sqlite, statement, values, context).Run(compiled);
}

}  // namespace dashi::sql
