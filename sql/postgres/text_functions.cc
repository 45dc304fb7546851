// PostgreSQL's functions of texts. Characters are Unicode code points.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/array_text.h"
#include "sql/postgres/cast.h"
#include "sql/postgres/functions.h"
#include "sql/postgres/md5.h"
#include "sql/postgres/regular_expression.h"
#include "sql/postgres/utf8_text.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

using Arguments = std::span<sqlite3_value*>;

/// The longest text that a function makes.
constexpr std::int64_t kMadeBytesMax = 64 << 20;

Result<std::int64_t> WholeArgument(sqlite3_value* value) {
  if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER) {
    return Status::InvalidArgument("a whole number is expected: got " + std::string(TextOf(value)))
        .WithSqlState("42883");
  }
  return sqlite3_value_int64(value);
}

Status TooLong() {
  return Status::ResourceExhausted(
             "the text that a function makes is too long: the limit is 64 MiB")
      .WithSqlState("54000");
}

Value TextValue(std::string_view text) { return Value::Text(std::string(text)); }
Value BooleanValue(bool value) { return Value::Integer(value ? 1 : 0); }

Result<Value> Upper(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(ToUpperText(TextOf(arguments[0])));
}
Result<Value> Lower(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(ToLowerText(TextOf(arguments[0])));
}
Result<Value> InitCap(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(ToTitleText(TextOf(arguments[0])));
}

Result<Value> CharLength(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Integer(Utf8Length(TextOf(arguments[0])));
}

Result<Value> OctetLength(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Integer(sqlite3_value_bytes(arguments[0]));
}

Result<Value> BitLength(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Integer(std::int64_t{8} * sqlite3_value_bytes(arguments[0]));
}

// Characters (of bytes: bytes) from `from`, which counts from 1 and may lie before the text.
Result<Value> Substring(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t from, WholeArgument(arguments[1]));
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
  if (arguments.size() == 3) {
    DASHI_ASSIGN_OR_RETURN(const std::int64_t count, WholeArgument(arguments[2]));
    if (count < 0) {
      return Status::InvalidArgument("negative substring length not allowed").WithSqlState("22011");
    }
    if (__builtin_add_overflow(from, count, &end)) {
      end = std::numeric_limits<std::int64_t>::max();
    }
  }
  const std::int64_t first = std::max<std::int64_t>(from, 1);
  const bool bytes = sqlite3_value_type(arguments[0]) == SQLITE_BLOB;
  const std::string_view text = TextOf(arguments[0]);
  if (end <= first) {
    return bytes ? Value::Bytes({}) : Value::Text({});
  }
  if (bytes) {
    const auto size = static_cast<std::int64_t>(text.size());
    const auto begin = static_cast<std::size_t>(std::min(first - 1, size));
    return Value::Bytes(std::string(text.substr(begin, static_cast<std::size_t>(end - first))));
  }
  const std::string_view rest = text.substr(Utf8Offset(text, first - 1));
  return TextValue(rest.substr(0, Utf8Offset(rest, end - first)));
}

Result<Value> Left(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(std::int64_t count, WholeArgument(arguments[1]));
  const std::string_view text = TextOf(arguments[0]);
  count = count < 0 ? std::max<std::int64_t>(Utf8Length(text) + count, 0) : count;
  return TextValue(text.substr(0, Utf8Offset(text, count)));
}

Result<Value> Right(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t count, WholeArgument(arguments[1]));
  const std::string_view text = TextOf(arguments[0]);
  const std::int64_t skipped = count < 0 ? -std::max(count, -Utf8Length(text) - 1)
                                         : std::max<std::int64_t>(Utf8Length(text) - count, 0);
  return TextValue(text.substr(Utf8Offset(text, skipped)));
}

Result<Value> Pad(Arguments arguments, bool left) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t width, WholeArgument(arguments[1]));
  const std::string_view text = TextOf(arguments[0]);
  const std::string_view fill = arguments.size() == 3 ? TextOf(arguments[2]) : " ";
  const std::int64_t length = Utf8Length(text);
  if (width <= length || fill.empty()) {
    return TextValue(text.substr(0, Utf8Offset(text, std::max<std::int64_t>(width, 0))));
  }
  if (width > kMadeBytesMax / 4) {
    return TooLong();
  }
  const std::int64_t missing = width - length;
  const std::int64_t fill_length = Utf8Length(fill);
  std::string padding;
  for (std::int64_t i = 0; i < missing / fill_length; ++i) {
    padding += fill;
  }
  padding += fill.substr(0, Utf8Offset(fill, missing % fill_length));
  return Value::Text(left ? padding + std::string(text) : std::string(text) + padding);
}

Result<Value> LeftPad(StatementContext& /*statement*/, Arguments arguments) {
  return Pad(arguments, /*left=*/true);
}
Result<Value> RightPad(StatementContext& /*statement*/, Arguments arguments) {
  return Pad(arguments, /*left=*/false);
}

Result<Value> Repeat(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t count, WholeArgument(arguments[1]));
  const std::string_view text = TextOf(arguments[0]);
  std::string made;
  if (count > 0 && !text.empty()) {
    if (count > kMadeBytesMax / static_cast<std::int64_t>(text.size())) {
      return TooLong();
    }
    made.reserve(text.size() * static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      made += text;
    }
  }
  return Value::Text(std::move(made));
}

Result<Value> Reverse(StatementContext& /*statement*/, Arguments arguments) {
  const std::u32string points = CodePoints(TextOf(arguments[0]));
  std::string made;
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    AppendUtf8(&made, *point);
  }
  return Value::Text(std::move(made));
}

Result<Value> SplitPart(StatementContext& /*statement*/, Arguments arguments) {
  std::string_view text = TextOf(arguments[0]);
  const std::string_view separator = TextOf(arguments[1]);
  DASHI_ASSIGN_OR_RETURN(std::int64_t wanted, WholeArgument(arguments[2]));
  if (wanted == 0) {
    return Status::InvalidArgument("field position must not be zero").WithSqlState("22023");
  }
  std::int64_t num_parts = 1;
  if (!separator.empty()) {
    for (std::size_t at = text.find(separator); at != std::string_view::npos;
         at = text.find(separator, at + separator.size())) {
      ++num_parts;
    }
  }
  num_parts = text.empty() ? 0 : num_parts;
  wanted = wanted < 0 ? num_parts + 1 + wanted : wanted;
  if (wanted < 1 || wanted > num_parts) {
    return Value::Text({});
  }
  for (std::int64_t i = 1; i < wanted; ++i) {
    text.remove_prefix(text.find(separator) + separator.size());
  }
  return TextValue(separator.empty() ? text : text.substr(0, text.find(separator)));
}

Result<Value> StrPos(StatementContext& /*statement*/, Arguments arguments) {
  const std::string_view text = TextOf(arguments[0]);
  const std::size_t at = text.find(TextOf(arguments[1]));
  return Value::Integer(at == std::string_view::npos ? 0 : Utf8Length(text.substr(0, at)) + 1);
}

Result<Value> Overlay(StatementContext& /*statement*/, Arguments arguments) {
  const std::string_view text = TextOf(arguments[0]);
  const std::string_view placed = TextOf(arguments[1]);
  DASHI_ASSIGN_OR_RETURN(const std::int64_t from, WholeArgument(arguments[2]));
  std::int64_t count = Utf8Length(placed);
  if (arguments.size() == 4) {
    DASHI_ASSIGN_OR_RETURN(count, WholeArgument(arguments[3]));
  }
  if (from <= 0) {
    return Status::InvalidArgument("negative substring length not allowed").WithSqlState("22011");
  }
  std::int64_t rest = 0;
  if (__builtin_add_overflow(from - 1, count, &rest)) {
    return Status::InvalidArgument("integer out of range").WithSqlState("22003");
  }
  return Value::Text(std::string(text.substr(0, Utf8Offset(text, from - 1))) + std::string(placed) +
                     std::string(text.substr(Utf8Offset(text, std::max<std::int64_t>(rest, 0)))));
}

// btrim(text [, characters])
Result<Value> TrimBoth(StatementContext& /*statement*/, Arguments arguments) {
  const std::u32string set = CodePoints(arguments.size() == 2 ? TextOf(arguments[1]) : " ");
  const std::u32string points = CodePoints(TextOf(arguments[0]));
  const std::size_t begin = points.find_first_not_of(set);
  std::string made;
  if (begin != std::u32string::npos) {
    for (std::size_t i = begin; i <= points.find_last_not_of(set); ++i) {
      AppendUtf8(&made, points[i]);
    }
  }
  return Value::Text(std::move(made));
}

Result<Value> Translate(StatementContext& /*statement*/, Arguments arguments) {
  const std::u32string from = CodePoints(TextOf(arguments[1]));
  const std::u32string to = CodePoints(TextOf(arguments[2]));
  std::string made;
  for (const char32_t point : CodePoints(TextOf(arguments[0]))) {
    const std::size_t at = from.find(point);
    if (at == std::u32string::npos) {
      AppendUtf8(&made, point);
    } else if (at < to.size()) {
      AppendUtf8(&made, to[at]);
    }
  }
  return Value::Text(std::move(made));
}

Result<Value> Ascii(StatementContext& /*statement*/, Arguments arguments) {
  const std::string_view text = TextOf(arguments[0]);
  const std::u32string first = CodePoints(text.substr(0, Utf8Offset(text, 1)));
  return Value::Integer(first.empty() ? 0 : static_cast<std::int64_t>(first.front()));
}

Result<Value> Chr(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t point, WholeArgument(arguments[0]));
  if (point == 0) {
    return Status::InvalidArgument("null character not permitted").WithSqlState("54000");
  }
  if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    return Status::InvalidArgument(
               fmt::format("requested character is not a valid code point: {}", point))
        .WithSqlState("54000");
  }
  std::string text;
  AppendUtf8(&text, static_cast<char32_t>(point));
  return Value::Text(std::move(text));
}

Result<Value> ToHex(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t number, WholeArgument(arguments[0]));
  if (number < 0) {
    return Status::Unimplemented("to_hex of a negative number is not supported")
        .WithHint("Its digits depend on the number of bits, which are 64 for all integers here.");
  }
  return Value::Text(fmt::format("{:x}", number));
}

Result<Value> StartsWith(StatementContext& /*statement*/, Arguments arguments) {
  return BooleanValue(TextOf(arguments[0]).starts_with(TextOf(arguments[1])));
}

Result<Value> Md5(StatementContext& /*statement*/, Arguments arguments) {
  return Value::Text(Md5Hex(TextOf(arguments[0])));
}

std::string ShownText(sqlite3_value* value) {
  return TextOfValue(ValueFromSqlite(value), StaticType::kUnknown);
}

Result<Value> Concat(StatementContext& /*statement*/, Arguments arguments) {
  std::string made;
  for (sqlite3_value* value : arguments) {
    if (sqlite3_value_type(value) != SQLITE_NULL) {
      made += ShownText(value);
    }
  }
  return Value::Text(std::move(made));
}

Result<Value> ConcatWithSeparator(StatementContext& /*statement*/, Arguments arguments) {
  if (arguments.empty() || sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    return Value::Null();
  }
  const std::string_view separator = TextOf(arguments[0]);
  std::string made;
  bool first = true;
  for (sqlite3_value* value : arguments.subspan(1)) {
    if (sqlite3_value_type(value) != SQLITE_NULL) {
      made += (first ? std::string() : std::string(separator)) + ShownText(value);
      first = false;
    }
  }
  return Value::Text(std::move(made));
}

// dashi_boolean_text(x): as concat() shows a boolean.
Result<Value> BooleanText(StatementContext& /*statement*/, Arguments arguments) {
  return TextValue(sqlite3_value_int64(arguments[0]) != 0 ? "t" : "f");
}

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    quoted.append(c == quote ? 2 : 1, c);
  }
  return quoted + quote;
}

std::string QuotedLiteral(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) {
    return Quoted(text, '\'');
  }
  std::string doubled;
  for (const char c : text) {
    doubled.append(c == '\\' ? 2 : 1, c);
  }
  return " E" + Quoted(doubled, '\'');
}

Result<Value> QuoteLiteral(StatementContext& /*statement*/, Arguments arguments) {
  std::string quoted = QuotedLiteral(ShownText(arguments[0]));
  return Value::Text(quoted.front() == ' ' ? quoted.substr(1) : std::move(quoted));
}

/// One conversion of format(): %[n$]s, I or L.
struct Conversion {
  std::size_t argument = 0;  ///< n; 0: the next one
  char kind = 's';
};

Result<Conversion> TakeConversion(std::string_view* pattern) {
  Conversion conversion;
  const std::size_t dollar = pattern->find_first_not_of("0123456789");
  if (dollar != std::string_view::npos && dollar > 0 && (*pattern)[dollar] == '$') {
    constexpr std::size_t kNumberMax = 6;
    if (dollar > kNumberMax) {
      return Status::InvalidArgument("too few arguments for format()").WithSqlState("22023");
    }
    conversion.argument =
        static_cast<std::size_t>(std::stoi(std::string(pattern->substr(0, dollar))));
    if (conversion.argument == 0) {
      return Status::InvalidArgument(
                 "format specifies argument 0, but arguments are numbered from 1")
          .WithSqlState("22023");
    }
    pattern->remove_prefix(dollar + 1);
  }
  if (pattern->empty()) {
    return Status::InvalidArgument("unterminated format() type specifier").WithSqlState("22023");
  }
  conversion.kind = pattern->front();
  pattern->remove_prefix(1);
  const std::string_view widths = "-*0123456789";
  if (widths.find(conversion.kind) != std::string_view::npos) {
    return Status::Unimplemented("widths in format() are not supported")
        .WithHint("Write lpad(x, n) or rpad(x, n).");
  }
  if (std::string_view("sIL").find(conversion.kind) == std::string_view::npos) {
    return Status::InvalidArgument(
               fmt::format("unrecognized format() type specifier \"{}\"", conversion.kind))
        .WithSqlState("22023")
        .WithHint("printf() takes those of C.");
  }
  return conversion;
}

Result<Value> Format(StatementContext& /*statement*/, Arguments arguments) {
  if (arguments.empty() || sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
    return Value::Null();
  }
  std::string_view pattern = TextOf(arguments[0]);
  std::string made;
  std::size_t last = 0;
  for (std::size_t at = pattern.find('%'); at != std::string_view::npos; at = pattern.find('%')) {
    made += pattern.substr(0, at);
    pattern.remove_prefix(at + 1);
    if (pattern.starts_with('%')) {
      made += '%';
      pattern.remove_prefix(1);
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const Conversion conversion, TakeConversion(&pattern));
    last = conversion.argument == 0 ? last + 1 : conversion.argument;
    if (last >= arguments.size()) {
      return Status::InvalidArgument("too few arguments for format()").WithSqlState("22023");
    }
    sqlite3_value* value = arguments[last];
    const bool null = sqlite3_value_type(value) == SQLITE_NULL;
    if (conversion.kind == 'I') {
      if (null) {
        return Status::InvalidArgument("null values cannot be formatted as an SQL identifier")
            .WithSqlState("22004");
      }
      const std::string name = ShownText(value);
      const bool plain =
          !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
          name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
      made += plain ? name : Quoted(name, '"');
    } else if (conversion.kind == 'L') {
      std::string quoted = null ? "NULL" : QuotedLiteral(ShownText(value));
      made += quoted.front() == ' ' ? quoted.substr(1) : quoted;
    } else if (!null) {
      made += ShownText(value);
    }
  }
  return Value::Text(made + std::string(pattern));
}

// dashi_like(text, pattern, escape): LIKE with an escape that only the run knows.
Result<Value> MatchLike(Arguments arguments, bool fold) {
  std::string pattern(TextOf(arguments[1]));
  std::string text(TextOf(arguments[0]));
  const std::u32string escapes = CodePoints(arguments.size() > 2 ? TextOf(arguments[2]) : "\\");
  if (escapes.size() > 1) {
    return Status::InvalidArgument("the escape of LIKE is one character or none")
        .WithSqlState("22019");
  }
  if (fold) {
    pattern = ToLowerText(pattern);
    text = ToLowerText(text);
  }
  const char32_t escape = escapes.empty() ? 0 : escapes.front();
  if (escape != 0) {
    const std::u32string points = CodePoints(pattern);
    std::size_t at = 0;
    while (at < points.size()) {
      if (points[at] == escape && at + 1 == points.size()) {
        return Status::InvalidArgument("LIKE pattern must not end with escape character")
            .WithSqlState("22025");
      }
      at += points[at] == escape ? 2 : 1;
    }
  }
  return BooleanValue(LikeMatches(pattern, text, escape));
}

Result<Value> LikeFunction(StatementContext& /*statement*/, Arguments arguments) {
  return MatchLike(arguments, /*fold=*/false);
}
Result<Value> ILikeFunction(StatementContext& /*statement*/, Arguments arguments) {
  return MatchLike(arguments, /*fold=*/true);
}

// dashi_in_array(value, array [, whether it is a vector]): = ANY of an array that is one value.
Result<Value> InArray(StatementContext& /*statement*/, Arguments arguments) {
  return IsInArray(ValueFromSqlite(arguments[0]), TextOf(arguments[1]),
                   /*of_vector=*/arguments.size() == 3);
}

// dashi_regex(text, pattern): the operator ~.
Result<Value> MatchRegex(StatementContext& statement, Arguments arguments, bool fold) {
  if (statement.regular_expressions == nullptr) {
    statement.regular_expressions = std::make_shared<RegularExpressionCache>();
  }
  DASHI_ASSIGN_OR_RETURN(const RegularExpression* expression,
                         statement.regular_expressions->Find(TextOf(arguments[1]), fold));
  return BooleanValue(expression->Matches(TextOf(arguments[0])));
}

Result<Value> RegexFunction(StatementContext& statement, Arguments arguments) {
  return MatchRegex(statement, arguments, /*fold=*/false);
}
Result<Value> IRegexFunction(StatementContext& statement, Arguments arguments) {
  return MatchRegex(statement, arguments, /*fold=*/true);
}

Result<Value> CastFunction(StatementContext& /*statement*/, Arguments arguments) {
  DASHI_ASSIGN_OR_RETURN(CastTarget target, CastOfNumber(sqlite3_value_int(arguments[1])));
  if (sqlite3_value_type(arguments[3]) != SQLITE_NULL) {
    target.modifier = sqlite3_value_int(arguments[3]);
  }
  const int from = sqlite3_value_int(arguments[2]);
  if (from < 0 || from > static_cast<int>(StaticType::kInterval)) {
    return Status::InvalidArgument("there is no such type");
  }
  return Cast(ValueFromSqlite(arguments[0]), target, static_cast<StaticType>(from));
}

constexpr auto kStrict = ScalarFunction::Kind::kStrict;
constexpr auto kTakesNull = ScalarFunction::Kind::kTakesNull;

constexpr ScalarFunction kTextFunctions[] = {
    {"upper", 1, 1, kStrict, Upper},
    {"lower", 1, 1, kStrict, Lower},
    {"initcap", 1, 1, kStrict, InitCap},
    {"char_length", 1, 1, kStrict, CharLength},
    {"character_length", 1, 1, kStrict, CharLength},
    {"octet_length", 1, 1, kStrict, OctetLength},
    {"bit_length", 1, 1, kStrict, BitLength},
    {"substr", 2, 3, kStrict, Substring},
    {"substring", 2, 3, kStrict, Substring},
    {"left", 2, 2, kStrict, Left},
    {"right", 2, 2, kStrict, Right},
    {"btrim", 1, 2, kStrict, TrimBoth},
    {"lpad", 2, 3, kStrict, LeftPad},
    {"rpad", 2, 3, kStrict, RightPad},
    {"repeat", 2, 2, kStrict, Repeat},
    {"reverse", 1, 1, kStrict, Reverse},
    {"split_part", 3, 3, kStrict, SplitPart},
    {"strpos", 2, 2, kStrict, StrPos},
    {"overlay", 3, 4, kStrict, Overlay},
    {"translate", 3, 3, kStrict, Translate},
    {"ascii", 1, 1, kStrict, Ascii},
    {"chr", 1, 1, kStrict, Chr},
    {"to_hex", 1, 1, kStrict, ToHex},
    {"starts_with", 2, 2, kStrict, StartsWith},
    {"md5", 1, 1, kStrict, Md5},
    {"concat", 1, -1, kTakesNull, Concat},
    {"concat_ws", 1, -1, kTakesNull, ConcatWithSeparator},
    {"quote_literal", 1, 1, kStrict, QuoteLiteral},
    {"format", 1, -1, kTakesNull, Format},
    {"dashi_boolean_text", 1, 1, kStrict, BooleanText},
    {"dashi_like", 2, 3, kStrict, LikeFunction},
    {"dashi_ilike", 2, 3, kStrict, ILikeFunction},
    {"dashi_in_array", 2, 3, kStrict, InArray},
    {"dashi_regex", 2, 2, kStrict, RegexFunction},
    {"dashi_iregex", 2, 2, kStrict, IRegexFunction},
    {"dashi_cast", 4, 4, kTakesNull, CastFunction},
};

}  // namespace

std::span<const ScalarFunction> TextFunctions() { return kTextFunctions; }

}  // namespace dashi::sql::postgres
