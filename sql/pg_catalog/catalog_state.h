#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/pg_catalog/catalog_objects.h"
#include "sql/statement_context.h"

namespace dashi::sql::pg_catalog {

/// The rows of one of PostgreSQL's tables in one statement.
class CatalogRows {
 public:
  CatalogRows(const std::vector<Row>* fixed, std::vector<Row> own)
      : fixed_(*fixed), own_(std::move(own)) {}

  std::size_t size() const { return fixed_.size() + own_.size(); }
  const Row& At(std::size_t position) const {
    return position < fixed_.size() ? fixed_[position] : own_[position - fixed_.size()];
  }
  /// The positions of the rows whose column is this integer or text, ascending.
  ///
  /// Cost: the first call for a column makes an index over all rows.
  const std::vector<std::size_t>& Find(std::size_t column, const Value& value);

 private:
  using Positions = std::unordered_map<std::string, std::vector<std::size_t>>;

  const std::vector<Row>& fixed_;  // Lives as long as the program.
  std::vector<Row> own_;
  std::map<std::size_t, Positions> by_column_;
};

/// What the tables of PostgreSQL's catalog and the functions about them know in one statement.
///
/// Threads: one thread at a time, the one that steps the statement.
/// Cost:    objects are read by the first use, the rows of a table by its first use; those that
///          every database has are made once in a process.
class CatalogState {
 public:
  /// The statement's. Valid as long as the statement.
  static Result<CatalogState*> Of(StatementContext& statement);

  const CatalogObjects& objects() const { return objects_; }
  /// Read by the first call.
  Result<const std::vector<CatalogComment>*> Comments(const StatementContext& statement);
  /// Of the table with this number among SystemCatalogRelations().
  Result<CatalogRows*> RowsOf(StatementContext& statement, std::size_t table);

 private:
  explicit CatalogState(CatalogObjects objects) : objects_(std::move(objects)) {}

  CatalogObjects objects_;
  std::optional<std::vector<CatalogComment>> comments_;
  std::map<std::size_t, CatalogRows> rows_;
};

}  // namespace dashi::sql::pg_catalog
