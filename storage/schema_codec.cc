#include "storage/schema_codec.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/byte_codec.h"
#include "base/status.h"
#include "base/vector_codec.h"

namespace dashi::storage {

namespace {

using Json = nlohmann::json;

constexpr std::uint8_t kSchemaFormat = 1;

static_assert(static_cast<int>(ColumnType::kVector) == 6);
static_assert(static_cast<int>(IndexState::kReady) == 2);

Json EncodeDefault(const Value& value) {
  switch (value.type()) {
    case ValueType::kInteger:
      return value.integer();
    case ValueType::kReal:
      return value.real();
    case ValueType::kText:
      return std::string(value.text());
    case ValueType::kBlob:  // Of a vector: JSON has no bytes.
      return VectorText(value.bytes());
    default:
      return nullptr;
  }
}

// The column's type says which number a number is: JSON writes 2.0 in more than one way.
Value DecodeDefault(const Json& value, ColumnType type) {
  if (value.is_null()) {
    return Value::Null();
  }
  switch (type) {
    case ColumnType::kReal:
      return Value::Real(value.get<double>());
    case ColumnType::kText:
      return Value::Text(value.get<std::string>());
    case ColumnType::kVector: {
      Result<std::string> vector = VectorOfText(value.get<std::string>());
      return vector.ok() ? Value::Bytes(*std::move(vector)) : Value::Null();
    }
    default:
      return Value::Integer(value.get<std::int64_t>());
  }
}

// Throws for a value of another type, as the JSON library does.
SchemaRecord Read(const Json& object) {
  SchemaRecord schema;
  object.at("version").get_to(schema.version);
  object.at("next_column").get_to(schema.next_column);
  for (const Json& member : object.at("columns")) {
    ColumnRecord column;
    member.at("number").get_to(column.number);
    member.at("name").get_to(column.name);
    column.type = static_cast<ColumnType>(member.at("type").get<std::uint8_t>());
    column.dimension = member.value("dimension", std::uint32_t{0});
    column.dropped = member.value("dropped", false);
    column.default_value = DecodeDefault(member.value("default", Json()), column.type);
    schema.columns.push_back(std::move(column));
  }
  for (const Json& member : object.value("indexes", Json::array())) {
    IndexRecord index;
    member.at("number").get_to(index.number);
    member.at("name").get_to(index.name);
    member.at("column").get_to(index.column);
    index.state = static_cast<IndexState>(member.at("state").get<std::uint8_t>());
    schema.indexes.push_back(std::move(index));
  }
  return schema;
}

bool IsSound(const SchemaRecord& schema) {
  std::uint32_t above = kUserColumnMin;
  for (const ColumnRecord& column : schema.columns) {
    if (column.number < above || column.type < ColumnType::kInteger ||
        column.type > ColumnType::kVector) {
      return false;
    }
    above = column.number + 1;
  }
  for (const IndexRecord& index : schema.indexes) {
    if (schema.FindColumn(index.column) == nullptr ||
        (index.state != IndexState::kBuilding && index.state != IndexState::kReady)) {
      return false;
    }
  }
  return above <= schema.next_column;
}

}  // namespace

std::string EncodeSchema(const SchemaRecord& schema) {
  Json columns = Json::array();
  for (const ColumnRecord& column : schema.columns) {
    Json member = {
        {"number", column.number}, {"name", column.name}, {"type", static_cast<int>(column.type)}};
    if (!column.default_value.is_null()) {
      member["default"] = EncodeDefault(column.default_value);
    }
    if (column.dimension != 0) {
      member["dimension"] = column.dimension;
    }
    if (column.dropped) {
      member["dropped"] = true;
    }
    columns.push_back(std::move(member));
  }
  Json object = {
      {"version", schema.version}, {"next_column", schema.next_column}, {"columns", columns}};
  for (const IndexRecord& index : schema.indexes) {
    object["indexes"].push_back({{"number", index.number},
                                 {"name", index.name},
                                 {"column", index.column},
                                 {"state", static_cast<int>(index.state)}});
  }
  std::string bytes(1, static_cast<char>(kSchemaFormat));
  bytes += object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return bytes;
}

bool DecodeSchema(std::string_view bytes, SchemaRecord* schema) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  if (!reader.ReadByte(&format) || format != kSchemaFormat) {
    return false;
  }
  const Status read =
      CatchAsStatus("schema record", [&] { *schema = Read(Json::parse(reader.rest())); });
  return read.ok() && IsSound(*schema);
}

Result<std::shared_ptr<const SchemaRecord>> SchemaCache::Decode(EntityKind kind,
                                                                std::string_view bytes) const {
  static const auto* empty =
      new std::shared_ptr<const SchemaRecord>(std::make_shared<const SchemaRecord>());
  if (bytes.empty()) {
    return *empty;
  }
  const std::size_t index = static_cast<std::size_t>(kind) - 1;
  {
    const MutexLock lock(mutex_);
    if (last_[index].bytes == bytes) {
      return last_[index].schema;
    }
  }
  auto schema = std::make_shared<SchemaRecord>();
  if (!DecodeSchema(bytes, schema.get())) {
    return Status::Corruption(
        fmt::format("catalog record cannot be decoded: schema of {}", EntityTableName(kind)));
  }
  const MutexLock lock(mutex_);
  last_[index] = {std::string(bytes), schema};
  return std::shared_ptr<const SchemaRecord>(std::move(schema));
}

}  // namespace dashi::storage
