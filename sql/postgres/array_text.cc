#include "sql/postgres/array_text.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/status.h"
#include "sql/postgres/cast.h"
#include "sql/token.h"

namespace dashi::sql::postgres {

namespace {

Status Malformed(std::string_view text, std::string_view what) {
  return Status::InvalidArgument("malformed array literal: \"" + std::string(text) + "\"; " +
                                 std::string(what))
      .WithSqlState("22P02");
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class ArrayReader {
 public:
  explicit ArrayReader(std::string_view text) : text_(text), rest_(text) {}

  Result<std::vector<std::optional<std::string>>> Run() {
    SkipSpaces();
    if (!rest_.starts_with('{')) {
      return Malformed(text_, "an array begins with {");
    }
    rest_.remove_prefix(1);
    SkipSpaces();
    bool more = !rest_.starts_with('}');
    while (more) {
      DASHI_RETURN_IF_ERROR(Element());
      SkipSpaces();
      more = rest_.starts_with(',');
      if (more) {
        rest_.remove_prefix(1);
      }
    }
    if (!rest_.starts_with('}')) {
      return Malformed(text_, "a } is missing");
    }
    rest_.remove_prefix(1);
    SkipSpaces();
    if (!rest_.empty()) {
      return Malformed(text_, "something stands behind the }");
    }
    return std::move(elements_);
  }

 private:
  void SkipSpaces() {
    while (!rest_.empty() && IsSpace(rest_.front())) {
      rest_.remove_prefix(1);
    }
  }

  Status Element() {
    SkipSpaces();
    if (rest_.starts_with('{')) {
      return Status::Unimplemented("arrays of arrays are not supported");
    }
    const bool quoted = rest_.starts_with('"');
    if (quoted) {
      rest_.remove_prefix(1);
    }
    std::string element;
    bool escaped = false;
    std::size_t kept = 0;  // Spaces at the end do not count, unless they are escaped.
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_.front();
      if (c == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        element += rest_.front();
        kept = element.size();
        escaped = true;
        continue;
      }
      if (quoted ? c == '"' : c == ',' || c == '}' || c == '{' || c == '"') {
        break;
      }
      element += c;
      kept = IsSpace(c) ? kept : element.size();
    }
    if (quoted) {
      if (rest_.empty()) {
        return Malformed(text_, "a quotation mark is missing");
      }
      rest_.remove_prefix(1);
      elements_.emplace_back(std::move(element));
      return Status();
    }
    element.resize(kept);
    if (element.empty()) {
      return Malformed(text_, "an element is missing");
    }
    if (!escaped && EqualsIgnoreCase(element, "null")) {
      elements_.emplace_back();
    } else {
      elements_.emplace_back(std::move(element));
    }
    return Status();
  }

  std::string_view text_;
  std::string_view rest_;
  std::vector<std::optional<std::string>> elements_;
};

Result<std::vector<std::optional<std::string>>> ReadJsonArray(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) {
    return Malformed(text, "it is no array of JSON either");
  }
  std::vector<std::optional<std::string>> elements;
  elements.reserve(json.size());
  for (const nlohmann::json& element : json) {
    if (element.is_structured()) {
      return Status::Unimplemented("arrays of arrays are not supported");
    }
    if (element.is_null()) {
      elements.emplace_back();
    } else if (element.is_boolean()) {
      elements.emplace_back(element.get<bool>() ? "t" : "f");
    } else {
      elements.emplace_back(element.is_string() ? element.get<std::string>() : element.dump());
    }
  }
  return elements;
}

}  // namespace

Result<std::vector<std::optional<std::string>>> ReadArrayText(std::string_view text) {
  return ArrayReader(text).Run();
}

namespace {

// Of PostgreSQL's text or of JSON's, as which the server hands on what clients send.
Result<std::vector<std::optional<std::string>>> ReadElements(std::string_view text) {
  return text.starts_with('[') ? ReadJsonArray(text) : ReadArrayText(text);
}

}  // namespace

bool IsVectorText(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == ' '; });
}

Result<std::vector<std::optional<std::string>>> ReadAnyArrayText(std::string_view text) {
  if (!IsVectorText(text)) {
    return ReadElements(text);
  }
  std::vector<std::optional<std::string>> elements;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    elements.emplace_back(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return elements;
}

Result<std::optional<std::string>> ElementText(const Value& value, bool booleans) {
  if (value.is_null()) {
    return std::optional<std::string>();
  }
  if (value.type() == ValueType::kBlob) {
    return Status::InvalidArgument("bytes are no element of an array").WithSqlState("42883");
  }
  if (booleans && value.type() == ValueType::kInteger) {
    return std::optional<std::string>(value.integer() != 0 ? "t" : "f");
  }
  return std::optional<std::string>(TextOfValue(value, StaticType::kUnknown));
}

Result<Value> ElementValue(std::string_view element, bool of_vector, std::string_view kind) {
  CastTarget target{CastKind::kText, std::nullopt};
  if (of_vector || kind == "i") {
    target.kind = CastKind::kInt8;
  } else if (kind == "f") {
    target.kind = CastKind::kFloat8;
  } else if (kind == "b") {
    target.kind = CastKind::kBoolean;
  }
  return Cast(Value::Text(std::string(element)), target, StaticType::kUnknown);
}

std::string FormatArrayText(const std::vector<std::optional<std::string>>& elements) {
  std::string text = "{";
  for (const std::optional<std::string>& element : elements) {
    text += text.size() > 1 ? "," : "";
    if (!element) {
      text += "NULL";
      continue;
    }
    const bool plain =
        !element->empty() && !EqualsIgnoreCase(*element, "null") &&
        std::none_of(element->begin(), element->end(), [](char c) {
          return IsSpace(c) || c == '{' || c == '}' || c == ',' || c == '"' || c == '\\';
        });
    if (plain) {
      text += *element;
      continue;
    }
    text += '"';
    for (const char c : *element) {
      text += c == '"' || c == '\\' ? "\\" : "";
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

Result<Value> CastToArray(std::string_view array, const CastTarget& target, StaticType from) {
  const bool vector = from == StaticType::kSmallIntVector || from == StaticType::kOidVector;
  DASHI_ASSIGN_OR_RETURN(auto elements, vector ? ReadAnyArrayText(array) : ReadElements(array));
  const CastTarget element_target{target.kind, target.modifier};
  for (std::optional<std::string>& element : elements) {
    if (element) {
      DASHI_ASSIGN_OR_RETURN(const Value value, Cast(Value::Text(std::move(*element)),
                                                     element_target, StaticType::kUnknown));
      element = target.kind == CastKind::kBoolean ? (value.integer() == 1 ? "t" : "f")
                                                  : TextOfValue(value, StaticTypeOf(target.kind));
    }
  }
  return Value::Text(FormatArrayText(elements));
}

Result<Value> IsInArray(const Value& value, std::string_view array, bool of_vector) {
  DASHI_ASSIGN_OR_RETURN(const auto elements,
                         of_vector ? ReadAnyArrayText(array) : ReadElements(array));
  const bool number = value.type() == ValueType::kInteger || value.type() == ValueType::kReal;
  if (!number && value.type() != ValueType::kText) {
    return Status::InvalidArgument("bytes are no element of an array").WithSqlState("42883");
  }
  const CastTarget target{value.type() == ValueType::kInteger ? CastKind::kInt8 : CastKind::kFloat8,
                          std::nullopt};
  bool has_null = false;
  bool has_equal = false;
  for (const std::optional<std::string>& element : elements) {
    if (!element) {
      has_null = true;
      continue;
    }
    bool equal = !number && *element == value.text();
    if (number) {
      // A boolean is 1 or 0 here, and an element may have a point where the value has none.
      const bool boolean = *element == "t" || *element == "f";
      Result<Value> read = boolean ? Value::Integer(*element == "t" ? 1 : 0)
                                   : Cast(Value::Text(*element), target, StaticType::kText);
      if (!read.ok() && target.kind == CastKind::kInt8) {
        read = Cast(Value::Text(*element), {CastKind::kFloat8, std::nullopt}, StaticType::kText);
      }
      if (!read.ok()) {
        return std::move(read).status();
      }
      equal = read->type() == value.type() ? *read == value : read->real() == value.real();
    }
    has_equal = has_equal || equal;
  }
  return has_equal ? Value::Integer(1) : (has_null ? Value::Null() : Value::Integer(0));
}

}  // namespace dashi::sql::postgres
