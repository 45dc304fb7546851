#include "sql/postgres/decimal.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace dashi::sql::postgres {

namespace {

/// A number as 0.digits * 10^exponent.
struct Digits {
  bool negative = false;
  std::string digits;  ///< without zeros at either end; empty for 0
  int exponent = 0;
};

Digits DigitsOf(double value) {
  std::array<char, 40> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                          std::abs(value), std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  Digits result;
  result.negative = std::signbit(value);
  for (const char c : text.substr(0, e)) {
    if (c != '.') {
      result.digits += c;
    }
  }
  result.exponent = std::atoi(std::string(text.substr(e + 1)).c_str()) + 1;
  while (!result.digits.empty() && result.digits.back() == '0') {
    result.digits.pop_back();
  }
  return result;
}

double ValueOf(const Digits& digits) {
  if (digits.digits.empty()) {
    return 0;
  }
  const std::string text =
      fmt::format("{}0.{}e{}", digits.negative ? "-" : "", digits.digits, digits.exponent);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string PlainText(const Digits& number) {
  if (number.digits.empty()) {
    return "0";
  }
  std::string text = number.negative ? "-" : "";
  const auto size = static_cast<int>(number.digits.size());
  if (number.exponent <= 0) {
    text += "0." + std::string(static_cast<std::size_t>(-number.exponent), '0') + number.digits;
  } else if (number.exponent >= size) {
    text += number.digits + std::string(static_cast<std::size_t>(number.exponent - size), '0');
  } else {
    const auto point = static_cast<std::size_t>(number.exponent);
    text += number.digits.substr(0, point) + "." + number.digits.substr(point);
  }
  return text;
}

// Keeps so many places behind the point; `up`: rounds halves away from zero.
double Keep(double value, int places, bool up) {
  if (!std::isfinite(value)) {
    return value;
  }
  Digits number = DigitsOf(value);
  const int kept = number.exponent + places;
  if (kept >= static_cast<int>(number.digits.size())) {
    return value;
  }
  if (kept < 0) {
    return 0;
  }
  const auto size = static_cast<std::size_t>(kept);
  const bool carry = up && number.digits[size] >= '5';
  number.digits.resize(size);
  if (carry) {
    std::size_t at = size;
    while (at > 0 && number.digits[at - 1] == '9') {
      --at;
    }
    number.digits.resize(at);
    if (at == 0) {
      number.digits = "1";
      ++number.exponent;
    } else {
      ++number.digits[at - 1];
    }
  }
  return ValueOf(number);
}

}  // namespace

std::string FloatText(double value) {
  if (std::isinf(value)) {
    return value < 0 ? "-Infinity" : "Infinity";
  }
  const Digits number = DigitsOf(value);
  constexpr int kExponentMin = -4;
  constexpr int kExponentMax = 15;
  const int exponent = number.exponent - 1;
  if (number.digits.empty()) {
    return number.negative ? "-0" : "0";
  }
  if (exponent >= kExponentMin && exponent < kExponentMax) {
    return PlainText(number);
  }
  std::string mantissa = number.digits.substr(0, 1);
  if (number.digits.size() > 1) {
    mantissa += "." + number.digits.substr(1);
  }
  return fmt::format("{}{}e{}{:02}", number.negative ? "-" : "", mantissa, exponent < 0 ? "-" : "+",
                     std::abs(exponent));
}

std::string NumericText(double value) {
  return std::isinf(value) ? FloatText(value) : PlainText(DigitsOf(value));
}

double RoundDecimal(double value, int places) { return Keep(value, places, /*up=*/true); }

double TruncateDecimal(double value, int places) { return Keep(value, places, /*up=*/false); }

int NumSignificantDigits(double value) { return static_cast<int>(DigitsOf(value).digits.size()); }

}  // namespace dashi::sql::postgres
