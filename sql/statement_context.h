#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/graph/stored_edges.h"
#include "sql/user_schemas.h"
#include "storage/view.h"

namespace dashi::internal {
class DatabaseImpl;
}

namespace dashi::query {
class LabelPropensities;
}

namespace dashi::sql::pg_catalog {
class CatalogState;
}

namespace dashi::sql::postgres {
class RegularExpressionCache;
class VectorTexts;
}  // namespace dashi::sql::postgres

namespace dashi::sql {

class ConflictingRows;
struct EdgeUpsert;
class Interruption;
struct ListedRows;
class PlanAnalysis;
class SearchLog;
struct SessionState;
class Settings;
class SqliteConnection;
class TextEmbeddings;
class TextsAhead;

/// What the virtual tables see of the statement that runs: one picture of the database, pinned for
/// the whole statement.
struct StatementContext {
  internal::DatabaseImpl* database = nullptr;
  SqliteConnection* sqlite = nullptr;
  const Settings* settings = nullptr;
  const Interruption* interruption = nullptr;
  const SessionState* session = nullptr;
  /// Sharers: the statement, its cursors, and the transaction block when it is one's own view.
  std::shared_ptr<const storage::View> view;
  /// The last commit that topk() must know, whatever is still being embedded: the session's own.
  /// nullopt in a transaction block, whose statements agree: all that the view has.
  std::optional<std::uint64_t> needed_sequence;
  /// The user columns of the tables, as `view` has them.
  UserSchemas schemas;
  /// Where writes go; null in a statement that only reads. It is `view` then.
  storage::Transaction* transaction = nullptr;
  /// The first error of a virtual table: SQLite passes on a message alone.
  std::optional<Status> error;
  /// Why a table could not be planned: the statement's error when SQLite finds no other plan.
  std::optional<Status> plan_error;
  std::int64_t started_at_micros = 0;  ///< what now() answers
  std::uint64_t rows_changed = 0;
  /// The rows that were inserted or updated, in order; null: nobody asks.
  std::vector<std::int64_t>* written = nullptr;
  /// What to do with rows whose key exists, where ON CONFLICT says so; null: the policy of the
  /// statement.
  ConflictingRows* conflicts = nullptr;
  /// What the table of listed rows holds; null in statements that dashi did not put together.
  const ListedRows* listed = nullptr;
  /// Whether a statement that dashi has put together is being compiled.
  bool composed = false;
  /// The columns that an INSERT names; nullopt when it names none and therefore gives all.
  std::optional<std::vector<std::string>> inserted_columns;
  /// ON CONFLICT of an INSERT INTO edges; null without.
  const EdgeUpsert* upsert = nullptr;
  /// The graphs that rows of the statement have named, by name.
  std::map<std::string, std::shared_ptr<const storage::GraphRecord>, std::less<>> graphs;
  /// The row numbers of edges that SQLite has asked for, or that were written where `written` asks.
  StoredEdges edges;
  /// What propensity() counted; null before it did. Sharers: none, but it is of a type that few
  /// know.
  std::shared_ptr<const query::LabelPropensities> propensities;
  /// The releases and the texts that similarity() and embed() met; as above.
  std::shared_ptr<TextEmbeddings> embeddings;
  /// Whether a LEFT, RIGHT or FULL JOIN stands somewhere in it.
  bool has_outer_join = false;
  /// The regular expressions that ~ met; as above.
  std::shared_ptr<postgres::RegularExpressionCache> regular_expressions;
  /// The vectors that functions of vectors met as text; as above.
  std::shared_ptr<postgres::VectorTexts> vector_texts;
  /// What the tables of PostgreSQL's catalog hold, once one was read; as above.
  std::shared_ptr<pg_catalog::CatalogState> pg_catalog;
  /// What measures the statement's cursors; null unless EXPLAIN ANALYZE asks.
  PlanAnalysis* analysis = nullptr;
  /// Where searches tell how they went: of the cursor that runs. Null without an analysis.
  SearchLog* searches = nullptr;
  /// The walks over rows with texts that stand somewhere.
  std::vector<TextsAhead*> texts_ahead;
  /// Statements inside arguments of topk_batch, one in another.
  int nesting = 0;

  /// Counts a row that was inserted or updated.
  void NoteWritten(std::int64_t row) {
    ++rows_changed;
    if (written != nullptr) {
      written->push_back(row);
    }
  }
  /// Counts one that was inserted.
  void NoteInserted(std::int64_t row);
  /// Leaves to ON CONFLICT what could not be inserted because `row` has its key.
  Status NoteConflict(std::int64_t row, Row excluded);
};

/// Tells the virtual tables of a connection which statement runs. Null between statements.
struct StatementSlot {
  StatementContext* current = nullptr;
  /// Whether a table is declaring its columns, which SQLite does with statements of its own.
  bool declaring = false;
};

/// Sets the running statement for a scope; scopes nest.
class StatementScope {
 public:
  StatementScope(StatementSlot& slot, StatementContext& statement)
      : slot_(slot), outer_(slot.current) {
    slot_.current = &statement;
  }
  ~StatementScope() { slot_.current = outer_; }
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;

 private:
  StatementSlot& slot_;
  StatementContext* outer_;
};

}  // namespace dashi::sql
