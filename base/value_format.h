#pragma once

#include <string>
#include <string_view>

#include "dashi/value.h"

namespace dashi {

/// Appends one CSV field (RFC 4180): quoted when it holds the delimiter, a quote or a line break.
/// NULL is an empty field, and the empty text is "", so that the two differ.
void AppendCsvField(std::string* out, const Value& value, char delimiter = ',');
void AppendCsvText(std::string* out, std::string_view text, char delimiter = ',');

/// Appends one field of PostgreSQL's text format, which COPY reads as tsv: backslash, delimiter and
/// line breaks are escaped, NULL is \N.
void AppendTsvField(std::string* out, const Value& value, char delimiter = '\t');
void AppendTsvText(std::string* out, std::string_view text, char delimiter = '\t');

/// Appends a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string* out, std::string_view text);

/// Appends a JSON value: numbers as numbers, NULL as null, bytes as a string of "\x" and hex
/// digits. Infinities and NaN, which JSON does not have, are null.
void AppendJsonValue(std::string* out, const Value& value);

}  // namespace dashi
