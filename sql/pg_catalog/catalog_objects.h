#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dashi/status.h"
#include "sql/pg_catalog/oid.h"
#include "sql/pg_catalog/roles.h"
#include "sql/statement_context.h"

namespace dashi::sql::pg_catalog {

struct CatalogColumn {
  std::int32_t number = 0;  ///< attnum: kept when others are dropped
  std::string name;
  Oid type = 0;
  bool not_null = false;
  std::string default_text;  ///< an expression; empty: none
};

/// A table or view.
struct CatalogRelation {
  Oid oid = 0;
  Oid schema = kPublicSchema;
  std::string name;
  char kind = 'r';  ///< as pg_class has it: r or v
  std::vector<CatalogColumn> columns;

  const CatalogColumn* FindColumn(std::string_view column) const;
};

/// Of a table of this database. Primary keys are indexes, too, and have the same position among the
/// indexes as among the constraints.
struct CatalogIndex {
  Oid oid = 0;
  std::string name;
  Oid relation = 0;
  std::vector<std::int32_t> columns;
  bool primary = false;
  bool valid = true;
};

/// A primary key or a foreign key.
struct CatalogConstraint {
  Oid oid = 0;
  std::string name;
  char kind = 'p';  ///< p or f
  Oid relation = 0;
  std::vector<std::int32_t> columns;
  Oid index = 0;  ///< of the primary key that it is, or refers to
  Oid foreign_relation = 0;
  std::vector<std::int32_t> foreign_columns;
};

struct CatalogComment {
  Oid object = 0;
  std::int32_t column = 0;
  std::string text;
};

struct CatalogFunction {
  Oid oid = 0;
  std::string name;
  char kind = 'f';  ///< f, or a for an aggregate
  bool returns_rows = false;
  std::vector<std::string> argument_names;
  std::vector<Oid> argument_types;
  std::vector<CatalogColumn> result_columns;  ///< where it returns rows
  Oid result = 0;
};

/// What PostgreSQL's catalog tells of this database, and of itself, in one statement's picture.
///
/// Threads: one thread at a time.
/// Cost:    comments, of which the store is asked one by one, and functions are read by their first
///          use.
class CatalogObjects {
 public:
  static Result<CatalogObjects> Read(StatementContext& statement);

  const std::vector<CatalogRelation>& relations() const { return relations_; }
  const std::vector<CatalogIndex>& indexes() const { return indexes_; }
  const std::vector<CatalogConstraint>& constraints() const { return constraints_; }
  const std::vector<CatalogFunction>& functions() const;
  const std::vector<Role>& roles() const { return roles_; }
  const std::string& database() const { return database_; }

  /// Also find what belongs to PostgreSQL; null when there is none.
  const CatalogRelation* FindRelation(Oid oid) const;
  const CatalogRelation* FindRelation(std::string_view schema, std::string_view name) const;
  const CatalogIndex* FindIndex(Oid oid) const;
  const CatalogIndex* FindIndex(std::string_view name) const;
  const CatalogConstraint* FindConstraint(Oid oid) const;
  const CatalogFunction* FindFunction(Oid oid) const;
  /// "unknown (OID=1)" for a number of none, as PostgreSQL says.
  std::string RoleName(Oid oid) const;

 private:
  void AddRelations(const StatementContext& statement);
  void AddIndexes(const UserSchemas& schemas);
  void AddForeignKeys();
  std::vector<CatalogFunction> MakeFunctions() const;
  /// The number for a new object: another than those that were given.
  Oid NewOid(std::string_view kind, std::string_view name) const;

  std::string database_;
  std::vector<CatalogRelation> relations_;
  std::vector<CatalogIndex> indexes_;
  std::vector<CatalogConstraint> constraints_;
  std::vector<Role> roles_;
  UserSchemas schemas_;
  mutable std::optional<std::vector<CatalogFunction>> functions_;
  mutable std::unordered_map<Oid, std::string> taken_;
};

/// What COMMENT ON says of objects that PostgreSQL has, too.
Result<std::vector<CatalogComment>> ReadComments(const CatalogObjects& objects,
                                                 const StatementContext& statement);

/// PostgreSQL's own tables and views, in the order of SystemRelations().
const std::vector<CatalogRelation>& SystemCatalogRelations();

/// A name as SQL has it: in double quotes where it is no plain word.
std::string QuotedIdentifier(std::string_view name);

/// "pg_catalog", "public" or "information_schema"; 0 and "" for others.
std::string_view SchemaName(Oid schema);
Oid FindSchema(std::string_view name);

}  // namespace dashi::sql::pg_catalog
