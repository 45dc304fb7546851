#include "sql/top_k_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "query/top_k.h"
#include "sql/column_filter.h"
#include "sql/database_impl.h"
#include "sql/interruption.h"
#include "sql/label_columns.h"
#include "sql/label_filter.h"
#include "sql/planner_cost.h"
#include "sql/search_log.h"
#include "sql/token.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// Rows that are dropped between two questions whether to stop.
constexpr std::size_t kRowsPerPoll = 256;
/// More tests than this stay with SQLite. A constraint's number must fit sqlite3_vtab_in's mask.
constexpr int kConstraintsMax = 31;

enum class TopKColumn : std::uint8_t {
  kRank,
  kId,
  kText,
  kScore,
  kRelease,
  // Hidden: the arguments.
  kTable,
  kQuery,
  kCount,
  kOptions,
};

struct ColumnInfo {
  TopKColumn column;
  std::string_view name;
};

constexpr ColumnInfo kTopKColumns[] = {
    {TopKColumn::kRank, "rank"},   {TopKColumn::kId, "label"},        {TopKColumn::kText, "text"},
    {TopKColumn::kScore, "score"}, {TopKColumn::kRelease, "release"}, {TopKColumn::kQuery, "query"},
    {TopKColumn::kCount, "k"},     {TopKColumn::kOptions, "options"}};
constexpr ColumnInfo kNearestColumns[] = {
    {TopKColumn::kRank, "rank"},   {TopKColumn::kId, "id"},          {TopKColumn::kText, "text"},
    {TopKColumn::kScore, "score"}, {TopKColumn::kTable, "table"},    {TopKColumn::kQuery, "query"},
    {TopKColumn::kCount, "k"},     {TopKColumn::kOptions, "options"}};

/// One of the two functions.
struct TopKFunction {
  std::string_view name;
  std::string_view usage;
  std::span<const ColumnInfo> columns;
  std::size_t num_visible;
};

constexpr TopKFunction kTopK = {"topk", "topk('query', 10)", kTopKColumns, 5};
constexpr TopKFunction kNearest = {"nearest", "nearest('documents', 'query', 10)", kNearestColumns,
                                   4};

/// The user columns that rows of topk() show.
std::vector<const storage::ColumnRecord*> ShownColumns(const UserSchemas& schemas) {
  std::vector<std::string_view> own;
  for (const ColumnInfo& info : kTopK.columns) {
    own.push_back(info.name);
  }
  return LabelColumnsBeside(*schemas.labels, own);
}

class TopKTableCursor : public VirtualCursor {
 public:
  TopKTableCursor(const TopKFunction& function, const UserSchemas& schemas,
                  std::span<const storage::ColumnRecord* const> user_columns,
                  StatementContext& statement)
      : function_(function),
        schemas_(schemas),
        user_columns_(user_columns.begin(), user_columns.end()),
        statement_(statement) {}
  ~TopKTableCursor() override { Report(); }
  TopKTableCursor(const TopKTableCursor&) = delete;
  TopKTableCursor& operator=(const TopKTableCursor&) = delete;

  Status Filter(int num_arguments, std::string_view plan_text,
                std::span<sqlite3_value*> values) override {
    Report();
    cursor_.reset();
    num_dropped_ = 0;
    labels_ = LabelFilter();
    arguments_.clear();
    const auto count = static_cast<std::size_t>(num_arguments);
    for (sqlite3_value* value : values.first(count)) {
      arguments_.push_back(ValueFromSqlite(value));
    }
    DASHI_RETURN_IF_ERROR(filter_.Set(ParseTests(plan_text), values.subspan(count)));
    std::size_t next = 0;
    std::string_view table;
    if (&function_ == &kNearest) {
      DASHI_ASSIGN_OR_RETURN(table, ReadTextArgument(values[next++], "table"));
    }
    DASHI_ASSIGN_OR_RETURN(const std::string_view query, ReadTextArgument(values[next++], "query"));
    DASHI_ASSIGN_OR_RETURN(k_, ReadTopKCount(values[next++]));
    const bool has_options = next < count && !arguments_[next].is_null();
    DASHI_ASSIGN_OR_RETURN(query::TopKOptions options,
                           query::ParseTopKOptions(has_options ? TextOf(values[next]) : "",
                                                   TopKDefaults(*statement_.settings)));
    rank_ = 0;
    at_end_ = k_ == 0;
    if (at_end_) {
      return Status();
    }
    options.check_stop = [this] { return statement_.interruption->ToStatus(); };
    options.needed_sequence = statement_.needed_sequence;
    query::ReleaseCache& releases = statement_.database->releases();
    if (&function_ == &kNearest) {
      DASHI_ASSIGN_OR_RETURN(
          cursor_, query::OpenNearest(statement_.view, releases, table, query, k_, options));
    } else {
      DASHI_ASSIGN_OR_RETURN(labels_, LabelFilter::Make(statement_, filter_));
      DASHI_ASSIGN_OR_RETURN(options.only, labels_.LookUp(statement_, k_));
      DASHI_ASSIGN_OR_RETURN(cursor_,
                             query::OpenTopK(statement_.view, releases, query, k_, options));
    }
    release_ = cursor_->release().Name();
    return Next();
  }

  Status Next() override {
    if (rank_ == k_) {
      at_end_ = true;
      return Status();
    }
    for (;; ++num_dropped_) {
      if (num_dropped_ % kRowsPerPoll == kRowsPerPoll - 1) {
        DASHI_RETURN_IF_ERROR(statement_.interruption->ToStatus());
      }
      if (const auto most = labels_.num_dropped_max(); most && num_dropped_ > *most) {
        DASHI_ASSIGN_OR_RETURN(auto only, labels_.LookUpMore(statement_));
        cursor_->Restrict(std::move(only));
      }
      DASHI_ASSIGN_OR_RETURN(const bool more, cursor_->Next(&hit_));
      if (!more) {
        at_end_ = true;
        return Status();
      }
      if (filter_.empty() || Passes()) {
        ++rank_;
        return Status();
      }
    }
  }

  bool AtEnd() const override { return at_end_; }

  Status Column(int column, sqlite3_context* context) override {
    if (static_cast<std::size_t>(column) >= function_.columns.size()) {
      const storage::ColumnRecord& user =
          *user_columns_[static_cast<std::size_t>(column) - function_.columns.size()];
      SetSqliteResult(context, UserValue(user));
      return Status();
    }
    const TopKColumn which = function_.columns[static_cast<std::size_t>(column)].column;
    switch (which) {
      case TopKColumn::kRank:
        sqlite3_result_int64(context, static_cast<sqlite3_int64>(rank_));
        break;
      case TopKColumn::kId:
        SetSqliteText(context, hit_.row.id);
        break;
      case TopKColumn::kText:
        SetSqliteText(context, hit_.row.text);
        break;
      case TopKColumn::kScore:
        sqlite3_result_double(context, ShortestDouble(hit_.score));
        break;
      case TopKColumn::kRelease:
        SetSqliteText(context, release_);
        break;
      default: {
        const std::size_t argument = static_cast<std::size_t>(column) - function_.num_visible;
        if (argument < arguments_.size()) {
          SetSqliteResult(context, arguments_[argument]);
        }
      }
    }
    return Status();
  }

  std::int64_t RowId() const override { return static_cast<std::int64_t>(rank_); }

 private:
  /// Tells EXPLAIN ANALYZE of a search that has ended.
  void Report() const {
    if (cursor_ != nullptr && statement_.searches != nullptr) {
      statement_.searches->Add(function_.name, cursor_->Summary(), num_dropped_);
    }
  }

  bool Passes() const {
    return filter_.Passes(function_.columns[1].name, Value::Text(hit_.row.id)) &&
           filter_.Passes("text", Value::Text(hit_.row.text)) &&
           filter_.Passes("score", Value::Real(ShortestDouble(hit_.score))) &&
           filter_.Passes("release", Value::Text(release_)) &&
           std::all_of(user_columns_.begin(), user_columns_.end(),
                       [this](const storage::ColumnRecord* column) {
                         return filter_.Passes(TestName(*column), UserValue(*column));
                       });
  }

  Value UserValue(const storage::ColumnRecord& column) const {
    return ShownValue(column.type, storage::ColumnValue(hit_.row, column));
  }

  const TopKFunction& function_;
  const UserSchemas schemas_;
  const std::vector<const storage::ColumnRecord*> user_columns_;  // of schemas_
  StatementContext& statement_;                                   // Outlives its cursors.
  std::vector<Value> arguments_;
  ColumnFilter filter_;
  std::size_t k_ = 0;
  std::size_t rank_ = 0;
  bool at_end_ = true;
  std::string release_;
  LabelFilter labels_;
  std::uint64_t num_dropped_ = 0;  // Rows that were found and fail a test.
  std::unique_ptr<query::TopKCursor> cursor_;
  query::TopKHit hit_;
};

/// What the constraints of one planning call offer.
struct Offer {
  std::array<int, 4> arguments{-1, -1, -1, -1};  ///< constraint of each hidden column
  bool argument_unusable = false;
  std::vector<std::pair<int, ColumnTest>> tests;
  int num_not_literal = 0;  ///< tests that may depend on another table
};

class TopKTable : public VirtualTable {
 public:
  TopKTable(const TopKFunction& function, const UserSchemas& schemas)
      : function_(function), schemas_(schemas) {
    if (&function_ == &kTopK) {
      user_columns_ = ShownColumns(schemas_);
    }
  }

  // The planner asks with the constraints that other tables could supply and, when the answer uses
  // one of them, again without. A test that depends on another table must not be used: it would
  // turn "the top k, joined" into "the top k of every joined row". Such a test cannot be told from
  // one with a parameter, but its use can be made so dear that the answer without it wins; where no
  // test depends on another table there is one answer only, and its cost does not matter.
  Result<bool> Plan(StatementContext& statement, sqlite3_index_info* info) override {
    const Offer offer = Collect(info);
    const std::size_t num_required = num_arguments() - 1;  // All but the options.
    bool complete = !offer.argument_unusable;
    for (std::size_t i = 0; i < num_required; ++i) {
      complete = complete && offer.arguments[i] >= 0;
    }
    if (!complete) {  // SQLite may have other plans, for instance when it takes an OR apart.
      statement.plan_error =
          Status::InvalidArgument(std::string(function_.name) +
                                  " needs its arguments: " + std::string(function_.usage))
              .WithSqlState("42883");
      return false;
    }
    int argv_index = 0;
    for (const int constraint : offer.arguments) {
      if (constraint >= 0) {
        info->aConstraintUsage[constraint].argvIndex = ++argv_index;
        info->aConstraintUsage[constraint].omit = 1;
      }
    }
    info->idxNum = argv_index;
    std::vector<ColumnTest> tests;
    for (const auto& [constraint, test] : offer.tests) {
      if (test.op == "IN") {
        sqlite3_vtab_in(info, constraint, 1);
      }
      info->aConstraintUsage[constraint].argvIndex = ++argv_index;
      tests.push_back(test);  // Not omitted: SQLite checks again, by its own rules.
    }
    const sqlite3_int64 k = LiteralCount(info, offer.arguments[num_required - 1]);
    info->estimatedRows = std::max<sqlite3_int64>(k, 1);
    info->estimatedCost = kTopKCost + static_cast<double>(k) * kLookupCost;
    for (int i = 0; i < std::min(offer.num_not_literal, 8); ++i) {
      info->estimatedCost *= kJoinDependentCost;
    }
    info->orderByConsumed = InRankOrder(info) ? 1 : 0;
    DASHI_RETURN_IF_ERROR(SetPlanText(info, FormatTests(tests)));
    return true;
  }

  Result<std::unique_ptr<VirtualCursor>> Open(StatementContext& statement) override {
    return std::unique_ptr<VirtualCursor>(
        std::make_unique<TopKTableCursor>(function_, schemas_, user_columns_, statement));
  }

 private:
  std::size_t num_arguments() const { return function_.columns.size() - function_.num_visible; }

  Offer Collect(sqlite3_index_info* info) const {
    Offer offer;
    for (int i = 0; i < info->nConstraint; ++i) {
      const auto& constraint = info->aConstraint[i];
      const auto column = static_cast<std::size_t>(constraint.iColumn);
      const bool usable = constraint.usable != 0;
      if (constraint.iColumn >= 0 && column >= function_.columns.size()) {
        if (usable && i < kConstraintsMax) {
          const auto& user = *user_columns_[column - function_.columns.size()];
          AddTest(info, i, TestOf(info, i, TestName(user)), &offer);
        }
        continue;
      }
      if (constraint.iColumn >= 0 && column >= function_.num_visible) {
        if (constraint.op == SQLITE_INDEX_CONSTRAINT_EQ) {
          int& argument = offer.arguments[column - function_.num_visible];
          offer.argument_unusable = offer.argument_unusable || (!usable && argument < 0);
          argument = usable && argument < 0 ? i : argument;
        }
        continue;
      }
      const TopKColumn which =
          constraint.iColumn < 0 ? TopKColumn::kRank : function_.columns[column].column;
      if (!usable || which == TopKColumn::kRank || i >= kConstraintsMax) {
        continue;  // A rank is that of the rows which are returned: it cannot choose them.
      }
      const std::optional<ColumnTest> test = TestOf(info, i, function_.columns[column].name);
      const bool equals = test && (test->op == "=" || test->op == "IS");
      if (which == TopKColumn::kId && equals && !IsLiteral(info, i, *test)) {
        continue;  // A join on the label.
      }
      AddTest(info, i, test, &offer);
    }
    return offer;
  }

  static bool IsLiteral(sqlite3_index_info* info, int constraint, const ColumnTest& test) {
    sqlite3_value* literal = nullptr;
    return sqlite3_vtab_rhs_value(info, constraint, &literal) == SQLITE_OK || test.op == "ISNULL" ||
           test.op == "NOTNULL";
  }

  static void AddTest(sqlite3_index_info* info, int constraint,
                      const std::optional<ColumnTest>& test, Offer* offer) {
    if (test) {
      offer->num_not_literal += IsLiteral(info, constraint, *test) ? 0 : 1;
      offer->tests.emplace_back(constraint, *test);
    }
  }

  static sqlite3_int64 LiteralCount(sqlite3_index_info* info, int constraint) {
    constexpr sqlite3_int64 kUsual = 10;
    sqlite3_value* value = nullptr;
    if (sqlite3_vtab_rhs_value(info, constraint, &value) != SQLITE_OK) {
      return kUsual;
    }
    return std::clamp<sqlite3_int64>(sqlite3_value_int64(value), 0,
                                     static_cast<sqlite3_int64>(query::kTopKMax));
  }

  // Whether ORDER BY asks for the order in which rows come: by rank, or by falling score.
  bool InRankOrder(const sqlite3_index_info* info) const {
    if (info->nOrderBy != 1 || info->aOrderBy[0].iColumn < 0) {
      return false;
    }
    const auto column = static_cast<std::size_t>(info->aOrderBy[0].iColumn);
    if (column >= function_.columns.size()) {
      return false;
    }
    const bool descending = info->aOrderBy[0].desc != 0;
    const TopKColumn which = function_.columns[column].column;
    return descending ? which == TopKColumn::kScore : which == TopKColumn::kRank;
  }

  const TopKFunction& function_;
  const UserSchemas schemas_;
  std::vector<const storage::ColumnRecord*> user_columns_;  // of schemas_
};

}  // namespace

query::TopKOptions TopKDefaults(const Settings& settings) {
  query::TopKOptions options;
  options.exact = settings.ann_exact();
  options.ef = settings.ann_ef();
  options.require_index = settings.ann_require_index();
  return options;
}

Result<std::size_t> ReadTopKCount(sqlite3_value* value) {
  const std::string shown =
      sqlite3_value_type(value) == SQLITE_NULL ? std::string("NULL") : std::string(TextOf(value));
  const bool integer = sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
  const sqlite3_int64 k = integer ? sqlite3_value_int64(value) : -1;
  if (k < 0 || k > static_cast<sqlite3_int64>(query::kTopKMax)) {
    return Status::InvalidArgument("k is a whole number from 0 to " +
                                   std::to_string(query::kTopKMax) + ": got " + shown);
  }
  return static_cast<std::size_t>(k);
}

Result<std::string_view> ReadTextArgument(sqlite3_value* value, std::string_view name) {
  if (sqlite3_value_type(value) == SQLITE_NULL) {
    return Status::InvalidArgument("the argument is NULL: " + std::string(name))
        .WithSqlState("22004");
  }
  if (sqlite3_value_type(value) == SQLITE_BLOB) {
    return Status::InvalidArgument("the argument takes text, not bytes: " + std::string(name))
        .WithSqlState("42804");
  }
  return TextOf(value);
}

std::span<const TableDefinition> TopKTables() {
  static constexpr TableDefinition kTables[] = {
      {"topk",
       "CREATE TABLE t(rank INTEGER, label TEXT, text TEXT, score REAL, release TEXT, "
       "query TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
       false,
       [](const UserSchemas& schemas) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<TopKTable>(kTopK, schemas);
       },
       nullptr, [](const UserSchemas& schemas) { return DeclareColumns(ShownColumns(schemas)); }},
      {"nearest",
       "CREATE TABLE t(rank INTEGER, id TEXT, text TEXT, score REAL, "
       "\"table\" TEXT HIDDEN, query TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
       false,
       [](const UserSchemas& schemas) -> std::unique_ptr<VirtualTable> {
         return std::make_unique<TopKTable>(kNearest, schemas);
       },
       nullptr},
  };
  return kTables;
}

}  // namespace dashi::sql
