#include "server/finished_result.h"

#include <utility>

namespace dashi {

FinishedResult::FinishedResult(std::string tag, std::vector<std::string> notices)
    : tag_(std::move(tag)), notices_(std::move(notices)) {}

FinishedResult::FinishedResult(std::string tag, std::vector<Column> columns, std::vector<Row> rows)
    : tag_(std::move(tag)), columns_(std::move(columns)), rows_(std::move(rows)) {}

Result<bool> FinishedResult::Next(Row* row) {
  if (next_ == rows_.size()) {
    return false;
  }
  *row = rows_[next_++];
  return true;
}

}  // namespace dashi
