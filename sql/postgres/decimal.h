#pragma once

#include <string>

namespace dashi::sql::postgres {

/// The text of a finite double as PostgreSQL's double precision has it: the fewest digits that name
/// it, with an exponent below 1e-4 and from 1e15 on. Infinities are Infinity and -Infinity.
std::string FloatText(double value);

/// The text as PostgreSQL's numeric has it: the fewest digits that name it, without exponent.
std::string NumericText(double value);

/// Rounds the decimal number that the fewest digits name, halves away from zero, as numeric does.
/// `places` behind the point; before it when negative.
double RoundDecimal(double value, int places);

/// Cuts the digits behind so many places off.
double TruncateDecimal(double value, int places);

/// The digits that name a double, without point, sign and zeros at the end.
int NumSignificantDigits(double value);

}  // namespace dashi::sql::postgres
