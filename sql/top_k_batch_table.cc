#include "sql/top_k_batch_table.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/memory_account.h"
#include "base/status.h"
#include "query/top_k.h"
#include "sql/database_impl.h"
#include "sql/function_arguments.h"
#include "sql/interruption.h"
#include "sql/parser.h"
#include "sql/sqlite_connection.h"
#include "sql/top_k_function.h"
#include "sql/top_k_hits.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// Queries that are encoded and searched together.
constexpr std::size_t kBatchRows = 1024;
/// How deep topk_batch may stand in the query of another.
constexpr int kNestingMax = 4;
/// Guessed rows of the inner query.
constexpr int kGuessedQueries = 1000;

constexpr TopKColumnInfo kColumns[] = {
    {TopKColumn::kQueryId, "id"}, {TopKColumn::kRank, "rank"},      {TopKColumn::kId, "label"},
    {TopKColumn::kText, "text"},  {TopKColumn::kScore, "score"},    {TopKColumn::kQuery, "queries"},
    {TopKColumn::kCount, "k"},    {TopKColumn::kOptions, "options"}};

std::unique_ptr<VirtualCursor> OpenCursor(const UserSchemas& schemas, StatementContext& statement);

constexpr TopKFunction kTopKBatch = {.name = "topk_batch",
                                     .usage = "topk_batch('SELECT id, text FROM documents', 10)",
                                     .plan = "k best of every row",
                                     .columns = kColumns,
                                     .num_visible = 5,
                                     .shows_label_columns = true,
                                     .num_queries = kGuessedQueries,
                                     .open = OpenCursor};

// The error of the inner query: its position counts from another text's start.
Status OfInnerQuery(const Status& status) {
  Status inner = Status(status.code(), std::string(status.message()))
                     .WithSqlState(status.sqlstate())
                     .WithContext("in the query of topk_batch");
  return status.hint().empty() ? inner : std::move(inner).WithHint(std::string(status.hint()));
}

/// Reads the rows of the inner query a batch at a time, and walks the searches of each batch.
class TopKBatchCursor : public VirtualCursor {
 public:
  TopKBatchCursor(const UserSchemas& schemas, StatementContext& statement)
      : statement_(statement), hits_(kTopKBatch, schemas, statement) {}

  Status Filter(int num_arguments, std::string_view plan_text,
                std::span<sqlite3_value*> values) override {
    Clear();
    DASHI_ASSIGN_OR_RETURN(const std::string_view queries, ReadTextArgument(values[0], "query"));
    DASHI_RETURN_IF_ERROR(hits_.Begin(num_arguments, plan_text, values));
    const Status compiled = Compile(queries);
    if (!compiled.ok()) {
      return OfInnerQuery(compiled);
    }
    num_before_ = 0;
    if (hits_.k() == 0) {
      inner_.reset();
      return Status();
    }
    return Advance();
  }

  Status Next() override { return Advance(); }

  bool AtEnd() const override { return at_end_; }

  Status Column(int column, sqlite3_context* context) override {
    if (column == 0) {
      SetSqliteResult(context, ids_[next_ - 1]);
    } else {
      hits_.Column(column, context);
    }
    return Status();
  }

  std::int64_t RowId() const override { return hits_.RowId(num_before_ + next_); }

 private:
  void Clear() {
    compiled_.reset();
    inner_.reset();
    batch_.reset();
    ids_.clear();
    next_ = 0;
    at_end_ = true;
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

  // Moves on to the next row that passes: of this search, the next one, or the next batch.
  Status Advance() {
    bool is_searching = next_ > 0;
    for (;;) {
      if (is_searching) {
        DASHI_ASSIGN_OR_RETURN(const bool more, hits_.Next());
        if (more) {
          at_end_ = false;
          return Status();
        }
      }
      DASHI_RETURN_IF_ERROR(statement_.interruption->ToStatus());
      if (batch_ == nullptr || batch_->at_end()) {
        if (inner_ != nullptr) {
          DASHI_RETURN_IF_ERROR(ReadBatch());
        }
        if (batch_ == nullptr || batch_->at_end()) {
          at_end_ = true;
          return Status();
        }
      }
      batch_->Restrict(hits_.can_pass());
      DASHI_ASSIGN_OR_RETURN(auto search, batch_->OpenNext());
      hits_.Start(std::move(search));
      ++next_;
      is_searching = true;
    }
  }

  Status ReadBatch() {
    num_before_ += ids_.size();
    ids_.clear();
    next_ = 0;
    DASHI_RETURN_IF_ERROR(batch_memory_.Resize(0));
    std::vector<std::string> texts;
    texts.reserve(kBatchRows);
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
      DASHI_RETURN_IF_ERROR(batch_memory_.Add(query.size() + sizeof(std::string) + sizeof(Value)));
      texts.emplace_back(query);
      ids_.push_back(ValueFromSqlite(sqlite3_column_value(compiled_.get(), 0)));
    }
    if (texts.empty()) {
      return Status();
    }
    query::TopKOptions options = hits_.options();
    DASHI_ASSIGN_OR_RETURN(options.only, hits_.LookUp(texts.size()));
    DASHI_ASSIGN_OR_RETURN(batch_,
                           query::OpenTopKBatch(statement_.view, statement_.database->releases(),
                                                std::move(texts), hits_.k(), options));
    return Status();
  }

  StatementContext& statement_;  // Outlives its cursors.
  TopKHits hits_;
  std::unique_ptr<ParsedStatement> inner_;  // Null when its rows have ended.
  CompiledStatement compiled_;
  std::vector<Value> ids_;  // Of the batch.
  MemoryCharge batch_memory_;
  std::unique_ptr<query::TopKBatch> batch_;
  std::size_t next_ = 0;          // How many of its searches have begun.
  std::uint64_t num_before_ = 0;  // Searches of the batches before.
  bool at_end_ = true;
};

std::unique_ptr<VirtualCursor> OpenCursor(const UserSchemas& schemas, StatementContext& statement) {
  return std::make_unique<TopKBatchCursor>(schemas, statement);
}

}  // namespace

const TableDefinition& TopKBatchTable() {
  static constexpr TableDefinition kTable = {
      "topk_batch",
      "CREATE TABLE t(id ANY, rank INTEGER, label TEXT, text TEXT, score REAL, "
      "queries TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
      false,
      [](const UserSchemas& schemas) { return MakeTopKTable(kTopKBatch, schemas); },
      nullptr,
      [](const UserSchemas& schemas) { return DeclareColumns(ShownColumns(kTopKBatch, schemas)); }};
  return kTable;
}

}  // namespace dashi::sql
