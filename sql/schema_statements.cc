#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_statements.h"
#include "sql/schema_names.h"
#include "sql/user_column.h"

namespace dashi::sql {

namespace {

using storage::ColumnRecord;
using storage::EntityKind;
using storage::SchemaRecord;

/// Columns of a table that are not dropped. SQLite's own limit is 2,000.
constexpr std::size_t kColumnsMax = 256;
/// What SQLite calls a row's number, whatever the table's columns are.
constexpr std::array<std::string_view, 3> kRowIdNames = {"rowid", "oid", "_rowid_"};

// Checks a name that a column is to get.
Status CheckNewName(const SchemaRecord& schema, EntityKind kind, std::string_view name) {
  const auto is_name = [&](std::string_view other) { return EqualsIgnoreCase(other, name); };
  if (std::any_of(kRowIdNames.begin(), kRowIdNames.end(), is_name)) {
    return Status::InvalidArgument("the name is reserved: " + std::string(name))
        .WithSqlState("42939");
  }
  if (name.empty() || name.size() > kSchemaNameBytesMax) {
    return Status::InvalidArgument(fmt::format("the name of a column has 1 to {} bytes: got {}",
                                               kSchemaNameBytesMax, name.size()))
        .WithSqlState("42622");
  }
  if (IsBuiltInColumn(kind, name) || schema.FindColumn(name) != nullptr) {
    return Status::AlreadyExists(
               fmt::format("{} already has a column named \"{}\"", EntityTableName(kind), name))
        .WithSqlState("42701");
  }
  return Status();
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
    column.dimension = alter_.dimension;
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
    const std::uint32_t number = schema->columns[*found].number;
    std::erase_if(schema->indexes,
                  [&](const storage::IndexRecord& index) { return index.column == number; });
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
                         FindAlterableTable(statement, alter.table, alter.table_offset));
  Alteration alteration(statement, alter, kind);
  DASHI_RETURN_IF_ERROR(WriteAtomically(
      session, [&](storage::Transaction& transaction) { return alteration.Run(transaction); }));
  session.database.WakeIndexBuilder();  // A dropped column's index leaves entries.
  return Finished("ALTER TABLE", alteration.TakeNotices());
}

}  // namespace dashi::sql
