#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "sql/column_filter.h"
#include "sql/entity_columns.h"
#include "sql/statement_context.h"
#include "sql/texts_ahead.h"
#include "storage/view.h"

namespace dashi::sql {

/// The rows of a table that pass tests, in the order of a cursor of the storage. Where nobody can
/// change the rows meanwhile, it stands among the statement's `texts_ahead`.
///
/// Errors:  those of the cursor; that of an interruption.
/// Threads: those of the statement, which it must not outlive.
class EntityWalk final : public TextsAhead {
 public:
  /// `columns` and `filter` outlive the walk. The filter names user columns as TestName does.
  EntityWalk(StatementContext& statement, const DeclaredColumns& columns,
             std::unique_ptr<storage::RowCursor> rows, const ColumnFilter& filter);
  ~EntityWalk() override;

  /// Moves to the next row. Returns false at the end.
  Result<bool> Next();
  const storage::EntityRow& row() const { return is_copied_ ? current_.second : rows_->row(); }
  storage::Ordinal ordinal() const { return is_copied_ ? current_.first : rows_->ordinal(); }

  bool IsAt(std::string_view text) const override { return is_at_row_ && row().text == text; }
  Result<std::vector<std::string>> ReadAhead(std::size_t count) override;

 private:
  using NumberedRow = std::pair<storage::Ordinal, storage::EntityRow>;
  struct ColumnToTest {
    const ColumnFilter::BoundTest* test;
    EntityColumn built_in;
    const storage::ColumnRecord* user;  ///< null: it is a built-in one
  };

  /// Moves rows_ to the next row that passes.
  Result<bool> Read();
  bool Passes();

  StatementContext& statement_;
  std::unique_ptr<storage::RowCursor> rows_;
  std::vector<ColumnToTest> tests_;
  Value shown_;
  bool is_at_row_ = false;
  bool is_copied_ = false;  // Whether the row stands in current_, because rows_ has gone on.
  NumberedRow current_;
  std::deque<NumberedRow> ahead_;
  bool has_ended_ = false;  // rows_
};

}  // namespace dashi::sql
