#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sql/shell/statement_runner.h"

namespace dashi {

/// The result of a statement that the server has run itself.
class FinishedResult final : public StatementResult {
 public:
  explicit FinishedResult(std::string tag, std::vector<std::string> notices = {});
  FinishedResult(std::string tag, std::vector<Column> columns, std::vector<Row> rows);

  const std::vector<Column>& columns() const override { return columns_; }
  Result<bool> Next(Row* row) override;
  std::string command_tag() const override { return tag_; }
  const std::vector<std::string>& notices() const override { return notices_; }

 private:
  const std::string tag_;
  const std::vector<std::string> notices_;
  const std::vector<Column> columns_;
  const std::vector<Row> rows_;
  std::size_t next_ = 0;
};

}  // namespace dashi
