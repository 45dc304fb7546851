#include "sql/top_k_table.h"

#include <memory>
#include <utility>

#include "base/status.h"
#include "query/top_k.h"
#include "sql/database_impl.h"
#include "sql/function_arguments.h"
#include "sql/joined_searches.h"
#include "sql/top_k_function.h"
#include "sql/top_k_hits.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

constexpr TopKColumnInfo kTopKColumns[] = {
    {TopKColumn::kRank, "rank"},   {TopKColumn::kId, "label"},        {TopKColumn::kText, "text"},
    {TopKColumn::kScore, "score"}, {TopKColumn::kRelease, "release"}, {TopKColumn::kQuery, "query"},
    {TopKColumn::kCount, "k"},     {TopKColumn::kOptions, "options"}};
constexpr TopKColumnInfo kNearestColumns[] = {
    {TopKColumn::kRank, "rank"},   {TopKColumn::kId, "id"},          {TopKColumn::kText, "text"},
    {TopKColumn::kScore, "score"}, {TopKColumn::kTable, "table"},    {TopKColumn::kQuery, "query"},
    {TopKColumn::kCount, "k"},     {TopKColumn::kOptions, "options"}};

/// One search for each walk.
class TopKTableCursor : public VirtualCursor {
 public:
  TopKTableCursor(const TopKFunction& function, bool is_nearest, const UserSchemas& schemas,
                  StatementContext& statement)
      : is_nearest_(is_nearest),
        statement_(statement),
        hits_(function, schemas, statement),
        searches_(statement) {}

  Status Filter(int num_arguments, std::string_view plan_text,
                std::span<sqlite3_value*> values) override {
    at_end_ = true;
    std::string_view table;
    if (is_nearest_) {
      DASHI_ASSIGN_OR_RETURN(table, ReadTextArgument(values[0], "table"));
    }
    DASHI_ASSIGN_OR_RETURN(const std::string_view query,
                           ReadTextArgument(values[is_nearest_ ? 1 : 0], "query"));
    DASHI_RETURN_IF_ERROR(hits_.Begin(num_arguments, plan_text, values));
    if (hits_.k() == 0) {
      return Status();
    }
    if (is_nearest_) {
      DASHI_ASSIGN_OR_RETURN(
          auto search, query::OpenNearest(statement_.view, statement_.database->releases(), table,
                                          query, hits_.k(), hits_.options()));
      hits_.Start(std::move(search));
    } else {
      DASHI_ASSIGN_OR_RETURN(auto search, searches_.Open(query, hits_));
      hits_.Start(std::move(search));
    }
    return Next();
  }

  Status Next() override {
    DASHI_ASSIGN_OR_RETURN(const bool more, hits_.Next());
    at_end_ = !more;
    return Status();
  }

  bool AtEnd() const override { return at_end_; }

  Status Column(int column, sqlite3_context* context) override {
    hits_.Column(column, context);
    return Status();
  }

  std::int64_t RowId() const override { return hits_.RowId(); }

 private:
  const bool is_nearest_;
  StatementContext& statement_;  // Outlives its cursors.
  TopKHits hits_;
  JoinedSearches searches_;
  bool at_end_ = true;
};

std::unique_ptr<VirtualCursor> OpenTopKCursor(const UserSchemas& schemas,
                                              StatementContext& statement);
std::unique_ptr<VirtualCursor> OpenNearestCursor(const UserSchemas& schemas,
                                                 StatementContext& statement);

constexpr TopKFunction kTopK = {.name = "topk",
                                .usage = "topk('query', 10)",
                                .plan = "k best",
                                .columns = kTopKColumns,
                                .num_visible = 5,
                                .shows_label_columns = true,
                                .num_queries = 1,
                                .open = OpenTopKCursor};
constexpr TopKFunction kNearest = {.name = "nearest",
                                   .usage = "nearest('documents', 'query', 10)",
                                   .plan = "k best",
                                   .columns = kNearestColumns,
                                   .num_visible = 4,
                                   .shows_label_columns = false,
                                   .num_queries = 1,
                                   .open = OpenNearestCursor};

std::unique_ptr<VirtualCursor> OpenTopKCursor(const UserSchemas& schemas,
                                              StatementContext& statement) {
  return std::make_unique<TopKTableCursor>(kTopK, /*is_nearest=*/false, schemas, statement);
}

std::unique_ptr<VirtualCursor> OpenNearestCursor(const UserSchemas& schemas,
                                                 StatementContext& statement) {
  return std::make_unique<TopKTableCursor>(kNearest, /*is_nearest=*/true, schemas, statement);
}

}  // namespace

std::span<const TableDefinition> TopKTables() {
  static constexpr TableDefinition kTables[] = {
      {"topk",
       "CREATE TABLE t(rank INTEGER, label TEXT, text TEXT, score REAL, release TEXT, "
       "query TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
       false, [](const UserSchemas& schemas) { return MakeTopKTable(kTopK, schemas); }, nullptr,
       [](const UserSchemas& schemas) { return DeclareColumns(ShownColumns(kTopK, schemas)); }},
      {"nearest",
       "CREATE TABLE t(rank INTEGER, id TEXT, text TEXT, score REAL, "
       "\"table\" TEXT HIDDEN, query TEXT HIDDEN, k INTEGER HIDDEN, options TEXT HIDDEN)",
       false, [](const UserSchemas& schemas) { return MakeTopKTable(kNearest, schemas); }, nullptr},
  };
  return kTables;
}

}  // namespace dashi::sql
