#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"

namespace dashi::internal {

/// Where the rows of a ResultSet come from.
class RowSource {
 public:
  RowSource() = default;
  virtual ~RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;

  virtual const std::vector<Column>& columns() const = 0;
  virtual Result<bool> Next(Row* row) = 0;
  /// Next for the application, whose threads may meet in one session.
  virtual Result<bool> Pull(Row* row) { return Next(row); }
  virtual std::string command_tag() const = 0;
  virtual const std::vector<std::string>& notices() const = 0;
};

/// A statement that has run to its end: its rows, if any, are in memory.
class FinishedRows : public RowSource {
 public:
  explicit FinishedRows(std::string command_tag, std::vector<Column> columns = {},
                        std::vector<Row> rows = {}, std::vector<std::string> notices = {},
                        MemoryCharge memory = {})
      : command_tag_(std::move(command_tag)),
        columns_(std::move(columns)),
        rows_(std::move(rows)),
        notices_(std::move(notices)),
        memory_(std::move(memory)) {}

  const std::vector<Column>& columns() const override { return columns_; }
  Result<bool> Next(Row* row) override;
  std::string command_tag() const override { return command_tag_; }
  const std::vector<std::string>& notices() const override { return notices_; }

 private:
  std::string command_tag_;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
  std::vector<std::string> notices_;
  const MemoryCharge memory_;  // of the rows
  std::size_t next_ = 0;
};

}  // namespace dashi::internal
