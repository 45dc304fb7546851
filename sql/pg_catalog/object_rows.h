#pragma once

#include <span>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"
#include "sql/pg_catalog/catalog_objects.h"
#include "sql/statement_context.h"

namespace dashi::sql::pg_catalog {

/// What fills one of PostgreSQL's tables.
struct RowSource {
  const char* relation;  ///< in pg_catalog; of information_schema with the schema in front
  /// The rows that every database has; null: none.
  void (*fixed)(const CatalogRelation& relation, std::vector<Row>* rows) = nullptr;
  /// Those of this one; null: none.
  Status (*own)(const CatalogObjects& objects, StatementContext& statement,
                const CatalogRelation& relation, std::vector<Row>* rows) = nullptr;
};

/// Of the tables of relations, columns, types, constraints and the like.
std::span<const RowSource> ObjectRowSources();
/// Of databases, roles, settings and views over the others.
std::span<const RowSource> ServerRowSources();
/// Of information_schema.
std::span<const RowSource> InformationRowSources();

/// What pg_get_indexdef and its kin answer.
std::string IndexDefinition(const CatalogObjects& objects, const CatalogIndex& index);
std::string ConstraintDefinition(const CatalogObjects& objects,
                                 const CatalogConstraint& constraint);
std::string ViewDefinition(const CatalogRelation& relation);
std::string FunctionArguments(const CatalogFunction& function);
std::string FunctionResult(const CatalogFunction& function);

}  // namespace dashi::sql::pg_catalog
