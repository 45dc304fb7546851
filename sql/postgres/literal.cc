#include "sql/postgres/literal.h"

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "dashi/status.h"
#include "sql/postgres/cast.h"

namespace dashi::sql::postgres {

std::string SqlText(const Value& value) {
  switch (value.type()) {
    case ValueType::kInteger:
      return fmt::format(" {}", value.integer());
    case ValueType::kReal: {
      if (value.real() > 1.7976931348623157e308) {
        return " 9e999";
      }
      if (value.real() < -1.7976931348623157e308) {
        return " (-9e999)";
      }
      std::string text = fmt::format(" {}", value.real());
      text += text.find_first_of(".e") == std::string::npos ? ".0" : "";
      return value.real() < 0 ? " (" + text + ")" : text;
    }
    case ValueType::kText: {
      std::string quoted = "'";
      for (const char c : value.text()) {
        quoted.append(c == '\'' ? 2 : 1, c);
      }
      return quoted + "'";
    }
    case ValueType::kBlob:
      return " x'" + value.ToString().substr(2) + "'";
    default:
      return " NULL";
  }
}

Value LiteralValue(const Token& token) {
  if (token.kind == TokenKind::kString) {
    return Value::Text(token.StringValue());
  }
  const CastTarget target{token.kind == TokenKind::kInteger ? CastKind::kInt8 : CastKind::kFloat8,
                          std::nullopt};
  const Result<Value> number =
      Cast(Value::Text(std::string(token.text)), target, StaticType::kText);
  return number.ok() ? *number : Value::Null();
}

}  // namespace dashi::sql::postgres
