#include "sql/table_catalog.h"

#include <vector>

#include "sql/catalog_tables.h"
#include "sql/entity_table.h"
#include "sql/graph/edges_table.h"
#include "sql/graph/graph_functions.h"
#include "sql/graph/graphs_table.h"
#include "sql/relevance_table.h"
#include "sql/token.h"
#include "sql/top_k_batch_table.h"
#include "sql/top_k_table.h"

namespace dashi::sql {

std::span<const TableDefinition> AllTables() {
  static const std::vector<TableDefinition> tables = [] {
    std::vector<TableDefinition> all(EntityTables().begin(), EntityTables().end());
    all.push_back(RelevanceTable());
    all.push_back(EdgesTable());
    all.push_back(GraphsTable());
    all.insert(all.end(), CatalogTables().begin(), CatalogTables().end());
    all.insert(all.end(), TopKTables().begin(), TopKTables().end());
    all.push_back(TopKBatchTable());
    all.insert(all.end(), GraphFunctions().begin(), GraphFunctions().end());
    return all;
  }();
  return tables;
}

const TableDefinition* FindTable(std::string_view name) {
  for (const TableDefinition& table : AllTables()) {
    if (EqualsIgnoreCase(table.name, name)) {
      return &table;
    }
  }
  return nullptr;
}

}  // namespace dashi::sql
