#pragma once

#include <string>
#include <vector>

#include "sql/shell/statement_runner.h"

namespace dashi {

enum class NameKind { kTable, kModel, kRelease, kSetting, kJob, kGraph, kIndex };

/// The names that a database has, for completion.
///
/// Threads: one thread at a time.
class NameSource {
 public:
  virtual ~NameSource() = default;
  virtual std::vector<std::string> Names(NameKind kind) = 0;
  /// The columns of a table; none when there is no such table.
  virtual std::vector<std::string> ColumnsOf(const std::string& table) = 0;
};

/// Asks the database. It needs a session of its own, so that nothing that it asks touches a
/// transaction of the person's. What cannot be asked is no name; at most 1,000 are returned.
class DatabaseNames final : public NameSource {
 public:
  /// `runner` must outlive it.
  explicit DatabaseNames(StatementRunner& runner) : runner_(runner) {}

  std::vector<std::string> Names(NameKind kind) override;
  std::vector<std::string> ColumnsOf(const std::string& table) override;

 private:
  StatementRunner& runner_;
};

}  // namespace dashi
