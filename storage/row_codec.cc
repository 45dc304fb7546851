#include "storage/row_codec.h"

#include "base/byte_codec.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kRowFormat = 1;
constexpr std::uint8_t kOrdinalFormat = 1;
constexpr std::uint8_t kCounterFormat = 1;

// Persisted: append only.
enum class SplitCode : std::uint8_t { kNone = 0, kTrain = 1, kTest = 2, kValid = 3 };
static_assert(static_cast<int>(SplitCode::kValid) == 3);
static_assert(static_cast<int>(ValueType::kBlob) == 4);

SplitCode CodeOf(const std::optional<std::string>& split) {
  if (!split) {
    return SplitCode::kNone;
  }
  if (*split == "train") {
    return SplitCode::kTrain;
  }
  return *split == "test" ? SplitCode::kTest : SplitCode::kValid;
}

bool DecodeSplit(std::uint8_t code, std::optional<std::string>* split) {
  switch (static_cast<SplitCode>(code)) {
    case SplitCode::kNone:
      split->reset();
      return true;
    case SplitCode::kTrain:
      *split = "train";
      return true;
    case SplitCode::kTest:
      *split = "test";
      return true;
    case SplitCode::kValid:
      *split = "valid";
      return true;
  }
  return false;
}

void AppendValue(std::string* out, const Value& value) {
  out->push_back(static_cast<char>(value.type()));
  switch (value.type()) {
    case ValueType::kNull:
      break;
    case ValueType::kInteger:
      AppendLittleEndian64(out, static_cast<std::uint64_t>(value.integer()));
      break;
    case ValueType::kReal:
      AppendDouble(out, value.real());
      break;
    case ValueType::kText:
      AppendLengthPrefixed(out, value.text());
      break;
    case ValueType::kBlob:
      AppendLengthPrefixed(out, value.bytes());
      break;
  }
}

bool ReadValue(ByteReader* reader, Value* value) {
  std::uint8_t type = 0;
  if (!reader->ReadByte(&type)) {
    return false;
  }
  std::uint64_t integer = 0;
  double real = 0;
  std::string_view bytes;
  switch (static_cast<ValueType>(type)) {
    case ValueType::kNull:
      *value = Value::Null();
      return true;
    case ValueType::kInteger:
      if (!reader->ReadLittleEndian64(&integer)) {
        return false;
      }
      *value = Value::Integer(static_cast<std::int64_t>(integer));
      return true;
    case ValueType::kReal:
      if (!reader->ReadDouble(&real)) {
        return false;
      }
      *value = Value::Real(real);
      return true;
    case ValueType::kText:
      if (!reader->ReadLengthPrefixed(&bytes)) {
        return false;
      }
      *value = Value::Text(std::string(bytes));
      return true;
    case ValueType::kBlob:
      if (!reader->ReadLengthPrefixed(&bytes)) {
        return false;
      }
      *value = Value::Bytes(std::string(bytes));
      return true;
  }
  return false;
}

bool ReadAttributes(ByteReader* reader, std::vector<Attribute>* attributes) {
  attributes->clear();
  std::uint64_t count = 0;
  // An attribute takes at least two bytes, which bounds what a damaged count can ask for.
  if (!reader->ReadVarint(&count) || count > reader->rest().size() / 2) {
    return false;
  }
  attributes->resize(count);
  std::uint64_t column = 0;
  for (Attribute& attribute : *attributes) {
    std::uint64_t step = 0;
    if (!reader->ReadVarint(&step) || step == 0 || step > UINT32_MAX ||
        column + step > UINT32_MAX || !ReadValue(reader, &attribute.value)) {
      return false;
    }
    column += step;
    attribute.column = static_cast<std::uint32_t>(column);
  }
  return true;
}

bool ReadRowStart(ByteReader* reader, std::string_view* id) {
  std::uint8_t format = 0;
  return reader->ReadByte(&format) && format == kRowFormat && reader->ReadLengthPrefixed(id) &&
         !id->empty() && id->size() <= kIdBytesMax;
}

}  // namespace

void AppendRow(std::string* out, const EntityRow& row) {
  out->reserve(out->size() + row.id.size() + row.text.size() + 24);
  out->push_back(static_cast<char>(kRowFormat));
  AppendLengthPrefixed(out, row.id);
  out->push_back(static_cast<char>(CodeOf(row.split)));
  AppendLittleEndian64(out, static_cast<std::uint64_t>(row.updated_at_micros));
  AppendVarint(out, row.attributes.size());
  std::uint32_t previous = 0;
  for (const Attribute& attribute : row.attributes) {
    AppendVarint(out, attribute.column - previous);
    previous = attribute.column;
    AppendValue(out, attribute.value);
  }
  AppendLengthPrefixed(out, row.text);
}

std::string EncodeRow(const EntityRow& row) {
  std::string bytes;
  AppendRow(&bytes, row);
  return bytes;
}

bool DecodeRow(std::string_view bytes, EntityRow* row) {
  ByteReader reader(bytes);
  std::string_view id;
  std::string_view text;
  std::uint8_t split = 0;
  std::uint64_t updated_at = 0;
  if (!ReadRowStart(&reader, &id) || !reader.ReadByte(&split) || !DecodeSplit(split, &row->split) ||
      !reader.ReadLittleEndian64(&updated_at) || !ReadAttributes(&reader, &row->attributes) ||
      !reader.ReadLengthPrefixed(&text) || !reader.empty()) {
    return false;
  }
  row->id = id;
  row->text = text;
  row->updated_at_micros = static_cast<std::int64_t>(updated_at);
  return true;
}

bool DecodeRowId(std::string_view bytes, std::string_view* id) {
  ByteReader reader(bytes);
  return ReadRowStart(&reader, id);
}

std::string EncodeOrdinal(Ordinal ordinal) {
  std::string bytes(1, static_cast<char>(kOrdinalFormat));
  AppendLittleEndian32(&bytes, ToInteger(ordinal));
  return bytes;
}

bool DecodeOrdinal(std::string_view bytes, Ordinal* ordinal) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  std::uint32_t number = 0;
  if (!reader.ReadByte(&format) || format != kOrdinalFormat ||
      !reader.ReadLittleEndian32(&number) || !reader.empty()) {
    return false;
  }
  *ordinal = Ordinal{number};
  return true;
}

std::string EncodeCounter(std::uint64_t value) {
  std::string bytes(1, static_cast<char>(kCounterFormat));
  AppendLittleEndian64(&bytes, value);
  return bytes;
}

bool DecodeCounter(std::string_view bytes, std::uint64_t* value) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  std::uint64_t number = 0;
  if (!reader.ReadByte(&format) || format != kCounterFormat ||
      !reader.ReadLittleEndian64(&number) || !reader.empty()) {
    return false;
  }
  *value = number;
  return true;
}

}  // namespace dashi::storage
