#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dashi/status.h"

namespace dashi::sql::postgres {

/// to_char(timestamp, pattern) of PostgreSQL, in UTC and with English names.
///
/// Errors: kUnimplemented (0A000) for patterns that are not known here.
Result<std::string> TimestampToChar(std::int64_t micros, std::string_view pattern);

}  // namespace dashi::sql::postgres
