#include "tests/crash/schema_writer.h"

#include <utility>

#include <fmt/format.h>

namespace dashi::crash {

namespace {

constexpr std::uint64_t kNumColumns = 4;
constexpr std::uint64_t kNumIndexes = 6;
constexpr int kNumDocuments = 30;
constexpr std::uint64_t kNumValues = 5;

}  // namespace

SchemaWriter::SchemaWriter(Database* database, CrashEventWriter* events, const Options& options,
                           Rows rows)
    : session_(database, events, kSchemaOwner),
      options_(options),
      random_(options.seed),
      has_indexes_(session_.Understands("CREATE INDEX none ON documents (no_such_column)")),
      rows_(std::move(rows)) {}

void SchemaWriter::Run(const std::function<bool()>& stop) {
  if (rows_.lower_bound("D:") == rows_.end()) {
    AddDocuments();
  }
  while (!stop()) {
    Step();
  }
}

void SchemaWriter::Commit(const std::string& sql, Rows after) {
  if (session_.Commit(sql, Difference(rows_, after))) {
    rows_ = std::move(after);
  }
}

void SchemaWriter::AddDocuments() {
  Rows after = rows_;
  std::string sql = "INSERT INTO documents (id, text, split) VALUES ";
  for (int i = 0; i < kNumDocuments; ++i) {
    const std::string id = fmt::format("schema-d{}", i);
    sql += fmt::format("{}({}, 'w01', 'test')", i == 0 ? "" : ", ", Quoted(id));
    after[DocumentKey(id)] = DocumentValue("test", "w01");
  }
  Commit(sql, std::move(after));
}

void SchemaWriter::Step() {
  if (options_.indexes_first) {
    AddColumn();
    CreateIndex();
    DropIndex();
  }
  switch (random_.Uniform(8)) {
    case 0:
    case 1:
      AddColumn();
      break;
    case 2:
      RenameColumn();
      break;
    case 3:
      DropColumn();
      break;
    case 4:
      CreateIndex();
      break;
    case 5:
      DropIndex();
      break;
    default:
      UpdateValues();
      break;
  }
}

void SchemaWriter::AddColumn() {
  const std::string column = RandomColumn();
  if (rows_.contains(ColumnKey(column))) {
    return;
  }
  const std::string value = std::to_string(random_.Uniform(kNumValues));
  Rows after = rows_;
  after[ColumnKey(column)] = "INTEGER|" + value;
  for (int i = 0; i < kNumDocuments; ++i) {
    after[ColumnValueKey(column, fmt::format("schema-d{}", i))] = value;
  }
  Commit(fmt::format("ALTER TABLE documents ADD COLUMN {} INTEGER DEFAULT {}", column, value),
         std::move(after));
}

void SchemaWriter::DropColumn() {
  const std::string column = RandomName("C:");
  if (column.empty()) {
    return;
  }
  Rows after = rows_;
  after.erase(ColumnKey(column));
  std::erase_if(after, [&](const auto& row) {
    return row.first.starts_with(ColumnValueKey(column, "")) ||
           (row.first.starts_with("I:") && row.second == column);
  });
  Commit(fmt::format("ALTER TABLE documents DROP COLUMN {}", column), std::move(after));
}

void SchemaWriter::RenameColumn() {
  const std::string column = RandomName("C:");
  const std::string new_name = RandomColumn();
  if (column.empty() || rows_.contains(ColumnKey(new_name))) {
    return;
  }
  Rows after;
  const std::string prefix = ColumnValueKey(column, "");
  for (const auto& [key, value] : rows_) {
    if (key == ColumnKey(column)) {
      after[ColumnKey(new_name)] = value;
    } else if (key.starts_with(prefix)) {
      after[ColumnValueKey(new_name, key.substr(prefix.size()))] = value;
    } else {
      after[key] = key.starts_with("I:") && value == column ? new_name : value;
    }
  }
  Commit(fmt::format("ALTER TABLE documents RENAME COLUMN {} TO {}", column, new_name),
         std::move(after));
}

void SchemaWriter::UpdateValues() {
  const std::string column = RandomName("C:");
  if (column.empty()) {
    return;
  }
  const std::string id = fmt::format("schema-d{}", random_.Uniform(kNumDocuments));
  const std::string value = std::to_string(random_.Uniform(kNumValues));
  Rows after = rows_;
  after[ColumnValueKey(column, id)] = value;
  Commit(fmt::format("UPDATE documents SET {} = {} WHERE id = {}", column, value, Quoted(id)),
         std::move(after));
}

void SchemaWriter::CreateIndex() {
  const std::string column = RandomName("C:");
  const std::string name = fmt::format("index_{}", random_.Uniform(kNumIndexes));
  if (!has_indexes_ || column.empty() || rows_.contains(IndexKey(name))) {
    return;
  }
  for (const auto& [key, value] : rows_) {
    if (key.starts_with("I:") && value == column) {
      return;
    }
  }
  Rows after = rows_;
  after[IndexKey(name)] = column;
  Commit(fmt::format("CREATE INDEX {} ON documents ({})", name, column), std::move(after));
}

void SchemaWriter::DropIndex() {
  const std::string name = RandomName("I:");
  if (name.empty()) {
    return;
  }
  Rows after = rows_;
  after.erase(IndexKey(name));
  Commit("DROP INDEX " + name, std::move(after));
}

std::string SchemaWriter::RandomColumn() {
  return fmt::format("column_{}", random_.Uniform(kNumColumns));
}

std::string SchemaWriter::RandomName(const std::string& prefix) {
  std::vector<std::string> names;
  for (auto row = rows_.lower_bound(prefix); row != rows_.end() && row->first.starts_with(prefix);
       ++row) {
    names.push_back(row->first.substr(prefix.size()));
  }
  return names.empty() ? "" : names[random_.Uniform(names.size())];
}

}  // namespace dashi::crash
