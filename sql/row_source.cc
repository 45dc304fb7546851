#include "sql/row_source.h"

namespace dashi::internal {

Result<bool> FinishedRows::Next(Row* row) {
  if (next_ == rows_.size()) {
    return false;
  }
  *row = std::move(rows_[next_++]);
  return true;
}

}  // namespace dashi::internal
