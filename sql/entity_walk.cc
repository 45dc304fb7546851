#include "sql/entity_walk.h"

#include <algorithm>

#include "base/status.h"
#include "sql/interruption.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

/// Rows that fail a test between two questions whether to stop.
constexpr std::size_t kRowsPerPoll = 256;
/// Texts that are read ahead may hold so many bytes, and one more.
constexpr std::size_t kAheadBytesMax = std::size_t{1} << 20;

}  // namespace

EntityWalk::EntityWalk(StatementContext& statement, const DeclaredColumns& columns,
                       std::unique_ptr<storage::RowCursor> rows, const ColumnFilter& filter)
    : statement_(statement), rows_(std::move(rows)) {
  for (const ColumnFilter::BoundTest& test : filter.tests()) {
    for (const EntityColumn column : columns.built_in()) {
      if (EntityColumnName(column) == test.test.column) {
        tests_.push_back({&test, column, nullptr});
      }
    }
    for (const storage::ColumnRecord* column : columns.user()) {
      if (TestName(*column) == test.test.column) {
        tests_.push_back({&test, EntityColumn::kId, column});
      }
    }
  }
  if (statement_.transaction == nullptr) {
    statement_.texts_ahead.push_back(this);
  }
}

EntityWalk::~EntityWalk() { std::erase(statement_.texts_ahead, this); }

Result<bool> EntityWalk::Next() {
  is_copied_ = false;
  if (!ahead_.empty()) {
    current_ = std::move(ahead_.front());
    ahead_.pop_front();
    is_copied_ = true;
    return true;
  }
  is_at_row_ = false;
  DASHI_ASSIGN_OR_RETURN(is_at_row_, Read());
  return is_at_row_;
}

Result<std::vector<std::string>> EntityWalk::ReadAhead(std::size_t count) {
  std::size_t num_bytes = 0;
  for (const NumberedRow& row : ahead_) {
    num_bytes += row.second.text.size();
  }
  while (ahead_.size() < count && num_bytes < kAheadBytesMax && !has_ended_) {
    if (!is_copied_) {
      current_ = {rows_->ordinal(), rows_->row()};
      is_copied_ = true;
    }
    DASHI_ASSIGN_OR_RETURN(const bool more, Read());
    if (more) {
      ahead_.emplace_back(rows_->ordinal(), rows_->row());
      num_bytes += rows_->row().text.size();
    }
  }
  std::vector<std::string> texts;
  texts.reserve(std::min(count, ahead_.size()));
  for (std::size_t i = 0; i < std::min(count, ahead_.size()); ++i) {
    texts.push_back(ahead_[i].second.text);
  }
  return texts;
}

Result<bool> EntityWalk::Read() {
  for (std::size_t num_failed = 0; !has_ended_;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, rows_->Next());
    has_ended_ = !more;
    if (more && Passes()) {
      return true;
    }
    if (++num_failed % kRowsPerPoll == 0) {
      DASHI_RETURN_IF_ERROR(statement_.interruption->ToStatus());
    }
  }
  return false;
}

bool EntityWalk::Passes() {
  const storage::EntityRow& row = rows_->row();
  return std::all_of(tests_.begin(), tests_.end(), [&](const ColumnToTest& one) {
    if (one.user != nullptr) {
      return ColumnFilter::Holds(*one.test,
                                 ShownValue(one.user->type, storage::ColumnValue(row, *one.user)));
    }
    ShowColumn(row, one.built_in, &shown_);
    return ColumnFilter::Holds(*one.test, shown_);
  });
}

}  // namespace dashi::sql
