#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_statements.h"
#include "sql/schema_names.h"

namespace dashi::sql {

namespace {

using storage::EntityKind;
using storage::IndexRecord;
using storage::SchemaRecord;

constexpr std::size_t kIndexesMax = 64;

/// An index and the table that has it.
struct FoundIndex {
  EntityKind kind = EntityKind::kDocument;
  std::shared_ptr<const SchemaRecord> schema;  // Sharers: the store's cache.
  const IndexRecord* index = nullptr;          // null: there is none of that name
};

Result<FoundIndex> FindIndex(const storage::View& view, std::string_view name) {
  FoundIndex found;
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    DASHI_ASSIGN_OR_RETURN(found.schema, view.GetSchema(kind));
    found.kind = kind;
    found.index = found.schema->FindIndex(name);
    if (found.index != nullptr) {
      break;
    }
  }
  return found;
}

std::string NoSuchIndex(std::string_view name) { return fmt::format("no such index: {}", name); }

Status UnknownIndex(const storage::View& view, std::string_view name) {
  std::vector<std::string> names;
  for (const EntityKind kind : {EntityKind::kDocument, EntityKind::kLabel}) {
    DASHI_ASSIGN_OR_RETURN(const auto schema, view.GetSchema(kind));
    for (const IndexRecord& index : schema->indexes) {
      names.push_back(index.name);
    }
  }
  Status status = Status::NotFound(NoSuchIndex(name)).WithSqlState("42704");
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  return WithNearestName(std::move(status), name, candidates);
}

/// One CREATE INDEX in a transaction.
class Creation {
 public:
  Creation(const ParsedStatement& statement, const CreateIndexStatement& create, EntityKind kind)
      : statement_(statement), create_(create), kind_(kind) {}

  Status Run(storage::Transaction& transaction) {
    notices_.clear();
    number_ = 0;
    DASHI_ASSIGN_OR_RETURN(const FoundIndex existing, FindIndex(transaction, create_.name));
    if (existing.index != nullptr) {
      const std::string message = "there is an index of that name already: " + create_.name;
      if (create_.if_not_exists) {
        notices_.push_back(message + ", skipping");
        return Status();
      }
      return statement_.At(Status::AlreadyExists(message).WithSqlState("42P07"),
                           create_.name_offset);
    }
    DASHI_ASSIGN_OR_RETURN(const auto before, transaction.GetSchema(kind_));
    SchemaRecord schema = *before;
    DASHI_RETURN_IF_ERROR(CheckName(schema));
    Result<std::size_t> column = FindUserColumn(schema, kind_, create_.column);
    if (!column.ok()) {
      Status status = std::move(column).status();
      if (status.sqlstate() == "42P16") {
        status = Status::Unimplemented("built-in columns cannot be indexed: " + create_.column)
                     .WithHint("id is indexed already; a column of your own can be.");
      }
      return statement_.At(std::move(status), create_.column_offset);
    }
    if (schema.columns[*column].type == storage::ColumnType::kVector) {
      return statement_.At(
          Status::Unimplemented("a column of vectors cannot be indexed: " + create_.column)
              .WithHint("ORDER BY column <=> '[...]' LIMIT k compares with all rows."),
          create_.column_offset);
    }
    DASHI_ASSIGN_OR_RETURN(const std::uint64_t number, transaction.NextId("index"));
    number_ = static_cast<std::uint32_t>(number);
    schema.indexes.push_back(
        {number_, create_.name, schema.columns[*column].number, storage::IndexState::kBuilding});
    return transaction.PutSchema(kind_, std::move(schema));
  }

  /// 0 when nothing was created.
  std::uint32_t number() const { return number_; }
  std::vector<std::string>& notices() { return notices_; }

 private:
  Status CheckName(const SchemaRecord& schema) const {
    if (create_.name.empty() || create_.name.size() > kSchemaNameBytesMax) {
      return statement_.At(
          Status::InvalidArgument(fmt::format("the name of an index has 1 to {} bytes: got {}",
                                              kSchemaNameBytesMax, create_.name.size()))
              .WithSqlState("42622"),
          create_.name_offset);
    }
    if (schema.indexes.size() >= kIndexesMax) {
      return Status::InvalidArgument(fmt::format("{} has as many indexes as it can: {}",
                                                 EntityTableName(kind_), kIndexesMax))
          .WithSqlState("54000");
    }
    return Status();
  }

  const ParsedStatement& statement_;
  const CreateIndexStatement& create_;
  const EntityKind kind_;
  std::uint32_t number_ = 0;
  std::vector<std::string> notices_;
};

// Waits until an index is ready, or gone. A cancelled wait does not end the build.
Status WaitForIndex(SessionState& session, EntityKind kind, std::uint32_t number) {
  IndexBuilder& builder = session.database.index_builder();
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
    DASHI_ASSIGN_OR_RETURN(const auto schema, view->GetSchema(kind));
    const IndexRecord* index = schema->FindIndex(number);
    if (index == nullptr || index->state == storage::IndexState::kReady) {
      return Status();
    }
    Status failed = builder.LastStatus();
    if (!failed.ok()) {
      return std::move(failed).WithContext("the index is created, and is not built yet");
    }
    Status stopped = session.interruption.ToStatus();
    if (!stopped.ok()) {
      return std::move(stopped).WithHint(
          "The index is built in the background; DROP INDEX ends that.");
    }
    builder.Wake();
    builder.WaitForStep();
  }
}

}  // namespace

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const CreateIndexStatement& create) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "CREATE INDEX"));
  DASHI_ASSIGN_OR_RETURN(const EntityKind kind,
                         FindAlterableTable(statement, create.table, create.table_offset));
  Creation creation(statement, create, kind);
  DASHI_RETURN_IF_ERROR(WriteAtomically(
      session, [&](storage::Transaction& transaction) { return creation.Run(transaction); }));
  if (creation.number() != 0 && session.block.active()) {
    creation.notices().emplace_back("the index is built when the transaction has committed");
  } else if (creation.number() != 0) {
    DASHI_RETURN_IF_ERROR(WaitForIndex(session, kind, creation.number()));
  }
  return Finished("CREATE INDEX", std::move(creation.notices()));
}

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const DropIndexStatement& drop) {
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "DROP INDEX"));
  std::vector<std::string> notices;
  const auto write = [&](storage::Transaction& transaction) -> Status {
    notices.clear();
    DASHI_ASSIGN_OR_RETURN(const FoundIndex found, FindIndex(transaction, drop.name));
    if (found.index == nullptr && drop.if_exists) {
      notices.push_back(NoSuchIndex(drop.name) + ", skipping");
      return Status();
    }
    if (found.index == nullptr) {
      return statement.At(UnknownIndex(transaction, drop.name), drop.name_offset);
    }
    SchemaRecord schema = *found.schema;
    std::erase_if(schema.indexes,
                  [&](const IndexRecord& index) { return index.number == found.index->number; });
    return transaction.PutSchema(found.kind, std::move(schema));
  };
  DASHI_RETURN_IF_ERROR(WriteAtomically(session, write));
  session.database.WakeIndexBuilder();
  return Finished("DROP INDEX", std::move(notices));
}

}  // namespace dashi::sql
