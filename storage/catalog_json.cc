#include "storage/catalog_json.h"

#include <cmath>
#include <limits>

namespace dashi::storage::catalog {

std::string EncodeJson(const Json& object) {
  std::string bytes(1, static_cast<char>(kCatalogFormat));
  // Messages of the operating system may hold any bytes: replaced, not refused.
  bytes += object.dump(-1, ' ', false, Json::error_handler_t::replace);
  return bytes;
}

Json EncodeNumber(double value) {
  if (std::isfinite(value)) {
    return value;
  }
  return std::isnan(value) ? "nan" : (value > 0 ? "inf" : "-inf");
}

double DecodeNumber(const Json& value) {
  if (value.is_string()) {
    if (value == "inf") {
      return std::numeric_limits<double>::infinity();
    }
    return value == "-inf" ? -std::numeric_limits<double>::infinity()
                           : std::numeric_limits<double>::quiet_NaN();
  }
  return value.get<double>();
}

void ReadNumber(const Json& object, const char* name, double* field) {
  if (const auto found = object.find(name); found != object.end()) {
    *field = DecodeNumber(*found);
  }
}

}  // namespace dashi::storage::catalog
