#include "sql/import_source.h"

#include <fmt/format.h>

namespace dashi::sql {

std::string ImportSource::PlaceOf(std::uint64_t line) const {
  if (read_row != nullptr) {
    return fmt::format("row {} of {}", line, name);
  }
  return read == nullptr ? fmt::format("{}, line {}", name, line)
                         : fmt::format("line {} of {}", line, name);
}

}  // namespace dashi::sql
