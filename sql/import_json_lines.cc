#include "sql/import_json_lines.h"

#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/status.h"

namespace dashi::sql {
namespace {

constexpr std::string_view kInvalidText = "22P02";
constexpr std::string_view kDuplicateKey = "22030";
constexpr std::string_view kOutOfRange = "22003";
constexpr std::string_view kBadEncoding = "22021";
constexpr std::string_view kZeroCharacter = "22P05";
constexpr std::size_t kFewKeys = 16;

/// Finds where JSON goes wrong, for messages: simdjson does not say. Accepts every event.
class ErrorLocator : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    position_ = position;
    return false;
  }

  /// Returns the byte, counted from 1, at which the text stops being JSON; 0 if nowhere.
  std::size_t position() const { return position_; }

 private:
  std::size_t position_ = 0;
};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

/// Returns a key that occurs twice, or nullptr data.
std::string_view FindDuplicate(const std::vector<ImportField>& fields) {
  if (fields.size() <= kFewKeys) {
    for (std::size_t i = 1; i < fields.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (fields[i].name == fields[j].name) {
          return fields[i].name;
        }
      }
    }
    return {};
  }
  std::unordered_set<std::string_view> seen;
  for (const ImportField& field : fields) {
    if (!seen.insert(field.name).second) {
      return field.name;
    }
  }
  return {};
}

class JsonLinesReader final : public ImportReader {
 public:
  explicit JsonLinesReader(std::unique_ptr<ImportLines> lines) : json_(std::move(lines)) {}

  Result<bool> Next(ImportRecord* record) override {
    simdjson::dom::object object;
    Result<bool> found = json_.Next(&object);
    record->line = json_.lines().line();
    if (!found.ok() || !*found) {
      return found;
    }
    std::size_t num_fields = 0;
    for (const simdjson::dom::key_value_pair pair : object) {
      if (num_fields == record->fields.size()) {
        record->fields.emplace_back();
      }
      ImportField& field = record->fields[num_fields++];
      field.name.assign(pair.key);
      DASHI_RETURN_IF_ERROR(json_.ToValue(pair.key, pair.value, &field.value));
    }
    record->fields.resize(num_fields);
    if (const std::string_view name = FindDuplicate(record->fields); name.data() != nullptr) {
      return json_.BadRow(kDuplicateKey, fmt::format("duplicate key: '{}'", name));
    }
    return true;
  }

  std::uint64_t bytes_read() const override { return json_.lines().bytes_read(); }
  std::uint64_t bytes_total() const override { return json_.lines().bytes_total(); }

 private:
  ImportJsonLines json_;
};

}  // namespace

Result<bool> ImportJsonLines::Next(simdjson::dom::object* object) {
  std::string_view line;
  do {
    DASHI_ASSIGN_OR_RETURN(const bool found, lines_->Next(&line));
    if (!found) {
      return false;
    }
  } while (IsBlank(line));
  static_assert(ImportLines::kPaddingBytes >= simdjson::SIMDJSON_PADDING);
  simdjson::dom::element root;
  const simdjson::error_code code =
      parser_.parse(line.data(), line.size(), /*realloc_if_needed=*/false).get(root);
  if (code != simdjson::SUCCESS) {
    return ParseError(line, code);
  }
  if (root.get(*object) != simdjson::SUCCESS) {
    return BadRow(kInvalidText, "want one JSON object per line, got another JSON value");
  }
  return true;
}

Status ImportJsonLines::ParseError(std::string_view line, simdjson::error_code code) const {
  if (code == simdjson::MEMALLOC) {
    return Status::ResourceExhausted("no memory for a JSON row");
  }
  if (code == simdjson::UTF8_ERROR || !simdjson::validate_utf8(line)) {
    return BadRow(kBadEncoding, "invalid UTF-8");
  }
  ErrorLocator locator;
  nlohmann::json::sax_parse(line, &locator);
  if (locator.position() == 0) {
    return BadRow(kInvalidText, fmt::format("invalid JSON: {}", simdjson::error_message(code)));
  }
  return BadRow(kInvalidText,
                fmt::format("invalid JSON at byte {}: {}", locator.position(),
                            locator.position() > line.size() ? "the line ends too early"
                                                             : simdjson::error_message(code)));
}

Status ImportJsonLines::ToValue(std::string_view key, const simdjson::dom::element& element,
                                Value* value) const {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::STRING: {
      const std::string_view text = element.get_string().value_unsafe();
      if (text.find('\0') != std::string_view::npos) {
        return BadRow(kZeroCharacter, fmt::format("text with a zero character: '{}'", key));
      }
      *value = Value::Text(std::string(text));
      break;
    }
    case element_type::INT64:
      *value = Value::Integer(element.get_int64().value_unsafe());
      break;
    case element_type::DOUBLE:
      *value = Value::Real(element.get_double().value_unsafe());
      break;
    case element_type::BOOL:
      *value = Value::Integer(element.get_bool().value_unsafe() ? 1 : 0);
      break;
    case element_type::NULL_VALUE:
      *value = Value::Null();
      break;
    case element_type::UINT64:
      return BadRow(kOutOfRange, fmt::format("integer out of range: '{}' is {}", key,
                                             element.get_uint64().value_unsafe()));
    case element_type::ARRAY:
    case element_type::OBJECT:
      *value = Value::Text(simdjson::minify(element));
      break;
  }
  return Status::Ok();
}

Result<std::unique_ptr<ImportReader>> OpenJsonLinesReader(const ImportSource& source,
                                                          const ImportFormat& format) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportLines> lines,
                         ImportLines::Open(source, format.row_bytes_max));
  return std::unique_ptr<ImportReader>(std::make_unique<JsonLinesReader>(std::move(lines)));
}

}  // namespace dashi::sql
