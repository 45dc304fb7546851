#include "sql/table_catalog.h"

#include <string>
#include <unordered_map>
#include <vector>

#include "sql/catalog_tables.h"
#include "sql/entity_table.h"
#include "sql/graph/edges_table.h"
#include "sql/graph/graph_functions.h"
#include "sql/graph/graphs_table.h"
#include "sql/pg_catalog/keyword_rows.h"
#include "sql/pg_catalog/system_tables.h"
#include "sql/postgres/unnested_rows.h"
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
    all.push_back(postgres::UnnestedRows());
    all.push_back(pg_catalog::KeywordRows());
    all.insert(all.end(), pg_catalog::SystemTables().begin(), pg_catalog::SystemTables().end());
    return all;
  }();
  return tables;
}

const TableDefinition* FindTable(std::string_view name) {
  static const auto* const by_name = [] {
    static std::unordered_map<std::string, const TableDefinition*> tables;
    for (const TableDefinition& table : AllTables()) {
      tables.emplace(table.name, &table);
    }
    return &tables;
  }();
  constexpr std::size_t kNameBytesMax = 64;
  if (name.size() > kNameBytesMax) {
    return nullptr;
  }
  const auto found = by_name->find(ToLowerAscii(name));
  return found == by_name->end() ? nullptr : found->second;
}

}  // namespace dashi::sql
