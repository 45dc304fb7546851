// PostgreSQL's functions and operators of dates, times and intervals. All is UTC.

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timestamp.h"
#include "sql/postgres/functions.h"
#include "sql/postgres/moment.h"
#include "sql/postgres/to_char.h"
#include "sql/token.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

using TimeArguments = std::span<sqlite3_value*>;

bool IsNumber(sqlite3_value* value) {
  return sqlite3_value_type(value) == SQLITE_INTEGER || sqlite3_value_type(value) == SQLITE_FLOAT;
}

Result<Moment> MomentOf(sqlite3_value* value, StaticType type) {
  if (sqlite3_value_type(value) != SQLITE_TEXT) {
    return Status::InvalidArgument("a date, time or interval is expected: got " +
                                   std::string(TextOf(value)))
        .WithSqlState("42883");
  }
  return ReadMoment(TextOf(value), type);
}

/// An argument that is a date or timestamp.
Result<std::int64_t> TimestampOf(sqlite3_value* value) {
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(value, StaticType::kTimestamp));
  return moment.micros;
}

StaticType TypeArgument(sqlite3_value* value) {
  const int type = sqlite3_value_int(value);
  return type < 0 || type > static_cast<int>(StaticType::kInterval) ? StaticType::kUnknown
                                                                    : static_cast<StaticType>(type);
}

Value MomentValue(const Moment& moment) { return Value::Text(ShowMoment(moment)); }

Result<Value> DayValue(std::int64_t micros) {
  if (micros < kTimestampMin || micros > kTimestampMax) {
    return Status::InvalidArgument("date out of range: years are 1 to 9999").WithSqlState("22008");
  }
  return MomentValue({StaticType::kDate, micros, {}});
}

// A date and a number of days.
Result<Value> ShiftDay(const Moment& moment, sqlite3_value* num_days, int sign) {
  std::int64_t span = 0;
  std::int64_t micros = 0;
  const bool whole = sqlite3_value_type(num_days) == SQLITE_INTEGER;
  if (moment.type != StaticType::kDate || !whole) {
    return Status::InvalidArgument("only whole numbers of days are added, and to dates alone")
        .WithSqlState("42883")
        .WithHint("Add an interval, such as interval '1 day'.");
  }
  if (__builtin_mul_overflow(sqlite3_value_int64(num_days), sign * kMicrosPerDay, &span) ||
      __builtin_add_overflow(moment.micros, span, &micros)) {
    return DayValue(kTimestampMax + 1);
  }
  return DayValue(micros);
}

// dashi_time_add(a, type, b, type)
Result<Value> TimeAdd(StatementContext& /*statement*/, TimeArguments arguments) {
  const StaticType a_type = TypeArgument(arguments[1]);
  const StaticType b_type = TypeArgument(arguments[3]);
  if (IsNumber(arguments[0])) {
    DASHI_ASSIGN_OR_RETURN(const Moment b, MomentOf(arguments[2], b_type));
    return ShiftDay(b, arguments[0], 1);
  }
  DASHI_ASSIGN_OR_RETURN(const Moment a, MomentOf(arguments[0], a_type));
  if (IsNumber(arguments[2])) {
    return ShiftDay(a, arguments[2], 1);
  }
  DASHI_ASSIGN_OR_RETURN(const Moment b, MomentOf(arguments[2], b_type));
  DASHI_ASSIGN_OR_RETURN(const Moment sum, AddMoments(a, b, 1));
  return MomentValue(sum);
}

// dashi_time_subtract(a, type, b, type)
Result<Value> TimeSubtract(StatementContext& /*statement*/, TimeArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Moment a, MomentOf(arguments[0], TypeArgument(arguments[1])));
  if (IsNumber(arguments[2])) {
    return ShiftDay(a, arguments[2], -1);
  }
  DASHI_ASSIGN_OR_RETURN(const Moment b, MomentOf(arguments[2], TypeArgument(arguments[3])));
  if (a.type == StaticType::kDate && b.type == StaticType::kDate) {
    return Value::Integer((a.micros - b.micros) / kMicrosPerDay);
  }
  DASHI_ASSIGN_OR_RETURN(const Moment difference, AddMoments(a, b, -1));
  return MomentValue(difference);
}

// dashi_minus(a, b): a - b of columns, whose types only the values tell.
Result<Value> Minus(StatementContext& statement, TimeArguments arguments) {
  const bool text = sqlite3_value_type(arguments[0]) == SQLITE_TEXT &&
                    sqlite3_value_type(arguments[1]) == SQLITE_TEXT;
  const int a = sqlite3_value_numeric_type(arguments[0]);
  const int b = sqlite3_value_numeric_type(arguments[1]);
  const auto number = [](int type) { return type == SQLITE_INTEGER || type == SQLITE_FLOAT; };
  if (text && !number(a) && !number(b)) {
    DASHI_ASSIGN_OR_RETURN(const Moment later, MomentOf(arguments[0], StaticType::kUnknown));
    DASHI_ASSIGN_OR_RETURN(const Moment earlier, MomentOf(arguments[1], StaticType::kUnknown));
    if (later.type == StaticType::kDate && earlier.type == StaticType::kDate) {
      return Value::Integer((later.micros - earlier.micros) / kMicrosPerDay);
    }
    DASHI_ASSIGN_OR_RETURN(const Moment difference, AddMoments(later, earlier, -1));
    return MomentValue(difference);
  }
  if (!number(a) || !number(b)) {
    return Status::InvalidArgument(
               "operator does not exist for these values: " + std::string(TextOf(arguments[0])) +
               " - " + std::string(TextOf(arguments[1])))
        .WithSqlState("42883");
  }
  static_cast<void>(statement);
  std::int64_t difference = 0;
  if (a == SQLITE_INTEGER && b == SQLITE_INTEGER) {
    if (__builtin_sub_overflow(sqlite3_value_int64(arguments[0]), sqlite3_value_int64(arguments[1]),
                               &difference)) {
      return Status::InvalidArgument("bigint out of range").WithSqlState("22003");
    }
    return Value::Integer(difference);
  }
  return Value::Real(sqlite3_value_double(arguments[0]) - sqlite3_value_double(arguments[1]));
}

Result<Value> ScaleInterval(TimeArguments arguments, bool divide) {
  const bool first = sqlite3_value_type(arguments[0]) == SQLITE_TEXT;
  sqlite3_value* number = arguments[first ? 1 : 0];
  if (!IsNumber(number)) {
    return Status::InvalidArgument("an interval is multiplied and divided by numbers")
        .WithSqlState("42883");
  }
  DASHI_ASSIGN_OR_RETURN(const Moment moment,
                         MomentOf(arguments[first ? 0 : 1], StaticType::kInterval));
  double factor = sqlite3_value_double(number);
  if (divide && factor == 0) {
    return Status::InvalidArgument("division by zero").WithSqlState("22012");
  }
  factor = divide ? 1 / factor : factor;
  DASHI_ASSIGN_OR_RETURN(const Interval product, MultiplyInterval(moment.interval, factor));
  return MomentValue({StaticType::kInterval, 0, product});
}

Result<Value> IntervalTimes(StatementContext& /*statement*/, TimeArguments arguments) {
  return ScaleInterval(arguments, /*divide=*/false);
}
Result<Value> IntervalDivide(StatementContext& /*statement*/, TimeArguments arguments) {
  return ScaleInterval(arguments, /*divide=*/true);
}

// dashi_interval_order(x): a number that orders intervals.
Result<Value> IntervalOrderOf(StatementContext& /*statement*/, TimeArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(arguments[0], StaticType::kInterval));
  return Value::Real(IntervalOrder(moment.interval));
}

Result<Value> Now(StatementContext& statement, TimeArguments /*arguments*/) {
  return Value::Text(FormatTimestamp(statement.started_at_micros));
}

Result<Value> ClockTimestamp(StatementContext& /*statement*/, TimeArguments /*arguments*/) {
  return Value::Text(FormatTimestamp(Clock::System().NowMicros()));
}

// dashi_today(): current_date.
Result<Value> Today(StatementContext& statement, TimeArguments /*arguments*/) {
  return MomentValue({StaticType::kDate, statement.started_at_micros, {}});
}

Result<Value> Date(StatementContext& statement, TimeArguments arguments) {
  if (EqualsIgnoreCase(TextOf(arguments[0]), "now")) {
    return Today(statement, arguments);
  }
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(arguments[0], StaticType::kDate));
  return MomentValue(moment);
}

Result<Value> DateTrunc(StatementContext& /*statement*/, TimeArguments arguments) {
  const std::string_view zone = arguments.size() == 3 ? TextOf(arguments[2]) : "UTC";
  if (!EqualsIgnoreCase(zone, "UTC") && !EqualsIgnoreCase(zone, "GMT")) {
    return Status::Unimplemented("time zones other than UTC are not supported");
  }
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(arguments[1], StaticType::kUnknown));
  if (moment.type == StaticType::kInterval) {
    return Status::Unimplemented("date_trunc of an interval is not supported");
  }
  DASHI_ASSIGN_OR_RETURN(const std::int64_t micros,
                         TruncateMoment(TextOf(arguments[0]), moment.micros));
  return MomentValue({StaticType::kTimestamp, micros, {}});
}

// date_part(field, x [, type])
Result<Value> DatePartFunction(StatementContext& /*statement*/, TimeArguments arguments) {
  const StaticType type = arguments.size() == 3 ? TypeArgument(arguments[2]) : StaticType::kUnknown;
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(arguments[1], type));
  DASHI_ASSIGN_OR_RETURN(const double part, PartOf(TextOf(arguments[0]), moment));
  return Value::Real(part);
}

Result<Value> AgeFunction(StatementContext& statement, TimeArguments arguments) {
  std::int64_t later = statement.started_at_micros;
  later -= ((later % kMicrosPerDay) + kMicrosPerDay) % kMicrosPerDay;
  if (arguments.size() == 2) {
    DASHI_ASSIGN_OR_RETURN(later, TimestampOf(arguments[0]));
  }
  DASHI_ASSIGN_OR_RETURN(const std::int64_t earlier, TimestampOf(arguments.back()));
  return MomentValue({StaticType::kInterval, 0, Age(later, earlier)});
}

Result<std::int64_t> DayOfArguments(TimeArguments arguments) {
  for (sqlite3_value* value : arguments.first(3)) {
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER) {
      return Status::InvalidArgument("year, month and day are whole numbers").WithSqlState("42883");
    }
  }
  return DayOf(sqlite3_value_int64(arguments[0]), sqlite3_value_int64(arguments[1]),
               sqlite3_value_int64(arguments[2]));
}

Result<Value> MakeDate(StatementContext& /*statement*/, TimeArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t day, DayOfArguments(arguments));
  return DayValue(day);
}

Result<Value> MakeTimestamp(StatementContext& /*statement*/, TimeArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const std::int64_t day, DayOfArguments(arguments));
  const std::int64_t hour = sqlite3_value_int64(arguments[3]);
  const std::int64_t minute = sqlite3_value_int64(arguments[4]);
  const double second = sqlite3_value_double(arguments[5]);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 60)) {
    return Status::InvalidArgument("time field value out of range").WithSqlState("22008");
  }
  const std::int64_t micros =
      (hour * 3600 + minute * 60) * kMicrosPerSecond + std::llround(second * 1e6);
  return MomentValue({StaticType::kTimestamp, day + micros, {}});
}

Result<Value> ToTimestamp(StatementContext& /*statement*/, TimeArguments arguments) {
  if (arguments.size() == 2) {
    return Status::Unimplemented("to_timestamp(text, pattern) is not supported")
        .WithHint("Cast an ISO 8601 text: x::timestamptz.");
  }
  if (!IsNumber(arguments[0])) {
    return Status::InvalidArgument("to_timestamp takes seconds since 1970").WithSqlState("42883");
  }
  const double micros = std::rint(sqlite3_value_double(arguments[0]) * 1e6);
  if (!(micros >= static_cast<double>(kTimestampMin) &&
        micros <= static_cast<double>(kTimestampMax))) {
    return Status::InvalidArgument("timestamp out of range: years are 1 to 9999")
        .WithSqlState("22008");
  }
  return MomentValue({StaticType::kTimestamp, static_cast<std::int64_t>(micros), {}});
}

Result<Value> ToChar(StatementContext& /*statement*/, TimeArguments arguments) {
  if (IsNumber(arguments[0])) {
    return Status::Unimplemented("to_char of numbers is not supported")
        .WithHint("Write printf('%.2f', x) or x::text.");
  }
  DASHI_ASSIGN_OR_RETURN(const Moment moment, MomentOf(arguments[0], StaticType::kUnknown));
  if (moment.type == StaticType::kInterval) {
    return Status::Unimplemented("to_char of intervals is not supported");
  }
  DASHI_ASSIGN_OR_RETURN(std::string text, TimestampToChar(moment.micros, TextOf(arguments[1])));
  return Value::Text(std::move(text));
}

constexpr auto kStrictTime = ScalarFunction::Kind::kStrict;
constexpr auto kNotConstant = ScalarFunction::Kind::kChanges;

constexpr ScalarFunction kTimeFunctions[] = {
    {"statement_timestamp", 0, 0, kNotConstant, Now},
    {"transaction_timestamp", 0, 0, kNotConstant, Now},
    {"clock_timestamp", 0, 0, kNotConstant, ClockTimestamp},
    {"date", 1, 1, kNotConstant, Date},
    {"date_trunc", 2, 3, kStrictTime, DateTrunc},
    {"date_part", 2, 2, kStrictTime, DatePartFunction},
    {"age", 1, 1, kNotConstant, AgeFunction},
    {"age", 2, 2, kStrictTime, AgeFunction},
    {"make_date", 3, 3, kStrictTime, MakeDate},
    {"make_timestamp", 6, 6, kStrictTime, MakeTimestamp},
    {"make_timestamptz", 6, 6, kStrictTime, MakeTimestamp},
    {"to_timestamp", 1, 2, kStrictTime, ToTimestamp},
    {"to_char", 2, 2, kStrictTime, ToChar},
    {"dashi_today", 0, 0, kNotConstant, Today},
    {"dashi_date_part", 3, 3, kStrictTime, DatePartFunction},
    {"dashi_time_add", 4, 4, kStrictTime, TimeAdd},
    {"dashi_time_subtract", 4, 4, kStrictTime, TimeSubtract},
    {"dashi_minus", 2, 2, kStrictTime, Minus},
    {"dashi_interval_times", 2, 2, kStrictTime, IntervalTimes},
    {"dashi_interval_divide", 2, 2, kStrictTime, IntervalDivide},
    {"dashi_interval_order", 1, 1, kStrictTime, IntervalOrderOf},
};

}  // namespace

std::span<const ScalarFunction> TimeFunctions() { return kTimeFunctions; }

}  // namespace dashi::sql::postgres
