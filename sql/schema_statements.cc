#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/entity_table.h"
#include "sql/own_statements.h"
#include "sql/table_catalog.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::EntityKind;
using storage::SchemaRecord;

/// Columns of a table that are not dropped. SQLite's own limit is 2,000.
constexpr std::size_t kColumnsMax = 256;
constexpr std::size_t kNameBytesMax = 128;
/// What SQLite calls a row's number, whatever the table's columns are.
constexpr std::array<std::string_view, 3> kRowIdNames = {"rowid", "oid", "_rowid_"};

Status WithNearest(Status status, std::string_view name,
                   std::span<const std::string_view> candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  return nearest.empty() ? status
                         : std::move(status).WithHint("Did you mean " + std::string(nearest) + "?");
}

Result<EntityKind> FindKind(const ParsedStatement& statement, std::string_view table,
                            std::size_t offset) {
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    if (EqualsIgnoreCase(table, EntityTableName(kind))) {
      return kind;
    }
  }
  if (FindTable(table) != nullptr) {
    return statement.At(
        Status::InvalidArgument("the columns of this table are fixed: " + std::string(table))
            .WithSqlState("42809")
            .WithHint("documents and labels can have columns of your own."),
        offset);
  }
  static constexpr std::string_view kTables[] = {"documents", "labels"};
  return statement.At(
      WithNearest(Status::NotFound("no such table: " + std::string(table)).WithSqlState("42P01"),
                  table, kTables),
      offset);
}

bool IsBuiltIn(EntityKind kind, std::string_view name) {
  const auto columns = EntityColumns(kind);
  return std::any_of(columns.begin(), columns.end(), [&](EntityColumn column) {
    return EqualsIgnoreCase(EntityColumnName(column), name);
  });
}

// Checks a name that a column is to get.
Status CheckNewName(const SchemaRecord& schema, EntityKind kind, std::string_view name) {
  const auto is_name = [&](std::string_view other) { return EqualsIgnoreCase(other, name); };
  if (std::any_of(kRowIdNames.begin(), kRowIdNames.end(), is_name)) {
    return Status::InvalidArgument("the name is reserved: " + std::string(name))
        .WithSqlState("42939");
  }
  if (name.empty() || name.size() > kNameBytesMax) {
    return Status::InvalidArgument(fmt::format("the name of a column has 1 to {} bytes: got {}",
                                               kNameBytesMax, name.size()))
        .WithSqlState("42622");
  }
  if (IsBuiltIn(kind, name) || schema.FindColumn(name) != nullptr) {
    return Status::AlreadyExists(
               fmt::format("{} already has a column named \"{}\"", EntityTableName(kind), name))
        .WithSqlState("42701");
  }
  return Status();
}

// Finds a column that is to be dropped or renamed.
Result<std::size_t> FindUserColumn(const SchemaRecord& schema, EntityKind kind,
                                   std::string_view name) {
  if (const ColumnRecord* found = schema.FindColumn(name)) {
    return static_cast<std::size_t>(found - schema.columns.data());
  }
  if (IsBuiltIn(kind, name)) {
    return Status::InvalidArgument(fmt::format("{}.{} is built in: it cannot be dropped or renamed",
                                               EntityTableName(kind), name))
        .WithSqlState("42P16");
  }
  std::vector<std::string_view> names;
  for (const ColumnRecord* column : schema.LiveColumns()) {
    names.push_back(column->name);
  }
  return WithNearest(
      Status::NotFound(fmt::format("{} has no column named \"{}\"", EntityTableName(kind), name))
          .WithSqlState("42703"),
      name, names);
}

/// One ALTER TABLE in a transaction. Leaves a notice when there was nothing to do.
class Alteration {
 public:
  Alteration(const ParsedStatement& statement, const AlterTableStatement& alter, EntityKind kind)
      : statement_(statement), alter_(alter), kind_(kind) {}

  Status Run(storage::Transaction& transaction) {
    notices_.clear();
    DASHI_ASSIGN_OR_RETURN(const auto before, transaction.GetSchema(kind_));
    SchemaRecord schema = *before;
    switch (alter_.change) {
      case AlterTableStatement::Change::kAdd:
        DASHI_RETURN_IF_ERROR(Add(&schema));
        break;
      case AlterTableStatement::Change::kDrop:
        DASHI_RETURN_IF_ERROR(Drop(&schema));
        break;
      case AlterTableStatement::Change::kRename:
        DASHI_RETURN_IF_ERROR(Rename(&schema));
        break;
    }
    return notices_.empty() ? transaction.PutSchema(kind_, std::move(schema)) : Status();
  }

  std::vector<std::string> TakeNotices() { return std::move(notices_); }

 private:
  Status At(Status status, std::size_t offset) const {
    return statement_.At(std::move(status), offset);
  }

  Status Add(SchemaRecord* schema) {
    Status name = CheckNewName(*schema, kind_, alter_.column);
    if (name.sqlstate() == "42701" && alter_.if_exists_clause) {
      notices_.emplace_back(std::string(name.message()) + ", skipping");
      return Status();
    }
    if (!name.ok()) {
      return At(std::move(name), alter_.column_offset);
    }
    if (schema->LiveColumns().size() >= kColumnsMax) {
      return At(Status::InvalidArgument(fmt::format("{} has as many columns as it can: {}",
                                                    EntityTableName(kind_), kColumnsMax))
                    .WithSqlState("54011"),
                alter_.column_offset);
    }
    ColumnRecord column;
    column.number = schema->next_column++;
    column.name = alter_.column;
    column.type = alter_.type;
    Result<Value> value = ToColumnValue(EntityTableName(kind_), column, alter_.default_value);
    if (!value.ok()) {
      return At(std::move(value).status().WithContext("the default cannot be used"),
                alter_.default_offset);
    }
    column.default_value = std::move(*value);
    schema->columns.push_back(std::move(column));
    return Status();
  }

  Status Drop(SchemaRecord* schema) {
    Result<std::size_t> found = FindUserColumn(*schema, kind_, alter_.column);
    if (!found.ok() && found.status().sqlstate() == "42703" && alter_.if_exists_clause) {
      notices_.emplace_back(std::string(found.status().message()) + ", skipping");
      return Status();
    }
    if (!found.ok()) {
      return At(std::move(found).status(), alter_.column_offset);
    }
    schema->columns[*found].dropped = true;
    return Status();
  }

  Status Rename(SchemaRecord* schema) {
    Result<std::size_t> found = FindUserColumn(*schema, kind_, alter_.column);
    if (!found.ok()) {
      return At(std::move(found).status(), alter_.column_offset);
    }
    ColumnRecord& column = schema->columns[*found];
    column.name.clear();  // A name may change its case alone.
    Status name = CheckNewName(*schema, kind_, alter_.new_name);
    if (!name.ok()) {
      return At(std::move(name), alter_.new_name_offset);
    }
    column.name = alter_.new_name;
    return Status();
  }

  const ParsedStatement& statement_;
  const AlterTableStatement& alter_;
  const EntityKind kind_;
  std::vector<std::string> notices_;
};

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const AlterTableStatement& alter) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "ALTER TABLE"));
  DASHI_ASSIGN_OR_RETURN(const EntityKind kind,
                         FindKind(statement, alter.table, alter.table_offset));
  Alteration alteration(statement, alter, kind);
  DASHI_RETURN_IF_ERROR(WriteAtomically(
      session, [&](storage::Transaction& transaction) { return alteration.Run(transaction); }));
  return Finished("ALTER TABLE", alteration.TakeNotices());
}

}  // namespace dashi::sql
