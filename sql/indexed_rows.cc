#include "sql/indexed_rows.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

/// Rows that are read at once: few at first, for a LIMIT.
constexpr std::size_t kFirstRowsRead = 16;
constexpr std::size_t kRowsReadMax = 256;

}  // namespace

IndexedRows::IndexedRows(const storage::View& view, storage::EntityKind kind,
                         std::unique_ptr<storage::IndexCursor> entries)
    : view_(view), kind_(kind), entries_(std::move(entries)), rows_per_read_(kFirstRowsRead) {}

Result<bool> IndexedRows::Next() {
  for (;;) {
    while (++position_ < rows_.size()) {
      if (rows_[position_]) {
        return true;
      }
    }
    if (at_end_) {
      return false;
    }
    DASHI_RETURN_IF_ERROR(Read());
  }
}

// A row that is not there was deleted by the statement that reads.
Status IndexedRows::Read() {
  ordinals_.clear();
  while (ordinals_.size() < rows_per_read_) {
    DASHI_ASSIGN_OR_RETURN(const bool more, entries_->Next());
    if (!more) {
      at_end_ = true;
      break;
    }
    ordinals_.push_back(entries_->ordinal());
  }
  rows_per_read_ = std::min(2 * rows_per_read_, kRowsReadMax);
  DASHI_ASSIGN_OR_RETURN(rows_, view_.GetRows(kind_, ordinals_));
  position_ = static_cast<std::size_t>(-1);
  return Status();
}

}  // namespace dashi::sql
