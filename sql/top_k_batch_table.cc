#include "sql/top_k_batch_table.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "query/top_k.h"
#include "sql/database_impl.h"
#include "sql/interruption.h"
#include "sql/label_columns.h"
#include "sql/parser.h"
#include "sql/planner_cost.h"
#include "sql/sqlite_connection.h"
#include "sql/top_k_table.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// Queries that are encoded and searched together.
constexpr std::size_t kBatchRows = 1024;
/// How deep topk_batch may stand in the query of another.
constexpr int kNestingMax = 4;
/// Guessed rows of the inner query.
constexpr sqlite3_int64 kGuessedRows = 1000;

enum : int { kId, kRank, kLabel, kText, kScore, kQueries, kCount, kOptions };

constexpr std::string_view kNames[] = {"id",    "rank",    "label", "text",
                                       "score", "queries", "k",     "options"};

using UserColumns = std::vector<const storage::ColumnRecord*>;

// The error of the inner query: its position counts from another text's start.
Status OfInnerQuery(const Status& status) {
  Status inner = Status(status.code(), std::string(status.message()))
                     .WithSqlState(status.sqlstate())
                     .WithContext("in the query of topk_batch");
  return status.hint().empty() ? inner : std::move(inner).WithHint(std::string(status.hint()));
}

class TopKBatchCursor : public VirtualCursor {
 public:
  TopKBatchCursor(const UserSchemas& schemas, UserColumns user_columns, StatementContext& statement)
      : schemas_(schemas), user_columns_(std::move(user_columns)), statement_(statement) {}

  Status Filter(int num_arguments, std::string_view /*plan_text*/,
                std::span<sqlite3_value*> values) override {
    Clear();
    arguments_.clear();
    for (sqlite3_value* value : values) {
      arguments_.push_back(ValueFromSqlite(value));
    }
    DASHI_ASSIGN_OR_RETURN(const std::string_view queries, ReadTextArgument(values[0], "query"));
    DASHI_ASSIGN_OR_RETURN(k_, ReadTopKCount(values[1]));
    const bool has_options = num_arguments > 2 && !arguments_[2].is_null();
    DASHI_ASSIGN_OR_RETURN(options_, query::ParseTopKOptions(has_options ? TextOf(values[2]) : "",
                                                             TopKDefaults(*statement_.settings)));
    options_.check_stop = [this] { return statement_.interruption->ToStatus(); };
    options_.needed_sequence = statement_.needed_sequence;
    const Status compiled = Compile(queries);
    if (!compiled.ok()) {
      return OfInnerQuery(compiled);
    }
    row_id_ = 0;
    if (k_ == 0) {
      inner_.reset();
      return Status();
    }
    return Advance();
  }

  Status Next() override {
    ++row_id_;
    ++hit_;
    return Advance();
  }

  bool AtEnd() const override { return row_ >= ids_.size(); }

  Status Column(int column, sqlite3_context* context) override {
    const query::TopKHit& hit = hits_[row_][hit_];
    if (static_cast<std::size_t>(column) >= std::size(kNames)) {
      const storage::ColumnRecord& user =
          *user_columns_[static_cast<std::size_t>(column) - std::size(kNames)];
      SetSqliteResult(context, ShownValue(user.type, storage::ColumnValue(hit.row, user)));
      return Status();
    }
    switch (column) {
      case kId:
        SetSqliteResult(context, ids_[row_]);
        break;
      case kRank:
        sqlite3_result_int64(context, static_cast<sqlite3_int64>(hit_) + 1);
        break;
      case kLabel:
        SetSqliteText(context, hit.row.id);
        break;
      case kText:
        SetSqliteText(context, hit.row.text);
        break;
      case kScore:
        sqlite3_result_double(context, ShortestDouble(hit.score));
        break;
      default: {
        const auto argument = static_cast<std::size_t>(column - kQueries);
        if (argument < arguments_.size()) {
          SetSqliteResult(context, arguments_[argument]);
        }
      }
    }
    return Status();
  }

  std::int64_t RowId() const override { return row_id_; }

 private:
  void Clear() {
    compiled_.reset();
    inner_.reset();
    ids_.clear();
    hits_.clear();
    row_ = 0;
    hit_ = 0;
  }

  Status Compile(std::string_view queries) {
    if (statement_.nesting >= kNestingMax) {
      return Status::ResourceExhausted("topk_batch is nested too deeply").WithSqlState("54001");
    }
    DASHI_ASSIGN_OR_RETURN(ParsedStatement parsed, ParseOne(queries));
    const auto* node = std::get_if<SqliteStatement>(&parsed.node);
    if (node == nullptr || node->verb != SqliteVerb::kSelect || parsed.num_parameters > 0) {
      return Status::InvalidArgument("expected a SELECT without parameters").WithSqlState("42601");
    }
    inner_ = std::make_unique<ParsedStatement>(std::move(parsed));
    DASHI_ASSIGN_OR_RETURN(compiled_, statement_.sqlite->Compile(*inner_, statement_));
    if (sqlite3_column_count(compiled_.get()) != 2 || sqlite3_stmt_readonly(compiled_.get()) == 0) {
      return Status::InvalidArgument("expected a SELECT of two columns, an id and a text: got " +
                                     std::to_string(sqlite3_column_count(compiled_.get())))
          .WithSqlState("42601");
    }
    return Status();
  }

  // Moves on to the next hit, reading the next batch of queries when this one is used up.
  Status Advance() {
    for (;;) {
      while (row_ < ids_.size() && hit_ >= hits_[row_].size()) {
        ++row_;
        hit_ = 0;
      }
      if (row_ < ids_.size() || inner_ == nullptr) {
        return Status();
      }
      DASHI_RETURN_IF_ERROR(statement_.interruption->ToStatus());
      DASHI_RETURN_IF_ERROR(ReadBatch());
    }
  }

  Status ReadBatch() {
    ids_.clear();
    hits_.clear();
    row_ = 0;
    hit_ = 0;
    std::vector<std::string> texts;
    while (ids_.size() < kBatchRows) {
      ++statement_.nesting;
      Result<bool> more = statement_.sqlite->Step(compiled_.get(), *inner_, statement_);
      --statement_.nesting;
      if (!more.ok()) {
        return OfInnerQuery(std::move(more).status());
      }
      if (!*more) {
        compiled_.reset();
        inner_.reset();
        break;
      }
      sqlite3_value* text = sqlite3_column_value(compiled_.get(), 1);
      DASHI_ASSIGN_OR_RETURN(const std::string_view query, ReadTextArgument(text, "text"));
      texts.emplace_back(query);
      ids_.push_back(ValueFromSqlite(sqlite3_column_value(compiled_.get(), 0)));
    }
    if (texts.empty()) {
      return Status();
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    DASHI_ASSIGN_OR_RETURN(hits_, query::TopKBatch(statement_.view, statement_.database->releases(),
                                                   views, k_, options_));
    return Status();
  }

  const UserSchemas schemas_;
  const UserColumns user_columns_;  // of schemas_
  StatementContext& statement_;     // Outlives its cursors.
  std::vector<Value> arguments_;
  std::size_t k_ = 0;
  query::TopKOptions options_;
  std::unique_ptr<ParsedStatement> inner_;  // Null when its rows have ended.
  CompiledStatement compiled_;
  std::vector<Value> ids_;
  std::vector<std::vector<query::TopKHit>> hits_;  // [ids_.size()], each at most k.
  std::size_t row_ = 0;
  std::size_t hit_ = 0;
  std::int64_t row_id_ = 0;
};

class TopKBatchVirtualTable : public VirtualTable {
 public:
  explicit TopKBatchVirtualTable(const UserSchemas& schemas) : schemas_(schemas) {}

  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    std::array<int, 3> arguments{-1, -1, -1};
    statement.plan_error =
        Status::InvalidArgument(
            "topk_batch needs its arguments: topk_batch('SELECT id, text FROM documents', 10)")
            .WithSqlState("42883");
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      if (constraint.iColumn < kQueries || constraint.iColumn > kOptions ||
          constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) {
        continue;
      }
      if (constraint.usable == 0) {
        return false;
      }
      int& argument = arguments[static_cast<std::size_t>(constraint.iColumn - kQueries)];
      argument = argument < 0 ? i : argument;
    }
    if (arguments[0] < 0 || arguments[1] < 0) {
      return false;
    }
    for (const int constraint : arguments) {
      if (constraint >= 0) {
        info->aConstraintUsage[constraint].argvIndex = ++info->idxNum;
        info->aConstraintUsage[constraint].omit = 1;
      }
    }
    info->estimatedRows = kGuessedRows;
    info->estimatedCost = kTopKCost * static_cast<double>(kGuessedRows);
    DASHI_RETURN_IF_ERROR(SetPlanText(info, "k best of every row"));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(
        std::make_unique<TopKBatchCursor>(schemas_, ShownColumns(schemas_), statement));
  }

  /// The columns of labels that it shows behind its own.
  static UserColumns ShownColumns(const UserSchemas& schemas) {
    return LabelColumnsBeside(*schemas.labels, kNames);
  }

 private:
  const UserSchemas schemas_;
};

}  // namespace

const TableDefinition& TopKBatchTable() {
  static constexpr TableDefinition kTable = {
      "topk_batch",
      "CREATE TABLE t(id ANY, rank INTEGER, label TEXT, text TEXT, score REAL, "
      "queries TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
      false,
      [](const UserSchemas& schemas) -> std::unique_ptr<VirtualTable> {
        return std::make_unique<TopKBatchVirtualTable>(schemas);
      },
      nullptr,
      [](const UserSchemas& schemas) {
        return DeclareColumns(TopKBatchVirtualTable::ShownColumns(schemas));
      }};
  return kTable;
}

}  // namespace dashi::sql
