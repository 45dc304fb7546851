#pragma once

#include <span>

#include "sql/pg_catalog/oid.h"

namespace dashi::sql::pg_catalog {

/// A table or view of PostgreSQL's own.
struct SystemRelation {
  Oid schema;
  Oid oid;
  const char* name;
  char kind;            ///< r: table, v: view
  const char* columns;  ///< "oid oid, relname name": names and PostgreSQL's names of types
};

std::span<const SystemRelation> SystemRelations();

}  // namespace dashi::sql::pg_catalog
