#include "sql/shell/password_text.h"

#include "sql/shell/ascii_case.h"

namespace dashi {

bool MayHoldPassword(std::string_view sql) {
  const std::size_t word = LowerAscii(sql).find("password");
  return word != std::string_view::npos && sql.find_first_of("'$", word) != std::string_view::npos;
}

}  // namespace dashi
