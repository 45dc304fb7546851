// PostgreSQL's functions and operators of numbers, where SQLite's differ.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/postgres/decimal.h"
#include "sql/postgres/functions.h"
#include "sql/virtual_table.h"

namespace dashi::sql::postgres {

namespace {

using NumberArguments = std::span<sqlite3_value*>;

constexpr int kPlacesMax = 400;

/// A number that an argument is or, as text, stands for.
Result<Value> NumberOf(sqlite3_value* value) {
  switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
      return Value::Integer(sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return Value::Real(sqlite3_value_double(value));
    default:
      return Status::InvalidArgument("a number is expected: got \"" + std::string(TextOf(value)) +
                                     "\"")
          .WithSqlState("22P02");
  }
}

Result<double> RealOf(sqlite3_value* value) {
  DASHI_ASSIGN_OR_RETURN(const Value number, NumberOf(value));
  return number.real();
}

/// An operand of / or %: text that is no number counts as SQLite counts it.
Value OperandOf(sqlite3_value* value) {
  const int type = sqlite3_value_numeric_type(value);
  const double real = sqlite3_value_double(value);
  const std::int64_t integer = sqlite3_value_int64(value);
  const bool whole =
      type == SQLITE_INTEGER || (type != SQLITE_FLOAT && real == static_cast<double>(integer));
  return whole ? Value::Integer(integer) : Value::Real(real);
}

Status DivisionByZero() {
  return Status::InvalidArgument("division by zero").WithSqlState("22012");
}

Status IntegerOutOfRange() {
  return Status::InvalidArgument("bigint out of range").WithSqlState("22003");
}

Result<Value> RealResult(double value) {
  if (std::isnan(value)) {
    return Status::InvalidArgument("input is out of range").WithSqlState("22003");
  }
  return Value::Real(value);
}

/// Of finite arguments: an infinite result is an overflow.
Result<Value> FiniteResult(double value) {
  if (std::isinf(value)) {
    return Status::InvalidArgument("value out of range: overflow").WithSqlState("22003");
  }
  return RealResult(value);
}

Result<Value> Divide(StatementContext& /*statement*/, NumberArguments arguments) {
  const Value a = OperandOf(arguments[0]);
  const Value b = OperandOf(arguments[1]);
  if (b.real() == 0) {
    return DivisionByZero();
  }
  if (a.type() == ValueType::kInteger && b.type() == ValueType::kInteger) {
    if (b.integer() == -1) {
      return a.integer() == std::numeric_limits<std::int64_t>::min()
                 ? Result<Value>(IntegerOutOfRange())
                 : Value::Integer(-a.integer());
    }
    return Value::Integer(a.integer() / b.integer());
  }
  const double quotient = a.real() / b.real();
  return std::isinf(a.real()) ? RealResult(quotient) : FiniteResult(quotient);
}

Result<Value> Modulo(StatementContext& /*statement*/, NumberArguments arguments) {
  const Value a = OperandOf(arguments[0]);
  const Value b = OperandOf(arguments[1]);
  if (b.real() == 0) {
    return DivisionByZero();
  }
  if (a.type() == ValueType::kInteger && b.type() == ValueType::kInteger) {
    return Value::Integer(b.integer() == -1 ? 0 : a.integer() % b.integer());
  }
  return RealResult(std::fmod(a.real(), b.real()));
}

// The whole part of a quotient.
Result<Value> Div(StatementContext& statement, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Value quotient, Divide(statement, arguments));
  return quotient.type() == ValueType::kInteger ? quotient
                                                : Value::Real(std::trunc(quotient.real()));
}

Result<Value> Xor(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const Value a, NumberOf(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const Value b, NumberOf(arguments[1]));
  if (a.type() != ValueType::kInteger || b.type() != ValueType::kInteger) {
    return Status::InvalidArgument("the operator # takes whole numbers").WithSqlState("42883");
  }
  return Value::Integer(a.integer() ^ b.integer());
}

Result<Value> Ceil(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return Value::Real(std::ceil(value) + 0.0);
}

Result<Value> Floor(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return Value::Real(std::floor(value));
}

Result<int> PlacesOf(sqlite3_value* value) {
  DASHI_ASSIGN_OR_RETURN(const Value places, NumberOf(value));
  if (places.type() != ValueType::kInteger) {
    return Status::InvalidArgument("the number of places is a whole number").WithSqlState("42883");
  }
  return static_cast<int>(
      std::min<std::int64_t>(std::max<std::int64_t>(places.integer(), -kPlacesMax), kPlacesMax));
}

Result<Value> Round(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  int places = 0;
  if (arguments.size() == 2) {
    DASHI_ASSIGN_OR_RETURN(places, PlacesOf(arguments[1]));
  }
  return Value::Real(RoundDecimal(value, places));
}

Result<Value> RoundEven(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return Value::Real(std::nearbyint(value));
}

Result<Value> Truncate(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  int places = 0;
  if (arguments.size() == 2) {
    DASHI_ASSIGN_OR_RETURN(places, PlacesOf(arguments[1]));
  }
  return Value::Real(TruncateDecimal(value, places));
}

Result<Value> Power(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double base, RealOf(arguments[0]));
  DASHI_ASSIGN_OR_RETURN(const double exponent, RealOf(arguments[1]));
  if (base == 0 && exponent < 0) {
    return Status::InvalidArgument("zero raised to a negative power is undefined")
        .WithSqlState("2201F");
  }
  if (base < 0 && std::floor(exponent) != exponent) {
    return Status::InvalidArgument(
               "a negative number raised to a non-integer power yields a complex result")
        .WithSqlState("2201F");
  }
  return FiniteResult(std::pow(base, exponent));
}

Result<Value> SquareRoot(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  if (value < 0) {
    return Status::InvalidArgument("cannot take square root of a negative number")
        .WithSqlState("2201F");
  }
  return Value::Real(std::sqrt(value));
}

Result<Value> CubeRoot(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return Value::Real(std::cbrt(value));
}

Result<double> PositiveOf(sqlite3_value* value) {
  DASHI_ASSIGN_OR_RETURN(const double number, RealOf(value));
  if (number <= 0) {
    return Status::InvalidArgument(number == 0 ? "cannot take logarithm of zero"
                                               : "cannot take logarithm of a negative number")
        .WithSqlState("2201E");
  }
  return number;
}

Result<Value> NaturalLogarithm(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, PositiveOf(arguments[0]));
  return Value::Real(std::log(value));
}

Result<Value> Logarithm(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, PositiveOf(arguments.back()));
  if (arguments.size() == 1) {
    return Value::Real(std::log10(value));
  }
  DASHI_ASSIGN_OR_RETURN(const double base, PositiveOf(arguments[0]));
  if (base == 1) {
    return DivisionByZero();
  }
  return Value::Real(std::log(value) / std::log(base));
}

Result<Value> Exponential(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return FiniteResult(std::exp(value));
}

Result<Value> Sign(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return Value::Real(value > 0 ? 1 : (value < 0 ? -1 : 0));
}

template <double (*kFunction)(double)>
Result<Value> ArcFunction(StatementContext& /*statement*/, NumberArguments arguments) {
  DASHI_ASSIGN_OR_RETURN(const double value, RealOf(arguments[0]));
  return RealResult(kFunction(value));
}

// A number in [0, 1).
Result<Value> RandomNumber(StatementContext& /*statement*/, NumberArguments /*arguments*/) {
  std::uint64_t bits = 0;
  sqlite3_randomness(sizeof(bits), &bits);
  return Value::Real(static_cast<double>(bits >> 11U) * 0x1p-53);
}

// greatest() and least(): NULLs are left out.
Result<Value> Extreme(NumberArguments arguments, int wanted) {
  Value best;
  for (sqlite3_value* argument : arguments) {
    Value value = ValueFromSqlite(argument);
    if (value.is_null()) {
      continue;
    }
    if (!best.is_null()) {
      DASHI_ASSIGN_OR_RETURN(const int order, CompareValues(value, best));
      if (order != wanted) {
        continue;
      }
    }
    best = std::move(value);
  }
  return best;
}

Result<Value> Greatest(StatementContext& /*statement*/, NumberArguments arguments) {
  return Extreme(arguments, 1);
}
Result<Value> Least(StatementContext& /*statement*/, NumberArguments arguments) {
  return Extreme(arguments, -1);
}

// dashi_series_bound(x): start and stop of generate_series.
Result<Value> SeriesBound(StatementContext& /*statement*/, NumberArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_TEXT) {
    return Status::Unimplemented("generate_series of timestamps is not supported");
  }
  return NumberOf(arguments[0]);
}

Result<Value> SeriesStep(StatementContext& /*statement*/, NumberArguments arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_TEXT) {
    return Status::Unimplemented("generate_series of timestamps is not supported");
  }
  DASHI_ASSIGN_OR_RETURN(const Value step, NumberOf(arguments[0]));
  if (step.real() == 0) {
    return Status::InvalidArgument("step size cannot equal zero").WithSqlState("22023");
  }
  return step;
}

constexpr auto kStrictNumber = ScalarFunction::Kind::kStrict;

constexpr ScalarFunction kMathFunctions[] = {
    {"ceil", 1, 1, kStrictNumber, Ceil},
    {"ceiling", 1, 1, kStrictNumber, Ceil},
    {"floor", 1, 1, kStrictNumber, Floor},
    {"round", 1, 2, kStrictNumber, Round},
    {"trunc", 1, 2, kStrictNumber, Truncate},
    {"mod", 2, 2, kStrictNumber, Modulo},
    {"div", 2, 2, kStrictNumber, Div},
    {"power", 2, 2, kStrictNumber, Power},
    {"pow", 2, 2, kStrictNumber, Power},
    {"sqrt", 1, 1, kStrictNumber, SquareRoot},
    {"cbrt", 1, 1, kStrictNumber, CubeRoot},
    {"ln", 1, 1, kStrictNumber, NaturalLogarithm},
    {"log", 1, 2, kStrictNumber, Logarithm},
    {"log10", 1, 1, kStrictNumber, Logarithm},
    {"exp", 1, 1, kStrictNumber, Exponential},
    {"sign", 1, 1, kStrictNumber, Sign},
    {"acos", 1, 1, kStrictNumber, ArcFunction<std::acos>},
    {"asin", 1, 1, kStrictNumber, ArcFunction<std::asin>},
    {"acosh", 1, 1, kStrictNumber, ArcFunction<std::acosh>},
    {"random", 0, 0, ScalarFunction::Kind::kChanges, RandomNumber},
    {"greatest", 1, -1, ScalarFunction::Kind::kTakesNull, Greatest},
    {"least", 1, -1, ScalarFunction::Kind::kTakesNull, Least},
    {"dashi_divide", 2, 2, kStrictNumber, Divide},
    {"dashi_modulo", 2, 2, kStrictNumber, Modulo},
    {"dashi_xor", 2, 2, kStrictNumber, Xor},
    {"dashi_series_bound", 1, 1, kStrictNumber, SeriesBound},
    {"dashi_series_step", 1, 1, kStrictNumber, SeriesStep},
    {"dashi_round_even", 1, 1, kStrictNumber, RoundEven},
};

}  // namespace

std::span<const ScalarFunction> MathFunctions() { return kMathFunctions; }

}  // namespace dashi::sql::postgres
