#include "base/value_format.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <utf8proc.h>

namespace dashi {

namespace {

// Returns the number of bytes of the character that `text` starts with, 0 when it is invalid.
std::size_t ValidCharacterBytes(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 0x80) {
    return 1;
  }
  utf8proc_int32_t codepoint = 0;
  const auto size = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4));
  const utf8proc_ssize_t num_bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), size, &codepoint);
  return num_bytes < 0 ? 0 : static_cast<std::size_t>(num_bytes);
}

// Returns the escape of an ASCII character, "" when it stands for itself.
std::string JsonEscape(char byte) {
  switch (byte) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(byte);
  return code < 0x20 || code == 0x7F ? fmt::format("\\u{:04x}", code) : std::string();
}

}  // namespace

void AppendCsvText(std::string* out, std::string_view text, char delimiter) {
  const char quoted[] = {delimiter, '"', '\r', '\n'};
  if (!text.empty() && text.find_first_of({quoted, sizeof(quoted)}) == std::string_view::npos) {
    *out += text;
    return;
  }
  *out += '"';
  for (const char byte : text) {
    if (byte == '"') {
      *out += '"';
    }
    *out += byte;
  }
  *out += '"';
}

void AppendCsvField(std::string* out, const Value& value, char delimiter) {
  if (!value.is_null()) {
    AppendCsvText(out, value.ToString(), delimiter);
  }
}

void AppendTsvText(std::string* out, std::string_view text, char delimiter) {
  for (const char byte : text) {
    switch (byte) {
      case '\\':
        *out += "\\\\";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      default:
        if (byte == delimiter) {
          *out += '\\';
        }
        *out += byte;
    }
  }
}

void AppendTsvField(std::string* out, const Value& value, char delimiter) {
  if (value.is_null()) {
    *out += "\\N";
  } else {
    AppendTsvText(out, value.ToString(), delimiter);
  }
}

void AppendJsonString(std::string* out, std::string_view text) {
  *out += '"';
  while (!text.empty()) {
    const std::size_t num_bytes = ValidCharacterBytes(text);
    if (num_bytes == 0) {
      *out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    const std::string escape = num_bytes == 1 ? JsonEscape(text.front()) : std::string();
    if (escape.empty()) {
      *out += text.substr(0, num_bytes);
    } else {
      *out += escape;
    }
    text.remove_prefix(num_bytes);
  }
  *out += '"';
}

void AppendJsonValue(std::string* out, const Value& value) {
  switch (value.type()) {
    case ValueType::kNull:
      *out += "null";
      return;
    case ValueType::kInteger:
      *out += value.ToString();
      return;
    case ValueType::kReal: {
      if (!std::isfinite(value.real())) {
        *out += "null";
        return;
      }
      const std::string digits = value.ToString();
      *out += digits;
      // A whole number stays recognisable as a real.
      if (digits.find_first_of(".e") == std::string::npos) {
        *out += ".0";
      }
      return;
    }
    case ValueType::kText:
      AppendJsonString(out, value.text());
      return;
    case ValueType::kBlob:
      AppendJsonString(out, value.ToString());
      return;
  }
}

}  // namespace dashi
