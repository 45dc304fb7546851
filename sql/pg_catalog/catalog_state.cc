#include "sql/pg_catalog/catalog_state.h"

#include <string_view>
#include <utility>

#include "base/status.h"
#include "sql/pg_catalog/object_rows.h"

namespace dashi::sql::pg_catalog {

namespace {

/// What fills each of SystemCatalogRelations(), and the rows that every database has.
struct FixedPart {
  std::optional<RowSource> source;
  std::vector<Row> rows;
};

std::string SourceName(const CatalogRelation& relation) {
  return relation.schema == kInformationSchema ? "information_schema." + relation.name
                                               : relation.name;
}

const std::vector<FixedPart>& FixedParts() {
  static const std::vector<FixedPart> parts = [] {
    const std::vector<CatalogRelation>& relations = SystemCatalogRelations();
    std::vector<FixedPart> all(relations.size());
    for (const auto sources : {ObjectRowSources(), ServerRowSources(), InformationRowSources()}) {
      for (const RowSource& source : sources) {
        for (std::size_t i = 0; i < relations.size(); ++i) {
          if (SourceName(relations[i]) == source.relation) {
            all[i].source = source;
          }
        }
      }
    }
    for (std::size_t i = 0; i < relations.size(); ++i) {
      if (all[i].source && all[i].source->fixed != nullptr) {
        all[i].source->fixed(relations[i], &all[i].rows);
      }
    }
    return all;
  }();
  return parts;
}

/// Integers and texts by what they are written as: a column holds but one kind of them.
std::string KeyOf(const Value& value) {
  return value.type() == ValueType::kText ? std::string(value.text()) : value.ToString();
}

}  // namespace

const std::vector<std::size_t>& CatalogRows::Find(std::size_t column, const Value& value) {
  static const std::vector<std::size_t> none;
  const auto [at, added] = by_column_.try_emplace(column);
  Positions& positions = at->second;
  if (added) {
    for (std::size_t i = 0; i < size(); ++i) {
      const Value& held = At(i)[column];
      if (!held.is_null()) {
        positions[KeyOf(held)].push_back(i);
      }
    }
  }
  const auto found = positions.find(KeyOf(value));
  return found == positions.end() ? none : found->second;
}

Result<CatalogState*> CatalogState::Of(StatementContext& statement) {
  if (statement.pg_catalog == nullptr) {
    DASHI_ASSIGN_OR_RETURN(CatalogObjects objects, CatalogObjects::Read(statement));
    statement.pg_catalog = std::shared_ptr<CatalogState>(new CatalogState(std::move(objects)));
  }
  return statement.pg_catalog.get();
}

Result<const std::vector<CatalogComment>*> CatalogState::Comments(
    const StatementContext& statement) {
  if (!comments_) {
    DASHI_ASSIGN_OR_RETURN(comments_, ReadComments(objects_, statement));
  }
  return &*comments_;
}

Result<CatalogRows*> CatalogState::RowsOf(StatementContext& statement, std::size_t table) {
  const auto found = rows_.find(table);
  if (found != rows_.end()) {
    return &found->second;
  }
  const FixedPart& part = FixedParts()[table];
  std::vector<Row> own;
  if (part.source && part.source->own != nullptr) {
    DASHI_RETURN_IF_ERROR(
        part.source->own(objects_, statement, SystemCatalogRelations()[table], &own));
  }
  return &rows_.emplace(table, CatalogRows(&part.rows, std::move(own))).first->second;
}

}  // namespace dashi::sql::pg_catalog
