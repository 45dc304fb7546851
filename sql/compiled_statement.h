#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "dashi/result_set.h"
#include "dashi/sql_type.h"

namespace dashi::sql {

/// A statement compiled by SQLite, and what reading it told of its columns. Empty by default.
///
/// Threads: those of its connection.
class CompiledStatement {
 public:
  CompiledStatement() = default;
  /// Takes `statement` over. `generation`: of the table declarations that it was compiled with.
  /// `result_types`: of its last columns; empty where they are not known.
  CompiledStatement(sqlite3_stmt* statement, std::uint64_t generation,
                    std::vector<SqlType> result_types)
      : statement_(statement), generation_(generation), result_types_(std::move(result_types)) {}

  sqlite3_stmt* get() const { return statement_.get(); }
  bool empty() const { return statement_ == nullptr; }
  std::uint64_t generation() const { return generation_; }
  void reset() { *this = CompiledStatement(); }

  std::vector<Column> Columns() const;

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  std::uint64_t generation_ = 0;
  std::vector<SqlType> result_types_;
};

}  // namespace dashi::sql
