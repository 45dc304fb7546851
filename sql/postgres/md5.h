#pragma once

#include <string>
#include <string_view>

namespace dashi::sql::postgres {

/// The MD5 hash (RFC 1321) of bytes as 32 hexadecimal digits, as md5() of PostgreSQL has it. For
/// comparisons with what others computed, not for secrets.
std::string Md5Hex(std::string_view bytes);

}  // namespace dashi::sql::postgres
