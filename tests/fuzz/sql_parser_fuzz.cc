// Any bytes as an SQL text: the parser gives statements or an error with a position inside the
// text.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "sql/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  dashi::sql::Parser parser(sql);
  for (;;) {
    const auto statement = parser.Next();
    if (!statement.ok()) {
      const auto position = statement.status().position();
      DASHI_CHECK(!position || position->offset <= size);
      return 0;
    }
    if (!*statement) {
      return 0;
    }
    DASHI_CHECK((*statement)->begin_offset() + (*statement)->text().size() <= size);
  }
}
