#include "sql/import_source.h"

#include <fmt/format.h>

namespace dashi::sql {

std::string ImportSource::PlaceOf(std::uint64_t line) const {
  return read == nullptr ? fmt::format("{}, line {}", name, line)
                         : fmt::format("line {} of {}", line, name);
}

}  // namespace dashi::sql
